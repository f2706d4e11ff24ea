/**
 * What a listener does when descriptors have run out, whatever it is made of.
 *
 * @module
 */

/** How long accepting pauses when descriptors run out: until then some are given back. */
export const DESCRIPTOR_PAUSE_MS = 50;

/**
 * How long nobody must have come before accepting ends: whoever is in the
 * kernel's queue by then is let in first, or would be reset.
 */
export const QUIET_MS = 5;

/** How long that is waited for at most, while clients keep coming. */
export const QUIET_TIMEOUT_MS = 100;

/**
 * Share of the connections there were when descriptors ran out that is given
 * up: those that stay need some to reach the workers, and so do new workers.
 */
const RESERVE_RATIO = 0.25;

/** How long no more than the rest are let in. What took the descriptors may be gone by then. */
const RESERVE_MS = 60_000;

/** Keeps descriptors free for a while once they have run out. */
export class DescriptorReserve {
  /** Connections let in until `#until`. */
  #limit = Infinity;
  #until = 0;

  /** Descriptors have run out with so many connections `open`; returns how many of them are to be given up. */
  begin(open: number, now: number): number {
    const reserved = Math.ceil(open * RESERVE_RATIO);
    this.#limit = Math.max(1, open - reserved);
    this.#until = now + RESERVE_MS;
    return reserved;
  }

  /** Whether one more may be let in beside those that are `open`. */
  admits(open: number, now: number): boolean {
    if (now >= this.#until) this.#limit = Infinity;
    return open < this.#limit;
  }
}
