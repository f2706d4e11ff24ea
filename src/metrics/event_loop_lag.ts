/**
 * How late the event loop is, told from how late regular work is done: there
 * is no timer for it.
 *
 * @module
 */

/** How far back is looked for the worst, in milliseconds: what a scrape every few seconds must not miss. */
const WINDOW_MS = 10_000;

/** Remembers by how much regular ticks have been late. */
export class EventLoopLag {
  readonly #intervalMs: number;
  #previousAt: number | null = null;
  #current = { startedAt: 0, worstMs: 0 };
  #lastWindowMs = 0;

  /** Expects a tick every `intervalMs` milliseconds. */
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** The worst of the last ten seconds at least, in milliseconds; 0 before the second tick. */
  get worstMs(): number {
    return Math.max(this.#lastWindowMs, this.#current.worstMs);
  }

  /** Takes note of a tick at `now`. */
  tick(now: number): void {
    const due = (this.#previousAt ?? now - this.#intervalMs) + this.#intervalMs;
    this.#previousAt = now;
    if (now - this.#current.startedAt >= WINDOW_MS) {
      this.#lastWindowMs = this.#current.worstMs;
      this.#current = { startedAt: now, worstMs: 0 };
    }
    this.#current.worstMs = Math.max(this.#current.worstMs, now - due);
  }
}
