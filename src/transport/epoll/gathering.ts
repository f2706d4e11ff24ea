/**
 * When to let events gather. Pure.
 *
 * With many clients and quick workers each request wakes whoever it goes to,
 * which responds while the next one is being sent, and wakes the loop: turns of
 * a few events each, and as many switches between processes as requests. A
 * pause of some microseconds then makes one of several such turns, and leaves
 * everybody less to do. Network adapters moderate their interrupts in this way.
 *
 * @module
 */

/** How long a pause is, in microseconds. */
export const GATHERING_US = 30;

/** Events so many are enough for a turn. */
const ENOUGH_EVENTS = 8;

/** Events in a millisecond from which on more of them come within a pause. */
const LEAST_RATE = 60;

/** Two events at once are no rate. */
const GREATEST_RATE = 1_000;

/** What the last turn, or pause, counts in a mean. */
const WEIGHT = 0.1;

/** Events after a pause from which on it was worth it, in the mean: a few clients cannot bring so many, and only wait. */
const LEAST_GATHERED = 7;

/** Turns without a pause after they were not worth it. */
const RESTING_TURNS = 2_000;

/** Watches how many events come, how fast, and what pauses bring. */
export class Gathering {
  /** Events in a millisecond, of late. */
  #rate = 0;
  #since = 0;
  /** Events after a pause, of late. */
  #gathered = ENOUGH_EVENTS;
  #restingTurns = 0;

  /**
   * Takes note of a turn's `count` events, seen at `now`.
   *
   * @returns Whether a pause before they are seen to is likely to bring more.
   */
  note(count: number, now: number): boolean {
    const elapsedMs = now - this.#since;
    this.#since = now;
    const rate = elapsedMs > 0
      ? Math.min(GREATEST_RATE, count / elapsedMs)
      : GREATEST_RATE;
    this.#rate += WEIGHT * (rate - this.#rate);
    if (this.#restingTurns > 0) {
      this.#restingTurns--;
      return false;
    }
    return count > 0 && count < ENOUGH_EVENTS && this.#rate >= LEAST_RATE;
  }

  /** Takes note of how many events there were after a pause. */
  noteGathered(count: number): void {
    this.#gathered += WEIGHT * (count - this.#gathered);
    if (this.#gathered >= LEAST_GATHERED) return;
    this.#gathered = ENOUGH_EVENTS;
    this.#restingTurns = RESTING_TURNS;
  }
}
