/**
 * Whether workers were seen of late to finish no more when they were given more
 * at once, while others waited: so it is not the limit that makes them wait.
 * Pure.
 *
 * @module
 */

/** How long that is believed, in milliseconds: later, it may be other work. */
const BELIEVED_MS = 3_000;

/** Remembers it. */
export class Saturation {
  #seenAt = -Infinity;

  /** Takes note that more at once was in vain. */
  note(now: number): void {
    this.#seenAt = now;
  }

  /** Takes note that more at once was of use. */
  forget(): void {
    this.#seenAt = -Infinity;
  }

  /** Whether it was seen of late. */
  seen(now: number): boolean {
    return now - this.#seenAt < BELIEVED_MS;
  }
}
