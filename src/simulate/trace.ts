/**
 * Load over time: what a simulation is fed.
 *
 * @module
 */

/** From this time on, so many requests come a second. */
export interface TracePoint {
  /** Seconds since the begin of the trace. */
  readonly atS: number;
  /** Requests per second. */
  readonly rate: number;
}

/** Load over time. */
export interface Trace {
  /** What it is called in the output. */
  readonly name: string;
  /** In the order of time, the first at 0; each holds until the next. */
  readonly points: readonly TracePoint[];
  /** When the last one ends, in seconds. */
  readonly durationS: number;
}

/** A trace that cannot be read. The message says where and why. */
export class TraceError extends Error {
  override readonly name = "TraceError";
}

/** The longest trace: a month of it takes seconds to simulate. */
export const MAX_DURATION_S = 31 * 24 * 3600;

/** The highest rate, in requests per second: within a month of it requests can still be counted. */
const MAX_RATE = 1e9;

/**
 * Makes a trace of points, whose times may begin anywhere. The last point
 * holds as long as the one before it.
 *
 * @throws {TraceError} when there are fewer than two points, or it is too long or too high.
 */
export function traceOf(
  name: string,
  points: readonly TracePoint[],
): Trace {
  const [first, last] = [points[0], points.at(-1)];
  const beforeLast = points.at(-2);
  if (!first || !last || !beforeLast) {
    throw new TraceError(
      `Cannot simulate ${name}: it needs two points in time at least`,
    );
  }
  const durationS = last.atS - first.atS + (last.atS - beforeLast.atS);
  if (durationS > MAX_DURATION_S) {
    throw new TraceError(
      `Cannot simulate ${name}: it is longer than ${
        MAX_DURATION_S / 86_400
      } days; is the time in seconds?`,
    );
  }
  if (points.some(({ rate }) => rate > MAX_RATE)) {
    throw new TraceError(
      `Cannot simulate ${name}: it has more than ${MAX_RATE} requests per second`,
    );
  }
  return {
    name,
    points: points.map(({ atS, rate }) => ({ atS: atS - first.atS, rate })),
    durationS,
  };
}
