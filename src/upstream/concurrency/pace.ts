/**
 * When to try something again that came to nothing: later each time. Pure.
 *
 * @module
 */

/** Milliseconds after the first time; doubled each time. */
export const FIRST_PAUSE_MS = 250;

/** Says when something is due again. */
export class Pace {
  /** When it is due. */
  nextAt = 0;
  readonly #longestMs: number;
  #pauseMs = FIRST_PAUSE_MS;

  /** Creates a pace whose pauses grow up to `longestMs`. */
  constructor(longestMs: number) {
    this.#longestMs = longestMs;
  }

  /** Whether it is due. */
  due(now: number): boolean {
    return now >= this.nextAt;
  }

  /** It came to nothing: pauses for longer than the last time. */
  wait(now: number): void {
    this.nextAt = now + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, this.#longestMs);
  }

  /** It could not be told what came of it: pauses shortly. */
  repeat(now: number): void {
    this.nextAt = now + FIRST_PAUSE_MS;
  }

  /** There is nothing to be had: pauses for as long as there is a pause. */
  retire(now: number): void {
    this.nextAt = now + this.#longestMs;
  }

  /** Things have changed: it is due. */
  reset(now: number): void {
    this.nextAt = now;
    this.#pauseMs = FIRST_PAUSE_MS;
  }
}
