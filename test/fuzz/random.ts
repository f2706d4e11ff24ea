/**
 * Random numbers that are the same again for the same seed.
 *
 * @module
 */

/** A sequence of numbers that a seed determines (xorshift32, Marsaglia 2003). */
export class Random {
  #state: number;

  /** Begins the sequence of `seed`; `index` chooses one of many for the same seed. */
  constructor(seed: number, index: number) {
    // Neighbouring seeds must not give neighbouring sequences: mix the bits
    // (the finalizer of MurmurHash3). Zero would stay zero.
    let mixed = seed ^ Math.imul(index + 1, 0x9e3779b9);
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    this.#state = (mixed ^ (mixed >>> 16)) || 1;
  }

  /** A whole number from 0 to `limit - 1`; 0 when `limit` is below 1. */
  below(limit: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return limit < 1 ? 0 : (state >>> 0) % limit;
  }

  /** One of `items`, which must not be empty. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}
