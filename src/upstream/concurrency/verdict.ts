/**
 * What the latency of requests at two limits says about the limit. Pure.
 *
 * @module
 */

import { type Cohort, LEAST_COUNT } from "./cohort.ts";

/** Factor of concurrency between two cohorts below which their latencies say nothing. */
export const LEAST_CONTRAST = 1.2;

/**
 * Factor by which the latency may be higher than at the lower limit: where
 * requests wait and compute by turns, the best limit is beyond the one at
 * which they begin to meet. Netflix's limiter has 1.5.
 */
const LATENCY_TOLERANCE = 1.25;

/** A latency that has changed by this factor is that of other work. */
const DRIFT_FACTOR = 1.5;

/** Whether a higher limit or a lower one is tried. */
export type Direction = "up" | "down";

/**
 * Returns the factor by which the limit should change, in [1/contrast, 1] for
 * a lower and in [1, 2] for a limit twice as high; `null` when it cannot be
 * told.
 *
 * @param base Requests served at the limit there is.
 * @param trial Requests served at the one that is tried.
 */
export function judgeTrial(
  direction: Direction,
  base: Cohort,
  trial: Cohort,
): number | null {
  const contrast = trial.concurrency / base.concurrency;
  // Without requests these are no numbers, of which all comparisons are false.
  const clear = trial.count >= LEAST_COUNT &&
    (direction === "up"
      ? contrast >= LEAST_CONTRAST
      : contrast <= 1 / LEAST_CONTRAST);
  if (!clear) return null;
  const slowdown = trial.meanMs / base.meanMs;
  if (direction === "down") {
    return clamp(slowdown * LATENCY_TOLERANCE, contrast, 1);
  }
  // Extrapolated to twice the limit: not all of the room may have been used.
  // 0 is as quick as before, 1 as much slower as there are more at once.
  const elasticity = Math.log(slowdown) / Math.log(contrast);
  return 2 ** (1 - clamp(elasticity, 0, 1));
}

/** Whether the latency is another than the concurrency explains, whatever the workers do. */
export function hasDrifted(known: Cohort, base: Cohort): boolean {
  const slower = base.meanMs / known.meanMs;
  const busier = base.concurrency / known.concurrency;
  return slower > Math.max(1, busier) * DRIFT_FACTOR ||
    slower < Math.min(1, busier) / DRIFT_FACTOR;
}

/** `value`, or the bound it is beyond. */
export function clamp(value: number, least: number, greatest: number): number {
  return Math.min(greatest, Math.max(least, value));
}
