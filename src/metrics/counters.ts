/**
 * What the data plane counts: plain numbers in arrays, nothing allocated.
 *
 * @module
 */

/** Buckets of the latency histogram to a power of two: a quantile is at most 9 % too high. */
const BUCKETS_PER_OCTAVE = 8;

/** Shortest latency told apart, in milliseconds. */
const LOWEST_MS = 1 / 64;

/** Octaves above that: 2^30 / 64 ms is 4.6 hours. */
const OCTAVES = 30;

const BUCKETS = OCTAVES * BUCKETS_PER_OCTAVE + 1;

/** Durations by frequency, in buckets that grow by an eighth of an octave. */
export class LatencyHistogram {
  /** Durations recorded. */
  count = 0;
  /** Their sum in milliseconds. */
  sumMs = 0;
  /** The longest in milliseconds. */
  maxMs = 0;
  readonly #buckets = new Float64Array(BUCKETS);

  /** Adds a duration in milliseconds. */
  record(durationMs: number): void {
    this.count++;
    this.sumMs += durationMs;
    if (durationMs > this.maxMs) this.maxMs = durationMs;
    const octaves = Math.log2(durationMs / LOWEST_MS);
    const index = octaves > 0 ? Math.ceil(octaves * BUCKETS_PER_OCTAVE) : 0;
    this.#buckets[index < BUCKETS ? index : BUCKETS - 1]!++;
  }

  /** The duration that `ratio` (0-1) of all do not exceed, in milliseconds, or `null` without any. */
  quantile(ratio: number): number | null {
    if (this.count === 0) return null;
    const rank = Math.max(1, Math.ceil(ratio * this.count));
    let seen = 0;
    for (let index = 0; index < BUCKETS; index++) {
      seen += this.#buckets[index]!;
      if (seen >= rank) {
        const upper = LOWEST_MS * 2 ** (index / BUCKETS_PER_OCTAVE);
        return Math.min(upper, this.maxMs);
      }
    }
    return this.maxMs;
  }
}

/** Counters of all requests, whichever worker answered them. */
export class Counters {
  /** Requests answered, by us or by a worker, or given up. The admin pages' own do not count. */
  requests = 0;
  /** Requests being handled. */
  inFlight = 0;
  /** Requests sent once more, to another worker or over another connection. */
  retries = 0;
  /** Client connections open. */
  clientConnections = 0;
  /** Durations of all requests. */
  readonly latency = new LatencyHistogram();
  /** Answers by status; index 0 counts requests whose client had gone. */
  readonly #statuses = new Float64Array(1000);
  /** Answers of our own by status. */
  readonly #errors = new Float64Array(1000);

  /** Counts a finished request. */
  record(status: number, durationMs: number): void {
    this.requests++;
    this.#statuses[status]!++;
    this.latency.record(durationMs);
  }

  /** Counts an answer that was ours, because no worker's could be had. */
  recordError(status: number): void {
    this.#errors[status]!++;
  }

  /** Requests answered with `status`. */
  answered(status: number): number {
    return this.#statuses[status] ?? 0;
  }

  /** Requests answered with a status of this class, 1-5. */
  answeredInClass(hundreds: number): number {
    return this.#statuses
      .subarray(hundreds * 100, hundreds * 100 + 100)
      .reduce((sum, count) => sum + count, 0);
  }

  /** Answers of our own with `status`. */
  errors(status: number): number {
    return this.#errors[status] ?? 0;
  }
}
