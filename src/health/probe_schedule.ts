/**
 * When a worker is probed next.
 *
 * Pure: it is told what came of the last probe and how long that took, and is
 * handed its randomness.
 *
 * @module
 */

/** First pause between two probes while a response is awaited, in milliseconds: workers start in 25 to 200 ms. */
const FIRST_PAUSE_MS = 5;

/** How much longer each next pause is. */
const PAUSE_GROWTH = 1.3;

/** Longest such pause, in milliseconds: what a slow start is noticed too late at most. */
const LAST_PAUSE_MS = 100;

/**
 * Longest time from the beginning of a probe that failed to that of the next,
 * in milliseconds: one that kept us waiting is followed at once. So a worker
 * that hangs is known for it after the interval and as many timeouts as make
 * it unhealthy, which is 8 s by default.
 */
const RETRY_INTERVAL_MS = 500;

/** Share of the interval by which it varies, so that the workers' probes drift apart. */
const JITTER_RATIO = 0.1;

/** Says when the next probe of one worker is due. */
export class ProbeSchedule {
  readonly #intervalMs: number;
  readonly #random: () => number;
  /** The pause while a response is awaited, or `null` between regular probes. */
  #eagerPauseMs: number | null = FIRST_PAUSE_MS;

  /**
   * Begins with a worker that is starting.
   *
   * @param intervalMs Milliseconds from the beginning of a probe that passed to that of the next.
   * @param random Uniform in [0, 1).
   */
  constructor(intervalMs: number, random: () => number) {
    this.#intervalMs = intervalMs;
    this.#random = random;
  }

  /** A response is awaited impatiently from now on. Returns `false` when it was already. */
  hurry(): boolean {
    if (this.#eagerPauseMs !== null) return false;
    this.#eagerPauseMs = FIRST_PAUSE_MS;
    return true;
  }

  /** Returns the milliseconds, 0 or more, from the end of a probe that took `elapsedMs` to the next. */
  pauseAfter(passed: boolean, elapsedMs: number): number {
    const eager = this.#eagerPauseMs;
    const interval = this.#intervalMs;
    if (eager !== null && passed) {
      this.#eagerPauseMs = null;
      // Workers that became ready together are not probed together.
      return interval * this.#random();
    }
    if (eager !== null) {
      this.#eagerPauseMs = Math.min(eager * PAUSE_GROWTH, LAST_PAUSE_MS);
      return Math.min(eager, interval);
    }
    const jitter = 1 + JITTER_RATIO * (2 * this.#random() - 1);
    const period = passed ? interval : Math.min(interval, RETRY_INTERVAL_MS);
    return Math.max(0, period * jitter - elapsedMs);
  }
}
