/**
 * Whether idle connections to a worker are kept, by what its probes show. Pure.
 *
 * A worker that serves one connection at a time waits for the next request on
 * the one that is kept, and reads no probe: it would be taken for one that
 * hangs, and be replaced again and again.
 *
 * @module
 */

/** Most responses that are waited for before connections are kept again: half an hour at the default interval. */
const MAX_RESPONSES = 1024;

/**
 * Connections are not kept from a probe without a response on, until two have
 * got one. Where silence follows again, twice as many are waited for.
 */
export class KeepAliveTrial {
  #kept = true;
  /** Responses in a row since that was changed. */
  #responses = 0;
  /** After how many of them connections are kept again, or have been without harm. */
  #needed = 1;

  /** Whether connections are kept. */
  get kept(): boolean {
    return this.#kept;
  }

  /** Takes note of a probe; returns whether connections are kept from now on. */
  probed(responded: boolean): boolean {
    if (!responded) {
      if (this.#kept) this.#change(false);
      this.#responses = 0;
    } else if (++this.#responses >= this.#needed) {
      if (this.#kept) this.#needed = 1;
      else this.#change(true);
    }
    return this.#kept;
  }

  #change(kept: boolean): void {
    this.#kept = kept;
    this.#responses = 0;
    if (!kept) this.#needed = Math.min(this.#needed * 2, MAX_RESPONSES);
  }
}
