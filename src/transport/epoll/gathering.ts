/**
 * When to let events gather. Pure.
 *
 * With many clients and quick workers each request wakes whoever it goes to,
 * which responds while the next one is being sent, and wakes the loop: turns of
 * a few events each, and as many switches between processes as requests. To
 * sleep and to be woken costs as much as half a request, and costs whoever
 * wakes the loop as well, the more so on a virtual machine. A pause before the
 * loop listens makes one of several such turns, and nobody has to wake it.
 * Network adapters moderate their interrupts in this way.
 *
 * @module
 */

/** How long a pause is, in microseconds; sleeping and waking take some more. */
export const GATHERING_US = 60;

/** Events so many are enough for a turn. */
export const ENOUGH_EVENTS = 8;

/** Events in a millisecond from which on more of them come within a pause. */
const LEAST_RATE = 20;

/** Two events at once are no rate. */
const GREATEST_RATE = 1_000;

/** What the last turn, or pause, counts in a mean. */
const WEIGHT = 0.1;

/**
 * Descriptors that have events from which on a pause may be worth it: of a
 * dozen clients and their workers' connections. Fewer clients have all their
 * requests waiting after a pause, and nobody else anything to do.
 */
const LEAST_BUSY = 24;

/** Events in a window, whose descriptors are counted. */
const WINDOW_EVENTS = 256;

/** Descriptors that are told apart, a power of two: others count as one of these. */
const TOLD_APART = 4_096;

/** Events after a pause from which on it was worth it, in the mean. */
const LEAST_GATHERED = 4;

/** Turns without a pause after they were not worth it. */
const RESTING_TURNS = 2_000;

/** Watches how many events come, of how many descriptors and how fast, and what pauses bring. */
export class Gathering {
  /** Events in a millisecond, of late. */
  #rate = 0;
  #since = 0;
  /** Descriptors that had events in the last whole window. */
  #busy = 0;
  /** The same, and the events, in the present one so far. */
  #distinct = 0;
  #events = 0;
  /** Which window it is, and by descriptor, in which it had its last event: 0 for none. */
  #window = 1;
  readonly #lastWindows = new Uint32Array(TOLD_APART);
  /** Events after a pause, of late. */
  #gathered = ENOUGH_EVENTS;
  #restingTurns = 0;

  /** Whether a pause before the next turn is likely to bring more events. */
  get worthwhile(): boolean {
    return this.#restingTurns === 0 && this.#rate >= LEAST_RATE &&
      this.#busy >= LEAST_BUSY;
  }

  /** Takes note of a turn's `count` events, seen at `now`, in milliseconds. */
  note(count: number, now: number): void {
    const elapsedMs = now - this.#since;
    this.#since = now;
    const rate = elapsedMs > 0
      ? Math.min(GREATEST_RATE, count / elapsedMs)
      : GREATEST_RATE;
    this.#rate += WEIGHT * (rate - this.#rate);
    if (this.#restingTurns > 0) this.#restingTurns--;
  }

  /** Takes note of an event, which is `fd`'s. */
  noteEvent(fd: number): void {
    const index = fd & TOLD_APART - 1;
    if (this.#lastWindows[index] !== this.#window) {
      this.#lastWindows[index] = this.#window;
      this.#distinct++;
    }
    if (++this.#events < WINDOW_EVENTS) return;
    this.#busy = this.#distinct;
    this.#distinct = this.#events = 0;
    this.#window = (this.#window + 1) >>> 0;
  }

  /** Takes note of how many events there were after a pause. */
  noteGathered(count: number): void {
    this.#gathered += WEIGHT * (count - this.#gathered);
    if (this.#gathered >= LEAST_GATHERED) return;
    this.#gathered = ENOUGH_EVENTS;
    this.#restingTurns = RESTING_TURNS;
  }
}
