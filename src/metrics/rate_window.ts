/**
 * How quickly a counter grows, over the last few seconds. Pure.
 *
 * @module
 */

/** Samples kept: with one a second, what the rate is averaged over in seconds. */
export const KEPT_SAMPLES = 10;

/** Remembers a counter's value at regular times. */
export class RateWindow {
  readonly #samples: { readonly at: number; readonly total: number }[] = [];

  /** Notes that the counter stood at `total` at `now`, in milliseconds. */
  add(now: number, total: number): void {
    this.#samples.push({ at: now, total });
    if (this.#samples.length > KEPT_SAMPLES + 1) this.#samples.shift();
  }

  /** Growth per second from the oldest sample to now, when the counter stands at `total`. */
  rate(now: number, total: number): number {
    const oldest = this.#samples[0];
    if (oldest === undefined || now <= oldest.at) return 0;
    return (total - oldest.total) * 1000 / (now - oldest.at);
  }
}
