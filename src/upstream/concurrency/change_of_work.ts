/**
 * When workers that computed wait now: the work is other work, and what was
 * found to be the best for that says nothing. Pure.
 *
 * A worker that has all that it is allowed, while others wait for it, is at
 * work or waits for something else. Its CPU time says which, at once, where
 * latencies take many requests to say it. Only a change says something: one
 * that never computed may have a single thread that waits, or leave the work to
 * another process.
 *
 * @module
 */

/** Share of the time that workers had requests for which they must have computed. */
const LEAST_INTENSITY = 0.3;

/** By how many times less they compute now, in that time and for each response. */
const CHANGE_FACTOR = 3;

/** Responses that must have been finished meanwhile: what one costs is chance. */
const LEAST_FINISHED = 3;

/** What workers must have been seen to do before, in milliseconds with requests and in responses. */
const LEAST_BUSY_MS = 500;
const LEAST_KNOWN = 20;

/** What remains at each look of what was known at the one before, where there was work: seconds. */
const MEMORY = 0.97;

/** What workers have done since the last look. */
export interface Exertion {
  /** Time since then, in milliseconds. */
  readonly elapsedMs: number;
  /** Workers. */
  readonly workers: number;
  /** Of those, workers that have requests now. */
  readonly busy: number;
  /** Whether requests wait now. */
  readonly waiting: boolean;
  /** Responses that were finished. */
  readonly finished: number;
  /** CPU time that workers used, in milliseconds; `null` where that is not known. */
  readonly cpuMs: number | null;
}

/** What workers did in some stretch of time. */
class Effort {
  cpuMs = 0;
  /** Time for which they had requests. */
  busyMs = 0;
  finished = 0;

  /** CPU time in the time with requests, 0-1 of each worker's for one that has one thread. */
  get intensity(): number {
    return this.cpuMs / this.busyMs;
  }

  /** CPU time for a response, in milliseconds. */
  get costMs(): number {
    return this.cpuMs / this.finished;
  }

  /** Adds what was done meanwhile; of what is in it already, a part is kept. */
  include(other: Effort, kept = 1): void {
    this.cpuMs = kept * this.cpuMs + other.cpuMs;
    this.busyMs = kept * this.busyMs + other.busyMs;
    this.finished = kept * this.finished + other.finished;
  }
}

/** Watches how much workers compute. */
export class ChangeOfWork {
  #known = new Effort();
  /** What was done since workers have been full without having been judged. */
  #lately = new Effort();
  #waited = false;

  /** Takes note, a few times a second; returns whether workers wait that computed before. */
  look(exertion: Exertion): boolean {
    const { elapsedMs, workers, busy, waiting, finished, cpuMs } = exertion;
    // Nobody waited at either end: then they had less than they might have.
    const full = waiting && this.#waited;
    this.#waited = waiting;
    if (cpuMs === null) return false;
    const lately = this.#lately;
    lately.cpuMs += cpuMs;
    lately.busyMs += (full ? workers : busy) * elapsedMs;
    lately.finished += finished;
    if (full && this.#computesLess) {
      if (lately.finished < LEAST_FINISHED) return false;
      if (CHANGE_FACTOR * lately.costMs <= this.#known.costMs) {
        this.#known = new Effort();
        this.#lately = new Effort();
        return true;
      }
    }
    if (lately.busyMs > 0) this.#known.include(lately, MEMORY);
    this.#lately = new Effort();
    return false;
  }

  /** Whether workers that are full compute by far less than they did. */
  get #computesLess(): boolean {
    const { busyMs, finished, intensity } = this.#known;
    return busyMs >= LEAST_BUSY_MS && finished >= LEAST_KNOWN &&
      intensity >= LEAST_INTENSITY &&
      CHANGE_FACTOR * this.#lately.intensity <= intensity;
  }
}
