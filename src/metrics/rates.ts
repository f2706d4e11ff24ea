/**
 * How quick the pool is of late: request rates, of the whole and of each
 * worker, and latency.
 *
 * @module
 */

import type { DataPlane } from "../plane/contract.ts";
import { LatencyHistogram } from "../shared/latency_histogram.ts";
import { KEPT_SAMPLES, RateWindow } from "./rate_window.ts";

/** Milliseconds between two samples. */
const SAMPLE_INTERVAL_MS = 1000;

/** Samples the counters once a second. */
export class Rates {
  readonly #plane: Pick<DataPlane, "figures">;
  readonly #total = new RateWindow();
  readonly #latencies: LatencyHistogram[] = [];
  #byUpstream = new Map<number, RateWindow>();
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Watches what `plane` counts. */
  constructor(plane: Pick<DataPlane, "figures">) {
    this.#plane = plane;
  }

  /** Begins to sample. */
  start(): void {
    this.#sample();
    this.#timer ??= setInterval(() => this.#sample(), SAMPLE_INTERVAL_MS);
  }

  /** Samples no more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Requests per second of the whole pool, which has had `requests` by now. */
  total(requests: number): number {
    return this.#total.rate(performance.now(), requests);
  }

  /** Requests per second of one worker, which has had `requests` by now. */
  of(upstream: number, requests: number): number {
    const window = this.#byUpstream.get(upstream);
    return window?.rate(performance.now(), requests) ?? 0;
  }

  /** Of the `latency` by now, that of the last ten seconds. */
  recentLatency(latency: LatencyHistogram): LatencyHistogram {
    const oldest = this.#latencies[0];
    return oldest === undefined ? latency : latency.since(oldest);
  }

  #sample(): void {
    const now = performance.now();
    const { requests, latency, upstreams } = this.#plane.figures();
    this.#total.add(now, requests);
    this.#latencies.push(LatencyHistogram.from(latency));
    if (this.#latencies.length > KEPT_SAMPLES + 1) this.#latencies.shift();
    // Built anew, so that workers that are gone are forgotten.
    const windows = new Map<number, RateWindow>();
    for (const [key, upstream] of upstreams) {
      const window = this.#byUpstream.get(key) ?? new RateWindow();
      window.add(now, upstream.requests);
      windows.set(key, window);
    }
    this.#byUpstream = windows;
  }
}
