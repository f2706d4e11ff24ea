/**
 * The latency of some requests that were given to workers one after the other
 * under the same limit. Pure.
 *
 * All that were taken count, however long they take: leaving out those that
 * are not back when others are would make the slow look rare.
 *
 * @module
 */

import { LatencyTrend } from "./latency_trend.ts";

/** Requests whose mean says something at least. */
export const LEAST_COUNT = 16;

/** Requests that are enough, however different they are. */
export const ENOUGH_COUNT = 100;

/** Standard error of the mean that is precise enough, relative to the mean. */
const RELATIVE_ERROR = 0.1;

/** Ratio of requests whose order is chance: two responses that come together are not told apart. */
const OUT_OF_ORDER_RATIO = 0.03;

/** The same of a few requests: two that came together are no sign. */
const OUT_OF_ORDER = 2;

/** Places that are told apart. */
export const MOST_PLACES = 64;

/** Standard deviation of the latency, relative to its mean, from which on requests differ much. */
const LEAST_SPREAD = 0.3;

/** Requests that are enough where there is haste ... */
const HASTY_COUNT = 24;

/** ... since so many are at each worker. */
export const RUSHED_CROWD = 8;

/** Shorter times are not told apart. */
const SHORTEST_MS = 0.01;

/** One request of a sample. */
export interface SampledRequest {
  readonly sample: LatencySample;
  readonly concurrency: number;
  readonly claimedAt: number;
}

/** Some requests served under the same limit. */
export class LatencySample {
  /** Requests that a worker may be given at once meanwhile. */
  readonly cap: number;
  /** When the first could be taken. */
  readonly startedAt: number;
  /** Whether a rough idea at once is better than a good one, where many are at a worker already. */
  hasty = false;
  /** Requests taken. */
  taken = 0;
  /** Requests that were served. */
  count = 0;
  /** What those that were served say of each other. */
  readonly trend: LatencyTrend = new LatencyTrend();
  #sumMs = 0;
  #sumOfLogs = 0;
  #sumOfSquares = 0;
  #sumOfConcurrency = 0;
  #atCap = 0;
  /** How many were served in which place. */
  readonly #places: number[] = [];
  #ordered = 0;

  /** Standard deviation that requests are taken to have at least, relative to their mean. */
  readonly #leastSpread: number;

  /** Begins a sample at `now`; `leastSpread` is what others have shown. */
  constructor(now: number, cap: number, leastSpread = 0) {
    this.startedAt = now;
    this.cap = cap;
    this.#leastSpread = leastSpread;
  }

  /** Standard deviation, relative to the mean. */
  get spread(): number {
    const mean = this.meanMs;
    const variance = Math.max(0, this.#sumOfSquares / this.count - mean * mean);
    return Math.sqrt(variance) / mean;
  }

  /** Mean time that a worker had a request, in milliseconds. */
  get meanMs(): number {
    return this.#sumMs / this.count;
  }

  /** Geometric mean of the same: what is usual, however long a few take. */
  get usualMs(): number {
    return Math.exp(this.#sumOfLogs / this.count);
  }

  /** Mean concurrency of those taken. */
  get concurrency(): number {
    return this.#sumOfConcurrency / this.taken;
  }

  /** Whether all that were taken were served, and enough of them. */
  get complete(): boolean {
    return this.count === this.taken && this.count >= LEAST_COUNT;
  }

  /** Standard error of the mean, relative to the mean. */
  get relativeError(): number {
    // Those that are at one worker together wait for each other, so that they
    // are slow together: only one of them counts.
    const independent = this.count / this.concurrency;
    return Math.max(this.spread, this.#leastSpread) / Math.sqrt(independent);
  }

  /** Whether so many are at each worker that a rough idea is to do. */
  get rushed(): boolean {
    return this.hasty && this.concurrency >= RUSHED_CROWD;
  }

  /** Whether enough were served for the mean to be believed. */
  get precise(): boolean {
    if (this.count < LEAST_COUNT) return false;
    if (this.rushed && this.count >= HASTY_COUNT) return true;
    return this.count >= ENOUGH_COUNT || this.relativeError <= RELATIVE_ERROR;
  }

  /** Ratio of those taken that had the highest concurrency allowed. */
  get bound(): number {
    return this.#atCap / this.taken;
  }

  /**
   * How many a worker does at once at least, as the order shows in which they
   * are served: one that does one at a time serves the oldest each time, one
   * with n threads one of the n oldest.
   */
  get parallelism(): number {
    const chance = Math.max(OUT_OF_ORDER, this.#ordered * OUT_OF_ORDER_RATIO);
    let later = this.#ordered;
    for (let place = 0; place < this.#places.length; place++) {
      later -= this.#places[place]!;
      if (later <= chance) return place + 1;
    }
    return 1;
  }

  /** Whether requests that differ much were served in turn, all the same, which those that do not wait for each other are not. */
  get inTurn(): boolean {
    return this.#ordered >= LEAST_COUNT && this.parallelism === 1 &&
      this.spread >= LEAST_SPREAD;
  }

  /** Takes note in which place a request was served: 0 is that of the oldest at its worker. */
  noteOrder(place: number): void {
    const last = Math.min(place, MOST_PLACES - 1);
    while (this.#places.length <= last) this.#places.push(0);
    this.#places[last]!++;
    this.#ordered++;
  }

  /** Takes a request in. */
  take(concurrency: number, now: number): SampledRequest {
    this.taken++;
    this.#sumOfConcurrency += concurrency;
    if (concurrency >= this.cap) this.#atCap++;
    return { sample: this, concurrency, claimedAt: now };
  }

  /** Takes note that a request was served. */
  give({ claimedAt, concurrency }: SampledRequest, now: number): void {
    const ms = now - claimedAt;
    this.count++;
    this.#sumMs += ms;
    const logOfMs = Math.log(Math.max(ms, SHORTEST_MS));
    this.#sumOfLogs += logOfMs;
    this.trend.add(concurrency, logOfMs);
    this.#sumOfSquares += ms * ms;
  }
  /** Forgets a request that has turned out to be no work. */
  drop({ concurrency }: SampledRequest): void {
    this.taken--;
    this.#sumOfConcurrency -= concurrency;
    if (concurrency >= this.cap) this.#atCap--;
  }
}
