/**
 * How quick the pool is of late: request rates, of the whole and of each
 * worker, and latency.
 *
 * @module
 */

import type { Upstream } from "../upstream/upstream.ts";
import type { Counters } from "./counters.ts";
import type { LatencyHistogram } from "./latency_histogram.ts";
import { KEPT_SAMPLES, RateWindow } from "./rate_window.ts";

/** Milliseconds between two samples. */
const SAMPLE_INTERVAL_MS = 1000;

/** Samples the counters once a second. */
export class Rates {
  readonly #counters: Counters;
  readonly #upstreams: () => readonly Upstream[];
  readonly #total = new RateWindow();
  readonly #latencies: LatencyHistogram[] = [];
  #byUpstream = new Map<Upstream, RateWindow>();
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Watches `counters` and the counters of the upstreams that `upstreams` returns. */
  constructor(counters: Counters, upstreams: () => readonly Upstream[]) {
    this.#counters = counters;
    this.#upstreams = upstreams;
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

  /** Requests per second of the whole pool. */
  total(): number {
    return this.#total.rate(performance.now(), this.#counters.requests);
  }

  /** Requests per second of one worker. */
  of(upstream: Upstream): number {
    const window = this.#byUpstream.get(upstream);
    return window?.rate(performance.now(), upstream.requests) ?? 0;
  }

  /** Latency over the last ten seconds. */
  recentLatency(): LatencyHistogram {
    const { latency } = this.#counters;
    const oldest = this.#latencies[0];
    return oldest === undefined ? latency : latency.since(oldest);
  }

  #sample(): void {
    const now = performance.now();
    this.#total.add(now, this.#counters.requests);
    this.#latencies.push(this.#counters.latency.copy());
    if (this.#latencies.length > KEPT_SAMPLES + 1) this.#latencies.shift();
    // Built anew, so that workers that are gone are forgotten.
    const windows = new Map<Upstream, RateWindow>();
    for (const upstream of this.#upstreams()) {
      const window = this.#byUpstream.get(upstream) ?? new RateWindow();
      window.add(now, upstream.requests);
      windows.set(upstream, window);
    }
    this.#byUpstream = windows;
  }
}
