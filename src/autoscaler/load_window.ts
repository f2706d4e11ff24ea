/**
 * The load over the last few seconds, as two windows see it: a long one that
 * is steady and a short one that is quick.
 *
 * Pure: it is told the time with each sample.
 *
 * @module
 */

/** The figures at one moment. */
export interface ScalingSample {
  /** When, in milliseconds on a monotonic clock. */
  readonly at: number;
  /**
   * Requests that have come in since the start, finished or not. Were only
   * finished ones counted, workers that are too few would hide how many are
   * needed: more than they finish could never be seen.
   */
  readonly requests: number;
  /** Requests at workers now. */
  readonly inFlight: number;
  /** Requests that wait for a worker now. */
  readonly queued: number;
  /** Workers that may be given work. */
  readonly ready: number;
  /** Of these, how many are at WORKER_CONCURRENCY; 0 without a cap. */
  readonly full: number;
  /** Workers wanted. */
  readonly desired: number;
  /** Most workers there is memory for; `null` when it is not known or not asked for. */
  readonly memoryCeiling: number | null;
}

/**
 * Samples to a long window. Two of them are the short one, so that a step is
 * answered within two fifths of SCALE_INTERVAL_MS, wherever between two
 * samples it falls.
 */
const SAMPLES_PER_INTERVAL = 5;

/**
 * A gap longer than this many long windows was not measured but slept through
 * (a suspended machine, a stopped process). Its average says nothing.
 */
const MAX_GAP_INTERVALS = 2;

/** Returns the milliseconds from one sample to the next. */
export function samplePeriodMs(
  { scaleIntervalMs }: { readonly scaleIntervalMs: number },
): number {
  return scaleIntervalMs / SAMPLES_PER_INTERVAL;
}

/** What the windows show; `null` for one that is not full yet. */
export interface MeasuredLoad {
  /** The last two samples, in requests per second. */
  readonly short: {
    /** What the last one shows. */
    readonly latest: number;
    /** The lower of the two: so much both agree on. */
    readonly agreed: number;
  } | null;
  /** All samples of SCALE_INTERVAL_MS together. */
  readonly long: {
    /** Requests per second. */
    readonly rate: number;
    /** When the window begins. */
    readonly since: number;
  } | null;
}

/**
 * Adds a sample and forgets those that no window needs any more. Forgets all
 * of them when the new one cannot be compared: time stood still or was slept
 * through, or the counter ran backwards.
 */
export function withSample(
  samples: readonly ScalingSample[],
  sample: ScalingSample,
  scaleIntervalMs: number,
): readonly ScalingSample[] {
  const previous = samples.at(-1);
  if (previous === undefined) return [sample];
  const elapsedMs = sample.at - previous.at;
  if (
    elapsedMs <= 0 || elapsedMs > scaleIntervalMs * MAX_GAP_INTERVALS ||
    sample.requests < previous.requests
  ) return [sample];
  const all = [...samples, sample];
  // The long window begins with the newest sample that is old enough.
  const first = all.findLastIndex(({ at }) =>
    sample.at - at >= scaleIntervalMs
  );
  // With few samples in it, those of the short window are older still.
  return all.slice(Math.max(0, Math.min(first, all.length - 3)));
}

/** Returns what the windows show. */
export function measureLoad(
  samples: readonly ScalingSample[],
  scaleIntervalMs: number,
): MeasuredLoad {
  const [third, second, last] = [-3, -2, -1].map((index) => samples.at(index));
  if (second === undefined || last === undefined) {
    return { short: null, long: null };
  }
  const begin = samples.findLast(({ at }) => last.at - at >= scaleIntervalMs);
  const latest = rateBetween(second, last);
  return {
    short: third === undefined ? null : {
      latest,
      agreed: Math.min(latest, rateBetween(third, second)),
    },
    long: begin === undefined ? null : {
      rate: rateBetween(begin, last),
      since: begin.at,
    },
  };
}

/**
 * Returns how many requests waited at least, all through the long window, while
 * every wanted worker was at its cap or had something to do; `null` when there
 * was a sample without. A queue that comes and goes is a sign of chance, not of
 * too few workers: with one request to a worker it is there at most times.
 */
export function steadyQueue(
  samples: readonly ScalingSample[],
  scaleIntervalMs: number,
): number | null {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last || last.at - first.at < scaleIntervalMs) return null;
  const saturated = samples.every((
    { ready, desired, inFlight, queued, full },
  ) =>
    // Idle or missing workers are not made more useful by more of them.
    ready >= Math.max(desired, 1) && inFlight >= ready &&
    (queued > 0 || full >= ready)
  );
  return saturated ? Math.min(...samples.map(({ queued }) => queued)) : null;
}

function rateBetween(from: ScalingSample, to: ScalingSample): number {
  return (to.requests - from.requests) * 1_000 / (to.at - from.at);
}
