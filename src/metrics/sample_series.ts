/**
 * Samples of equal length, made of readings of counters and gauges. Pure.
 *
 * @module
 */

import type { ResponseCount } from "../plane/contract.ts";
import { LatencyHistogram } from "../shared/latency_histogram.ts";
import { rounded } from "./rounded.ts";

/** A pool at one moment; counters count from its start. */
export interface HistoryReading {
  /** Requests finished. */
  readonly requests: number;
  /** Requests by slot and status. Read once. */
  readonly responses: Iterable<ResponseCount>;
  /** Durations of all requests. Copied, not kept. */
  readonly latency: LatencyHistogram;
  /** Requests being handled. */
  readonly inFlight: number;
  /** Requests waiting for a worker. */
  readonly queued: number;
  /** Workers that may be given work. */
  readonly ready: number;
  /** Workers wanted. */
  readonly desired: number;
  /** Slots of the pool, and whether they have a ready worker. */
  readonly slots: ReadonlyMap<number, boolean>;
}

/** What has been over one interval. */
export interface Sample {
  /** When it ended, as seconds since the Unix epoch. */
  readonly at: number;
  readonly requestsPerSecond: number;
  readonly failuresPerSecond: number;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly inFlight: number;
  readonly queued: number;
  readonly ready: number;
  readonly desired: number;
  /** Requests per second by slot; NaN where there was no such slot. Small: there are many of them. */
  readonly workers: Float32Array;
  /** Slots that had no ready worker at some time. */
  readonly down: readonly number[];
}

/** What the counters stood at. */
export interface Totals {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly requests: number;
  readonly failures: number;
  readonly bySlot: readonly number[];
  readonly latency: LatencyHistogram;
}

/** The worst of the readings of one interval. */
interface Extremes {
  readonly inFlight: number;
  readonly queued: number;
  readonly ready: number;
  /** Whether the slots had a ready worker at each reading. */
  readonly slots: ReadonlyMap<number, boolean>;
}

/** Keeps the last samples. */
export class SampleSeries {
  readonly #readingsPerSample: number;
  readonly #kept: number;
  #samples: Sample[] = [];
  #begin: Totals | null = null;
  #extremes: Extremes | null = null;
  #readings = 0;

  /** Makes one sample of so many readings, and keeps the last `kept`. */
  constructor(readingsPerSample: number, kept: number) {
    this.#readingsPerSample = readingsPerSample;
    this.#kept = kept;
  }

  /** Oldest first. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  /** Takes a reading in, and what its counters stood at. */
  add(reading: HistoryReading, totals: Totals): void {
    const begin = this.#begin;
    if (begin === null || totals.at <= begin.at) {
      // The first, or the clock has been set back: what was has no place in time.
      this.#samples = [];
      return this.#restart(totals);
    }
    this.#extremes = worstOf(this.#extremes, reading);
    if (++this.#readings < this.#readingsPerSample) return;
    this.#samples.push(sampleOf(begin, totals, {
      ...this.#extremes,
      desired: reading.desired,
    }));
    if (this.#samples.length > this.#kept) this.#samples.shift();
    this.#restart(totals);
  }

  #restart(begin: Totals): void {
    this.#begin = begin;
    this.#extremes = null;
    this.#readings = 0;
  }
}

/** What the counters of a reading stand at, at `at`: milliseconds since the Unix epoch. */
export function totalsOf(reading: HistoryReading, at: number): Totals {
  let failures = 0;
  const bySlot: number[] = [];
  for (const { workerId, status, count } of reading.responses) {
    if (status >= 500) failures += count;
    if (workerId !== null) bySlot[workerId] = (bySlot[workerId] ?? 0) + count;
  }
  const { requests, latency } = reading;
  return {
    at,
    requests,
    failures,
    bySlot,
    latency: LatencyHistogram.from(latency.figures()),
  };
}

function worstOf(soFar: Extremes | null, reading: HistoryReading): Extremes {
  return {
    inFlight: Math.max(soFar?.inFlight ?? 0, reading.inFlight),
    queued: Math.max(soFar?.queued ?? 0, reading.queued),
    ready: Math.min(soFar?.ready ?? Infinity, reading.ready),
    slots: new Map([
      ...soFar?.slots ?? [],
      ...[...reading.slots].map(([slot, ready]) =>
        [slot, ready && (soFar?.slots.get(slot) ?? true)] as const
      ),
    ]),
  };
}

function sampleOf(
  begin: Totals,
  end: Totals,
  { slots, ...gauges }: Extremes & { readonly desired: number },
): Sample {
  const seconds = (end.at - begin.at) / 1000;
  const latency = end.latency.since(begin.latency);
  const workers = new Float32Array(Math.max(-1, ...slots.keys()) + 1).fill(NaN);
  for (const slot of slots.keys()) {
    const before = begin.bySlot[slot] ?? 0;
    workers[slot] = ((end.bySlot[slot] ?? 0) - before) / seconds;
  }
  return {
    at: Math.round(end.at) / 1000,
    requestsPerSecond: rounded((end.requests - begin.requests) / seconds),
    failuresPerSecond: rounded((end.failures - begin.failures) / seconds),
    p50: rounded(latency.quantile(0.5)),
    p99: rounded(latency.quantile(0.99)),
    ...gauges,
    workers,
    down: [...slots].filter(([, ready]) => !ready).map(([slot]) => slot),
  };
}
