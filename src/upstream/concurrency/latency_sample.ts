/**
 * The latency of some requests that were given to workers one after the other
 * under the same limit. Pure.
 *
 * All that were taken count, however long they take: leaving out those that
 * are not back when others are would make the slow look rare.
 *
 * @module
 */

/** Requests whose mean says something at least. */
export const LEAST_COUNT = 16;

/** Requests that are enough, however different they are. */
const ENOUGH_COUNT = 100;

/** Standard error of the mean that is precise enough, relative to the mean. */
const RELATIVE_ERROR = 0.1;

/** One request of a sample. */
export interface SampledRequest {
  readonly sample: LatencySample;
  readonly claimedAt: number;
}

/** Some requests served under the same limit. */
export class LatencySample {
  /** Requests that a worker may be given at once meanwhile. */
  readonly cap: number;
  /** When the first could be taken. */
  readonly startedAt: number;
  /** Requests taken. */
  taken = 0;
  /** Requests that were served. */
  count = 0;
  #sumMs = 0;
  #sumOfSquares = 0;
  #sumOfConcurrency = 0;
  #atCap = 0;

  /** Begins a sample at `now`. */
  constructor(now: number, cap: number) {
    this.startedAt = now;
    this.cap = cap;
  }

  /** Mean time that a worker had a request, in milliseconds. */
  get meanMs(): number {
    return this.#sumMs / this.count;
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
    const mean = this.meanMs;
    const variance = Math.max(0, this.#sumOfSquares / this.count - mean * mean);
    // Those that are at one worker together wait for each other, so that they
    // are slow together: only one of them counts.
    const independent = this.count / this.concurrency;
    return Math.sqrt(variance / independent) / mean;
  }

  /** Whether enough were served for the mean to be believed. */
  get precise(): boolean {
    if (this.count < LEAST_COUNT) return false;
    return this.count >= ENOUGH_COUNT || this.relativeError <= RELATIVE_ERROR;
  }

  /** Ratio of those taken that had the highest concurrency allowed. */
  get bound(): number {
    return this.#atCap / this.taken;
  }

  /** Takes a request in. */
  take(concurrency: number, now: number): SampledRequest {
    this.taken++;
    this.#sumOfConcurrency += concurrency;
    if (concurrency >= this.cap) this.#atCap++;
    return { sample: this, claimedAt: now };
  }

  /** Takes note that a request was served. */
  give({ claimedAt }: SampledRequest, now: number): void {
    const ms = now - claimedAt;
    this.count++;
    this.#sumMs += ms;
    this.#sumOfSquares += ms * ms;
  }
}
