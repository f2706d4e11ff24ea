/**
 * A clock that a test moves by hand, for pure code that takes `now`.
 *
 * @module
 */

/**
 * Time that stands still until it is told otherwise.
 *
 * @example
 * ```ts
 * import { FakeClock } from "./fake_clock.ts";
 * import assert from "node:assert/strict";
 *
 * const clock = new FakeClock(1000);
 * clock.advance(250);
 * assert.equal(clock.now(), 1250);
 * ```
 */
export class FakeClock {
  #nowMs: number;

  /** Creates a clock that shows `startMs`. */
  constructor(startMs = 0) {
    this.#nowMs = startMs;
  }

  /** The time in milliseconds. Bound, so that it can be handed on as a function. */
  readonly now = (): number => this.#nowMs;

  /**
   * Moves the clock forward and returns the new time.
   *
   * @throws {RangeError} when `ms` is negative: pure code may rely on time not running backwards.
   */
  advance(ms: number): number {
    if (!(ms >= 0)) {
      throw new RangeError(
        `Cannot advance a clock by ${ms} ms: it is negative`,
      );
    }
    this.#nowMs += ms;
    return this.#nowMs;
  }
}
