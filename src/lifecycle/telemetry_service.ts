/**
 * What is exported by OpenTelemetry beside the spans of requests, which the
 * data plane makes: the pool's figures, and a word where nothing is exported.
 *
 * @module
 */

import type { EventEmitter } from "../events/mod.ts";
import type { PrometheusSources } from "../metrics/prometheus.ts";

/** What is exported, and who is told. */
export interface TelemetryParts {
  readonly events: EventEmitter;
  /** The figures of the moment. */
  readonly sources: () => PrometheusSources;
}

/** Exports figures from start to stop, where TRACING wants it. */
export class TelemetryService {
  readonly #tracing: boolean;
  readonly #parts: TelemetryParts;
  #end = (): void => {};

  /** Nothing is loaded before {@linkcode start}. */
  constructor(
    { tracing }: { readonly tracing: boolean },
    parts: TelemetryParts,
  ) {
    this.#tracing = tracing;
    this.#parts = parts;
  }

  /** Begins. */
  async start(): Promise<void> {
    if (!this.#tracing) return;
    const { events } = this.#parts;
    const { isExporting } = await import("../telemetry/request_tracer.ts");
    if (!isExporting()) {
      const message = "Cannot trace with TRACING=on: Deno exports nothing. " +
        "Set OTEL_DENO=true in the environment of the balancer, and " +
        "OTEL_EXPORTER_OTLP_ENDPOINT where the collector is another machine's.";
      return events.emit({ type: "notice", level: "warning", message });
    }
  }

  /** Ends. */
  stop(): void {
    this.#end();
  }
}
