/**
 * Exports the pool's figures every so often, and once at the end.
 *
 * Not through Deno's meter provider: that waits until every thread has brought
 * its figures, and one whose loop is its own brings none while it runs; nor can
 * it be handed a histogram that is counted elsewhere. Here each export has a
 * deadline. One that fails is made good by the next, since all that is counted
 * is counted from the start.
 *
 * @module
 */

import type { CollectedMetric } from "../metrics/collected_metric.ts";
import type { OtlpOptions } from "./otlp_environment.ts";
import { metricsRequest } from "./otlp_metrics.ts";
import { post } from "./post.ts";

/** How long the end may wait for the last export, in milliseconds: it is the end of a drain, which has taken its time. */
const LAST_EXPORT_TIMEOUT_MS = 1_000;

/** The last export has all that the one under way has. */
const SUPERSEDED = Symbol("superseded");

/** How figures are exported. */
export interface MetricsExportOptions extends
  Pick<
    OtlpOptions,
    "endpoint" | "headers" | "resource" | "intervalMs" | "timeoutMs"
  > {
  /** Certificates in PEM that are trusted beside those of every program. */
  readonly caCerts: readonly string[];
}

/** What is exported, and who is told. */
export interface MetricsExportParts {
  /** The figures of the moment. */
  readonly collect: () => readonly CollectedMetric[];
  /** Told when exports begin to fail, with the reason, and with `null` when they do no more. */
  readonly onChange: (failure: string | null) => void;
}

/** Exports figures from its making until {@linkcode MetricsExport.stop}. */
export class MetricsExport {
  readonly #options: MetricsExportOptions;
  readonly #parts: MetricsExportParts;
  readonly #startedAt = Date.now();
  readonly #timer: ReturnType<typeof setInterval>;
  /** The export under way. */
  #current: Promise<void> | null = null;
  #abort: AbortController | null = null;
  #failing = false;

  /** Begins. */
  constructor(options: MetricsExportOptions, parts: MetricsExportParts) {
    this.#options = options;
    this.#parts = parts;
    this.#timer = setInterval(() => {
      // One at a time: the next has what this one had.
      this.#current ??= this.#export(options.timeoutMs).finally(() => {
        this.#current = null;
      });
    }, options.intervalMs);
  }

  /** Exports for the last time, and resolves when that is done, or has taken too long. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#abort?.abort(SUPERSEDED);
    await this.#current;
    const { timeoutMs } = this.#options;
    await this.#export(Math.min(timeoutMs, LAST_EXPORT_TIMEOUT_MS));
  }

  async #export(timeoutMs: number): Promise<void> {
    const { endpoint, headers, resource, caCerts } = this.#options;
    const abort = this.#abort = new AbortController();
    const { signal } = abort;
    const timer = setTimeout(() => abort.abort(), timeoutMs);
    try {
      const context = {
        resource,
        startedAt: this.#startedAt,
        now: Date.now(),
      };
      const request = metricsRequest(this.#parts.collect(), context);
      const body = JSON.stringify(request);
      const status = await post({ endpoint, headers, body, caCerts, signal });
      this.#report(status < 300 ? null : `the response was ${status}`);
    } catch (error) {
      if (signal.reason === SUPERSEDED) return;
      const { message } = error as Error;
      this.#report(
        signal.aborted ? `no response within ${timeoutMs} ms` : message,
      );
    } finally {
      clearTimeout(timer);
    }
  }

  /** Says it once. */
  #report(failure: string | null): void {
    const failing = failure !== null;
    if (failing === this.#failing) return;
    this.#failing = failing;
    this.#parts.onChange(failure);
  }
}
