/**
 * A monotonic clock that does not count the time in which nobody ran: a
 * machine that is paused or migrated, a container that is frozen, a process
 * group that is stopped. Deadlines are kept by it: for those that were stopped
 * with us, who could not do anything about them, and for those who have sent
 * meanwhile what nobody read.
 *
 * Knows nothing of what it is used for.
 *
 * @module
 */

/**
 * How often such a clock has to be looked at, in milliseconds, so that what
 * lies between two looks is known to have been run through.
 */
export const RUNNING_LOOK_MS = 1_000;

/**
 * Most that passes between two looks, in milliseconds: a look that is later
 * than the next one was due could not be taken.
 */
export const MOST_PASSED_MS: number = 2 * RUNNING_LOOK_MS;

/**
 * Makes a clock, in milliseconds, that goes by `read` and passes over what it
 * jumps by between two looks.
 *
 * @param read A monotonic clock. @default {performance.now}
 *
 * @example
 * ```ts
 * import { runningClock } from "./running_clock.ts";
 * import assert from "node:assert/strict";
 *
 * let at = 0;
 * const clock = runningClock(() => at);
 * at = 1_500;
 * assert.equal(clock(), 1_500);
 * at += 90_000; // It was frozen.
 * assert.equal(clock(), 3_500);
 * ```
 */
export function runningClock(
  read: () => number = (): number => performance.now(),
): () => number {
  let lookedAt = read();
  let passedOver = 0;
  return (): number => {
    const at = read();
    passedOver += Math.max(0, at - lookedAt - MOST_PASSED_MS);
    lookedAt = at;
    return at - passedOver;
  };
}
