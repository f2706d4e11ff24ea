/**
 * When probes make a worker unhealthy and when healthy again: so many in a row.
 *
 * Pure. Knows neither probes nor workers.
 *
 * @module
 */

import type { Reach } from "../pool/health_watcher.ts";

/** How many probes in a row change a worker's health. */
export interface Thresholds {
  /** Failures in a row that make it unhealthy. */
  readonly healthFall: number;
  /** Successes in a row that make it healthy again. */
  readonly healthRise: number;
}

/** What came of one probe. */
export type ProbeOutcome =
  /** A good response. */
  | "passed"
  /** A response, and not a good one. */
  | "failed"
  /** None: refused, cut, or not in time. */
  | "silent";

/** What the probes so far amount to. */
export interface ProbeCount {
  /** `null` until the first success. */
  readonly healthy: boolean | null;
  /** Successes in a row, up to now. */
  readonly successes: number;
  /** Failures in a row, up to now. */
  readonly failures: number;
  /** Probes in a row without a response, up to now: a part of the failures. */
  readonly silences: number;
}

/** Before the first probe. */
export const UNPROBED: ProbeCount = {
  healthy: null,
  successes: 0,
  failures: 0,
  silences: 0,
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
 * const up = countProbe(UNPROBED, "passed", thresholds);
 * const once = countProbe(up, "failed", thresholds);
 * const twice = countProbe(once, "silent", thresholds);
 * assert.deepEqual([up.healthy, once.healthy, twice.healthy], [true, true, false]);
 * ```
 */
export function countProbe(
  count: ProbeCount,
  outcome: ProbeOutcome,
  thresholds: Thresholds,
): ProbeCount {
  const passed = outcome === "passed";
  const successes = passed ? count.successes + 1 : 0;
  const failures = passed ? 0 : count.failures + 1;
  const silences = outcome === "silent" ? count.silences + 1 : 0;
  return { healthy: judge(), successes, failures, silences };

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
    // Whoever responds in its place, it is not reached.
    silences: Infinity,
  };
}

/** Whether a worker can be reached, judged by as many probes in a row as its health is. */
export function reachOf(
  { silences }: Pick<ProbeCount, "silences">,
  { healthFall }: Pick<Thresholds, "healthFall">,
): Reach {
  if (silences === 0) return "responding";
  return silences < healthFall ? "doubtful" : "unreachable";
}
