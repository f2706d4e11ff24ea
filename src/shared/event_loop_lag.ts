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
  #previousAt: number;
  #current: { startedAt: number; worstMs: number };
  #lastWindowMs = 0;

  /** Expects a tick every `intervalMs` milliseconds from `now` on. */
  constructor(intervalMs: number, now: number) {
    this.#intervalMs = intervalMs;
    this.#previousAt = now;
    this.#current = { startedAt: now, worstMs: 0 };
  }

  /** The worst of the last ten seconds at least, in milliseconds. */
  get worstMs(): number {
    return Math.max(this.#lastWindowMs, this.#current.worstMs);
  }

  /** Takes note of a tick at `now`. */
  tick(now: number): void {
    const due = this.#previousAt + this.#intervalMs;
    this.#previousAt = now;
    if (now - this.#current.startedAt >= WINDOW_MS) {
      this.#lastWindowMs = this.#current.worstMs;
      this.#current = { startedAt: now, worstMs: 0 };
    }
    this.#current.worstMs = Math.max(this.#current.worstMs, now - due);
  }
}
