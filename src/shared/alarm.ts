/**
 * A sleep that can be cut short. Knows nothing of what it is used for.
 *
 * @module
 */

/** Longest delay `setTimeout` takes: a longer one would fire at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * Lets one loop sleep until a time has passed or somebody wakes it.
 *
 * Waking is level-triggered: a wake that comes while the loop is at work makes
 * its next sleep return at once, and any number of wakes count as one.
 */
export class Alarm {
  #woken = false;
  #ring: (() => void) | null = null;

  /** Ends the sleep, or the next one when nobody sleeps. */
  wake(): void {
    this.#woken = true;
    this.#ring?.();
  }

  /** Sleeps for `ms` milliseconds, for ever when infinite, or until woken. One sleeper at a time. */
  async sleep(ms: number): Promise<void> {
    if (!this.#woken) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#ring = resolve;
      const timer = ms === Infinity
        ? undefined
        : setTimeout(resolve, Math.min(Math.max(ms, 0), MAX_TIMEOUT_MS));
      await promise;
      clearTimeout(timer);
      this.#ring = null;
    }
    this.#woken = false;
  }
}
