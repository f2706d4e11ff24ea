/**
 * When a limit does not fit the work any more: requests wait, and workers that
 * are full finish far fewer than they did. Pure.
 *
 * Either the work is heavier now, or it waits for something, and workers could
 * have many times as much at once. So they are given some times as much for a
 * moment: if they finish more then, the limit is forgotten.
 *
 * @module
 */

/** Requests that should have been finished before anything is said about it. */
const LEAST_EXPECTED = 40;

/** Factor by which fewer were finished than expected. */
export const STALL_FACTOR = 2.5;

/** What workers are given meanwhile, as a multiple of the limit. */
export const SURGE_FACTOR = 4;

/** How long a surge lasts at least, in milliseconds: two sweeps. */
const LEAST_SURGE_MS = 200;

/** And at most: who waits longer than that has few companions. */
const MOST_SURGE_MS = 2_000;

/** Factor by which more must have been finished, for work that is not done one at a time. */
const LEAST_GAIN = 2.5;

/** Requests that must have been finished meanwhile: fewer are chance. */
const LEAST_FINISHED = 8;

/** Share of what workers used to finish from which on they have recovered, and there was a pause and no change. */
const RECOVERED_RATIO = 0.7;

/** Pause after a surge in vain, in milliseconds, doubled up to the longest while the stall goes on. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 1_000;

/** What the workers did since the last look. */
export interface Progress {
  readonly now: number;
  /** Requests that wait for a worker. */
  readonly queued: number;
  /** Requests that workers are at. */
  readonly working: number;
  /** Requests that were finished, ever. */
  readonly finished: number;
  /** What a request takes at the limit, in milliseconds; 0 while it is not known. */
  readonly expectedMs: number;
}

/** What is to be done about the limit. */
export type SurgeAdvice = "none" | "begin" | "end" | "forget";

/** One moment in which workers are given more. */
interface RunningSurge {
  readonly endsAt: number;
  /** What they finished before, and used to finish, in requests per millisecond. */
  readonly rate: number;
  readonly usualRate: number;
  readonly from: Progress;
}

/** Watches the workers' progress. */
export class Surge {
  #since: Progress | null = null;
  #expected = 0;
  #surge: RunningSurge | null = null;
  #pauseMs = FIRST_PAUSE_MS;
  #nextAt = 0;
  #last: Progress | null = null;

  /** Forgets what it saw: the limit is another. */
  reset(): void {
    this.#since = null;
    this.#surge = null;
  }

  /** Takes note of progress, a few times a second. */
  look(progress: Progress): SurgeAdvice {
    const last = this.#last;
    this.#last = progress;
    if (this.#surge !== null) return this.#judge(this.#surge, progress);
    if (
      progress.queued === 0 || progress.expectedMs === 0 ||
      progress.now < this.#nextAt || last === null || last.queued === 0
    ) {
      this.#since = null;
      return "none";
    }
    if (this.#since === null) {
      this.#since = progress;
      this.#expected = 0;
      return "none";
    }
    this.#expected += last.working * (progress.now - last.now) /
      progress.expectedMs;
    if (this.#expected < LEAST_EXPECTED) return "none";
    const since = this.#since;
    const finished = progress.finished - since.finished;
    this.#since = null;
    if (finished * STALL_FACTOR > this.#expected) {
      this.#pauseMs = FIRST_PAUSE_MS;
      return "none";
    }
    const elapsedMs = progress.now - since.now;
    const rate = finished / elapsedMs;
    const latencyMs = progress.working / Math.max(rate, 1 / elapsedMs);
    const lastsMs = Math.min(
      MOST_SURGE_MS,
      Math.max(LEAST_SURGE_MS, 2 * latencyMs),
    );
    this.#surge = {
      endsAt: progress.now + lastsMs,
      rate,
      usualRate: this.#expected / elapsedMs,
      from: progress,
    };
    return "begin";
  }

  #judge(
    { endsAt, rate, usualRate, from }: RunningSurge,
    progress: Progress,
  ): SurgeAdvice {
    if (progress.now < endsAt) return "none";
    this.#surge = null;
    const elapsedMs = progress.now - from.now;
    const finished = progress.finished - from.finished;
    const surged = finished / elapsedMs;
    const recovered = surged >= usualRate * RECOVERED_RATIO;
    // deno-lint-ignore no-explicit-any
    if ((globalThis as any).DBG) console.log("SURGE", progress.now, "rate", rate, "usual", usualRate, "surged", surged, finished);
    const gained = finished >= LEAST_FINISHED &&
      surged >= Math.max(rate, 1 / elapsedMs) * LEAST_GAIN;
    if (gained && !recovered) {
      this.#pauseMs = FIRST_PAUSE_MS;
      return "forget";
    }
    this.#nextAt = progress.now + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    return "end";
  }
}
