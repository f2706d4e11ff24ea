/**
 * When probes make a worker unhealthy and when healthy again: so many in a row.
 *
 * Pure. Knows neither probes nor workers.
 *
 * @module
 */

/** How many probes in a row change a worker's health. */
export interface Thresholds {
  /** Failures in a row that make it unhealthy. */
  readonly healthFall: number;
  /** Successes in a row that make it healthy again. */
  readonly healthRise: number;
}

/** What the probes so far amount to. */
export interface ProbeCount {
  /** `null` until the first success. */
  readonly healthy: boolean | null;
  /** Successes in a row, up to now. */
  readonly successes: number;
  /** Failures in a row, up to now. */
  readonly failures: number;
}

/** Before the first probe. */
export const UNPROBED: ProbeCount = {
  healthy: null,
  successes: 0,
  failures: 0,
};

/**
 * Returns the count after one more probe.
 *
 * The very first success is enough, whatever the rise: a new worker has done
 * nothing yet to be distrusted for.
 *
 * @example
 * ```ts
 * import { countProbe, UNPROBED } from "./thresholds.ts";
 * import assert from "node:assert/strict";
 *
 * const thresholds = { healthFall: 2, healthRise: 1 };
 * const up = countProbe(UNPROBED, true, thresholds);
 * const once = countProbe(up, false, thresholds);
 * const twice = countProbe(once, false, thresholds);
 * assert.deepEqual([up.healthy, once.healthy, twice.healthy], [true, true, false]);
 * ```
 */
export function countProbe(
  count: ProbeCount,
  passed: boolean,
  thresholds: Thresholds,
): ProbeCount {
  const successes = passed ? count.successes + 1 : 0;
  const failures = passed ? 0 : count.failures + 1;
  return { healthy: judge(), successes, failures };

  function judge(): boolean | null {
    switch (count.healthy) {
      case null:
        return passed ? true : null;
      case true:
        return failures < thresholds.healthFall;
      case false:
        return successes >= thresholds.healthRise;
    }
  }
}

/** Returns the count after a probe that shows at once that the worker is lost to its clients: no more of them are waited for. */
export function countLoss(count: ProbeCount): ProbeCount {
  return {
    healthy: count.healthy === null ? null : false,
    successes: 0,
    failures: count.failures + 1,
  };
}
