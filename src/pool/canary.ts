/**
 * Whether a new generation's worker does its work as well as the old
 * generation does. Pure.
 *
 * @module
 */

import { errorRatio, type Outcomes } from "./outcomes.ts";

/** How long a worker is tried out without enough traffic, in milliseconds. A quiet pool must be reloadable too. */
const QUIET_MS = 1_000;

/** Longest trial, in milliseconds: a doubt that traffic does not settle by then is dropped. */
const LONGEST_MS = 5_000;

/** A doubt is looked at for so many times the requests of an ordinary trial. */
const DOUBT_FACTOR = 4;

/** How many times as slow as the old generation is clearly worse ... */
const SLOWER_RATIO = 3;

/** ... once this many milliseconds are added: the first requests meet cold code. */
const SLOWER_MARGIN_MS = 500;

/** How far a trial has come. */
export interface CanaryTrial {
  /** Requests that are enough when nothing is wrong; 0 is no trial. */
  readonly canaryRequests: number;
  /** Milliseconds since the worker is given requests. */
  readonly elapsedMs: number;
}

/** What a trial has shown. */
export type CanaryVerdict =
  | { readonly type: "open" }
  | { readonly type: "passed" }
  | { readonly type: "failed"; readonly reason: string };

const OPEN: CanaryVerdict = { type: "open" };
const PASSED: CanaryVerdict = { type: "passed" };

/**
 * Returns what the trial of a worker has shown.
 *
 * More errors than chance explains fail it at once, so that few requests
 * suffer. A single error, or a few slow responses, are a doubt that more
 * requests have to settle.
 *
 * @example
 * ```ts
 * import { judgeCanary } from "./canary.ts";
 * import assert from "node:assert/strict";
 *
 * const old = { requests: 1_000, errors: 0, latencySumMs: 3_000 };
 * const trial = { canaryRequests: 5, elapsedMs: 20 };
 * const good = { requests: 5, errors: 0, latencySumMs: 40 };
 * assert.equal(judgeCanary(good, old, trial).type, "passed");
 * const bad = { requests: 2, errors: 2, latencySumMs: 5 };
 * assert.equal(judgeCanary(bad, old, trial).type, "failed");
 * ```
 */
export function judgeCanary(
  canary: Outcomes,
  baseline: Outcomes,
  { canaryRequests, elapsedMs }: CanaryTrial,
): CanaryVerdict {
  if (canaryRequests === 0) return PASSED;
  const expected = expectedErrors(canary, baseline);
  if (canary.errors > expected + 2 * Math.sqrt(expected) + 1) {
    return failsMore(canary, baseline);
  }
  const enough = canary.requests >= canaryRequests || elapsedMs >= QUIET_MS;
  if (!enough) return OPEN;
  const slower = isSlower(canary, baseline);
  if (!slower && canary.errors <= expected) return PASSED;
  const settled = canary.requests >= canaryRequests * DOUBT_FACTOR ||
    elapsedMs >= LONGEST_MS;
  if (!settled) return OPEN;
  // Little traffic, and what there was went wrong.
  if (canary.errors > expected && canary.errors * 2 > canary.requests) {
    return failsMore(canary, baseline);
  }
  return slower ? isSlow(canary, baseline) : PASSED;
}

function failsMore(canary: Outcomes, old: Outcomes): CanaryVerdict {
  return {
    type: "failed",
    reason: `${canary.errors} of its first ${canary.requests} requests ` +
      `failed, where the old workers fail ${percent(old)}`,
  };
}

function isSlow(canary: Outcomes, old: Outcomes): CanaryVerdict {
  return {
    type: "failed",
    reason: `its first ${canary.requests} requests took ` +
      `${meanMs(canary).toFixed(0)} ms on average, where those of the old ` +
      `workers take ${meanMs(old).toFixed(0)} ms`,
  };
}

function expectedErrors(canary: Outcomes, old: Outcomes): number {
  return old.requests === 0 ? 0 : canary.requests * old.errors / old.requests;
}

function isSlower(canary: Outcomes, old: Outcomes): boolean {
  return canary.requests > 0 && old.requests > 0 &&
    meanMs(canary) > meanMs(old) * SLOWER_RATIO + SLOWER_MARGIN_MS;
}

function meanMs({ requests, latencySumMs }: Outcomes): number {
  return latencySumMs / Math.max(requests, 1);
}

function percent(outcomes: Outcomes): string {
  return `${(errorRatio(outcomes) * 100).toFixed(1)} %`;
}
