/**
 * Requests that have left their workers: served, or without a client that waits
 * for them. Pure.
 *
 * @module
 */

/** Ratio of clients that have gone to all whose requests left workers, from which on it says nothing how many were served. */
const LEAST_ABANDONED_RATIO = 0.1;

/** Counts them. */
export class Completions {
  #served = 0;
  #servedBefore = 0;
  #abandoned = 0;
  #abandonedSeen = 0;
  /** Served between the last two ticks. */
  #lately = 0;

  /** Requests that were served so far. */
  get served(): number {
    return this.#served;
  }

  /** Requests whose clients have not waited, so far. */
  get abandoned(): number {
    return this.#abandoned;
  }

  /** Whether none was served between the last two ticks. */
  get none(): boolean {
    return this.#lately === 0;
  }

  /** A request was served. */
  noteServed(): void {
    this.#served++;
  }

  /** A client has not waited for its response. */
  noteAbandoned(): void {
    this.#abandoned++;
  }

  /** To be called a few times a second. */
  tick(): void {
    this.#lately = this.#served - this.#servedBefore;
    this.#servedBefore = this.#served;
  }

  /** Whether many of the requests that left workers since the last time this was asked had no client any more. */
  takeAbandoned(): boolean {
    const abandoned = this.#abandoned - this.#abandonedSeen;
    this.#abandonedSeen = this.#abandoned;
    return abandoned > LEAST_ABANDONED_RATIO * (abandoned + this.#lately);
  }
}
