/**
 * Durations by frequency: plain numbers in an array, nothing allocated.
 *
 * @module
 */

/** Buckets to a power of two: a quantile is at most 9 % too high. */
const BUCKETS_PER_OCTAVE = 8;

/** Shortest latency told apart, in milliseconds. */
const LOWEST_MS = 1 / 64;

/** Octaves above that: 2^30 / 64 ms is 4.6 hours. */
const OCTAVES = 30;

const BUCKETS = OCTAVES * BUCKETS_PER_OCTAVE + 1;

/** Durations by frequency, as plain data. */
export interface HistogramFigures {
  /** Durations recorded. */
  readonly count: number;
  /** Their sum in milliseconds. */
  readonly sumMs: number;
  /** The longest in milliseconds. */
  readonly maxMs: number;
  /** How many are in each bucket of a {@linkcode LatencyHistogram}. */
  readonly buckets: Float64Array;
}

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

  /**
   * How many durations do not exceed `boundMs`. Exact where the bound is one
   * of a bucket, as each power of two is.
   */
  countWithin(boundMs: number): number {
    const octaves = Math.log2(boundMs / LOWEST_MS);
    const last = Math.floor(octaves * BUCKETS_PER_OCTAVE);
    let count = 0;
    for (let index = 0; index <= last && index < BUCKETS; index++) {
      count += this.#buckets[index]!;
    }
    return count;
  }

  /** What is recorded by now, as plain data. */
  figures(): HistogramFigures {
    const { count, sumMs, maxMs } = this;
    return { count, sumMs, maxMs, buckets: this.#buckets.slice() };
  }

  /** The histogram that `figures` were taken of. */
  static from(figures: HistogramFigures): LatencyHistogram {
    const histogram = new LatencyHistogram();
    histogram.count = figures.count;
    histogram.sumMs = figures.sumMs;
    histogram.maxMs = figures.maxMs;
    histogram.#buckets.set(figures.buckets);
    return histogram;
  }

  /** The durations recorded since `earlier`, a copy of this. Its longest may be an earlier one. */
  since(earlier: LatencyHistogram): LatencyHistogram {
    const difference = LatencyHistogram.from(this.figures());
    difference.count -= earlier.count;
    difference.sumMs -= earlier.sumMs;
    for (let index = 0; index < BUCKETS; index++) {
      difference.#buckets[index]! -= earlier.#buckets[index]!;
    }
    return difference;
  }
}
