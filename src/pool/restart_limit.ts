/**
 * How long to wait before a worker that is gone is replaced.
 *
 * A worker that served and died is replaced at once. One that dies again and
 * again is replaced more and more slowly, but always: nobody has to come and
 * start it by hand once the cause is mended.
 *
 * Pure: it is told how long the worker served, and is handed its randomness.
 *
 * @module
 */

/** First wait, in milliseconds: long enough not to spin, too short to be noticed. */
const BASE_DELAY_MS = 100;

/** Longest wait, in milliseconds: how late a mended cause may be noticed. */
export const MAX_DELAY_MS = 30_000;

/**
 * Milliseconds in service that pay back one failure. A crash loop is a worker
 * that cannot stay up for this long. One that is killed from outside now and
 * then must not be taken for one, and a healthy minute leaves no debt at all.
 */
const SERVICE_PER_FAILURE_MS = 1_000;

/** Failures beyond this many change nothing: the longest wait is reached at the 10th. */
const MAX_FAILURES = 10;

/** A worker that is gone. */
export interface EndedLife {
  /** How long it was in service, in milliseconds; `null` when it never became ready. */
  readonly servedMs: number | null;
  /** Failures remembered from before. */
  readonly failures: number;
  /** Uniform in [0, 1): spreads the workers that failed together. */
  readonly random: number;
}

/** What follows from it. */
export interface Restart {
  /** Failures to remember. */
  readonly failures: number;
  /** Milliseconds until the replacement may be started. */
  readonly delayMs: number;
}

/**
 * Returns when a worker that is gone may be replaced.
 *
 * The wait doubles with each failure from {@linkcode BASE_DELAY_MS} to
 * {@linkcode MAX_DELAY_MS}; the upper half of it is random.
 *
 * @example
 * ```ts
 * import { planRestart } from "./restart_limit.ts";
 * import assert from "node:assert/strict";
 *
 * const served = planRestart({ servedMs: 5_000, failures: 0, random: 0 });
 * assert.deepEqual(served, { failures: 1, delayMs: 0 });
 * const stillborn = planRestart({ servedMs: null, failures: 1, random: 0 });
 * assert.deepEqual(stillborn, { failures: 2, delayMs: 100 });
 * ```
 */
export function planRestart(life: EndedLife): Restart {
  const served = life.servedMs ?? 0;
  const paidBack = Math.floor(served / SERVICE_PER_FAILURE_MS);
  const before = Math.max(0, life.failures - paidBack);
  const failures = Math.min(before + 1, MAX_FAILURES);
  if (before === 0 && life.servedMs !== null) return { failures, delayMs: 0 };
  const full = Math.min(BASE_DELAY_MS * 2 ** before, MAX_DELAY_MS);
  return { failures, delayMs: full / 2 * (1 + life.random) };
}
