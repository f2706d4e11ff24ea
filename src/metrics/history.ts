/**
 * The last 15 minutes of a pool, so that whoever looks now sees what was.
 *
 * Bounded: a sample a second for a while, and one for ten seconds beyond that.
 * A longer sample has the worst of its time, so that what lasted for a second
 * is still to be seen.
 *
 * @module
 */

import {
  type HistoryReading,
  SampleSeries,
  totalsOf,
} from "./sample_series.ts";

/** Milliseconds between two readings. */
const READ_INTERVAL_MS = 1000;

/** Samples of a second each: three minutes, in which a reload or a replacement can be followed. */
const KEPT_SECONDS = 180;

/** Readings that make one of the longer samples. */
const READINGS_PER_LONG_SAMPLE = 10;

/** Samples of ten seconds each: 15 minutes. */
const KEPT_LONG_SAMPLES = 90;

/**
 * The last 15 minutes, in columns: the first of each belongs to the oldest
 * sample. A figure that cannot be had is `null`.
 */
export interface MetricsHistory {
  /** When each sample ended, as seconds since the Unix epoch. */
  readonly at: readonly number[];
  /** Requests finished per second. */
  readonly requestsPerSecond: readonly number[];
  /** Requests per second that got 5xx. */
  readonly failuresPerSecond: readonly number[];
  /** Median latency in milliseconds; `null` without requests. */
  readonly p50: readonly (number | null)[];
  /** 99th percentile of the latency in milliseconds; `null` without requests. */
  readonly p99: readonly (number | null)[];
  /** Requests being handled, those that wait included, at most. */
  readonly inFlight: readonly number[];
  /** Requests waiting for a worker, at most. */
  readonly queued: readonly number[];
  /** Workers that could be given work, at least. */
  readonly ready: readonly number[];
  /** Workers wanted, at the end. */
  readonly desired: readonly number[];
  /** Slots that had no ready worker at some time. */
  readonly down: readonly (readonly number[])[];
  /** Requests per second by slot; `null` where there was no such slot. */
  readonly workers: Readonly<Record<string, readonly (number | null)[]>>;
}

/** Keeps the last 15 minutes. */
export class History {
  readonly #read: () => HistoryReading;
  readonly #clock: () => number;
  readonly #seconds = new SampleSeries(1, KEPT_SECONDS);
  readonly #long = new SampleSeries(
    READINGS_PER_LONG_SAMPLE,
    KEPT_LONG_SAMPLES,
  );
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Keeps what `read` returns. `clock` tells milliseconds since the Unix epoch. */
  constructor(read: () => HistoryReading, clock: () => number = Date.now) {
    this.#read = read;
    this.#clock = clock;
  }

  /** Begins to read, once a second. */
  start(): void {
    this.take();
    this.#timer ??= setInterval(() => this.take(), READ_INTERVAL_MS);
  }

  /** Reads no more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Reads once. */
  take(): void {
    const reading = this.#read();
    const totals = totalsOf(reading, this.#clock());
    this.#seconds.add(reading, totals);
    this.#long.add(reading, totals);
  }

  /** What has been since `sinceSeconds`, as seconds since the Unix epoch. */
  since(sinceSeconds: number): MetricsHistory {
    const seconds = this.#seconds.samples;
    const oldestSecond = seconds[0]?.at ?? Infinity;
    const samples = [
      ...this.#long.samples.filter(({ at }) => at < oldestSecond),
      ...seconds,
    ].filter(({ at }) => at > sinceSeconds);
    const slots = samples.reduce(
      (most, { workers }) => Math.max(most, workers.length),
      0,
    );
    return {
      at: samples.map(({ at }) => at),
      requestsPerSecond: samples.map((sample) => sample.requestsPerSecond),
      failuresPerSecond: samples.map((sample) => sample.failuresPerSecond),
      p50: samples.map(({ p50 }) => p50),
      p99: samples.map(({ p99 }) => p99),
      inFlight: samples.map(({ inFlight }) => inFlight),
      queued: samples.map(({ queued }) => queued),
      ready: samples.map(({ ready }) => ready),
      desired: samples.map(({ desired }) => desired),
      down: samples.map(({ down }) => down),
      workers: Object.fromEntries(
        Array.from({ length: slots }, (_, slot) => [
          slot,
          samples.map(({ workers }) => knownOrNull(workers[slot])),
        ]),
      ),
    };
  }
}

function knownOrNull(rate: number | undefined): number | null {
  return rate === undefined || Number.isNaN(rate)
    ? null
    : Math.round(rate * 10) / 10;
}
