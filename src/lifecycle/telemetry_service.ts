/**
 * What is exported by OpenTelemetry beside the spans of requests, which the
 * data plane makes: the pool's figures, and a word where nothing is exported.
 *
 * @module
 */

import type { EventEmitter } from "../events/mod.ts";
import type { Instance } from "../instance.ts";
import type { PrometheusSources } from "../metrics/prometheus.ts";
import { isGranted } from "../shared/is_granted.ts";
import type { MetricsExport } from "../telemetry/metrics_export.ts";
import type { NamedFile } from "../telemetry/otlp_environment.ts";

/** What is exported, and who is told. */
export interface TelemetryParts {
  readonly events: EventEmitter;
  readonly instance: Instance;
  /** The figures of the moment. */
  readonly sources: () => PrometheusSources;
}

/** Exports figures from start to stop, where TRACING wants it. */
export class TelemetryService {
  readonly #tracing: boolean;
  readonly #parts: TelemetryParts;
  #metrics: MetricsExport | null = null;

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
    const { isExporting } = await import("../telemetry/request_tracer.ts");
    if (!isExporting()) {
      return this.#warn(
        "Cannot trace with TRACING=on: Deno exports nothing. " +
          "Set OTEL_DENO=true in the environment of the balancer, and " +
          "OTEL_EXPORTER_OTLP_ENDPOINT where the collector is another machine's.",
      );
    }
    await this.#exportMetrics();
  }

  /** Exports figures for the last time, and ends. */
  async stop(): Promise<void> {
    await this.#metrics?.stop();
    this.#metrics = null;
  }

  async #exportMetrics(): Promise<void> {
    const { sources, instance } = this.#parts;
    const { otlpOptions } = await import("../telemetry/otlp_environment.ts");
    const { MetricsExport } = await import("../telemetry/metrics_export.ts");
    const { collectedMetrics } = await import("../metrics/prometheus.ts");
    let options: ReturnType<typeof otlpOptions>;
    let caCerts: readonly string[];
    try {
      options = otlpOptions(readVariable);
      caCerts = options?.certificate ? [read(options.certificate)] : [];
    } catch (error) {
      return this.#warn((error as Error).message + ".");
    }
    if (options === null) return;
    const { endpoint, clientCertificate } = options;
    if (clientCertificate !== null) {
      this.#warn(
        "Metrics are exported without a client certificate: Deno shows that " +
          `of ${clientCertificate.variable} with spans alone. Have the ` +
          "collector take metrics without one, or scrape /_metrics.",
      );
    }
    const resource = {
      // Several balancers of one service are several streams of figures.
      "service.instance.id": instance.id,
      ...options.resource,
    };
    this.#metrics = new MetricsExport({ ...options, resource, caCerts }, {
      collect: () => collectedMetrics(sources()),
      onChange: (failure) => this.#tell(endpoint, failure),
    });
  }

  #tell({ origin, pathname }: URL, failure: string | null): void {
    const where = `${origin}${pathname}`;
    if (failure !== null) {
      return this.#warn(
        `Cannot export metrics to ${where}: ${failure}. Look at the collector, ` +
          "and at OTEL_EXPORTER_OTLP_ENDPOINT.",
      );
    }
    const message = `Metrics are exported to ${where} again.`;
    this.#parts.events.emit({ type: "notice", level: "info", message });
  }

  #warn(message: string): void {
    this.#parts.events.emit({ type: "notice", level: "warning", message });
  }
}

/** The text of a file. @throws {Error} When it cannot be read; its variable is named. */
function read({ variable, path }: NamedFile): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    const reason = cause instanceof Deno.errors.NotCapable
      ? `Deno does not permit reading it; run with --allow-read=${path}`
      : (cause as Error).message;
    const message = `Cannot export metrics: ${variable} (${path}): ${reason}`;
    throw new Error(message, { cause });
  }
}

/** As Deno's exporter reads it; what Deno does not permit is not set. */
function readVariable(variable: string): string | undefined {
  return isGranted({ name: "env", variable })
    ? Deno.env.get(variable)
    : undefined;
}
