/**
 * When a transfer has stalled: nothing has moved for as long as it may.
 *
 * The kernel takes a few megabytes for a peer ahead, and wants more only when
 * a third of that has gone. A peer that reads slowly moves all the same: what
 * it has taken meanwhile is looked at while something waits to be written.
 *
 * @module
 */

/** Looks within the time a peer may stall: it is cut off by one of them too late at most. */
const LOOKS = 4;

const NOT_LOOKED = -1;

/** The deadline of one transfer. */
export class StallDeadline {
  /** When to {@linkcode look} next. */
  at = Infinity;
  #timeoutMs = Infinity;
  /** When it has stalled, unless it is seen to move before that. */
  #limit = Infinity;
  /** What the peer had taken at the last look. */
  #taken = NOT_LOOKED;

  /** Something has moved, as of `now`: it may stall for `timeoutMs` from then on. */
  touch(now: number, timeoutMs: number): void {
    this.#timeoutMs = timeoutMs;
    this.#limit = now + timeoutMs;
    this.#taken = NOT_LOOKED;
    this.at = now + timeoutMs / LOOKS;
  }

  /** Nothing is waited for any more. */
  stop(): void {
    this.at = this.#limit = Infinity;
  }

  /**
   * Looks whether it has stalled.
   *
   * @param taken Octets that whoever is written to has taken so far; `null`
   * where nothing waits to be written.
   */
  look(now: number, taken: number | null): boolean {
    if (taken !== null && taken > this.#taken) {
      this.#taken = taken;
      this.#limit = now + this.#timeoutMs;
    }
    if (this.#limit <= now) return true;
    const nextLook = taken === null ? Infinity : now + this.#timeoutMs / LOOKS;
    this.at = Math.min(this.#limit, nextLook);
    return false;
  }
}
