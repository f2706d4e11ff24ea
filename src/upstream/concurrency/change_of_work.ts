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
 * As long as it is the same work, the CPU time says as well how much of it is
 * computing, and so what more at once would bring.
 *
 * @module
 */

/** Share of the time that workers had requests for which they must have computed: many of them share few cores. */
const LEAST_INTENSITY = 0.1;

/** By how many times less they compute now, in that time ... */
const INTENSITY_FACTOR = 3;

/** ... and for each response: a worker that is not given the CPU computes as much for it. */
export const COST_FACTOR = 2;

/** Share of its time at a worker that a request computes, from which on it does little else. */
const LEAST_COMPUTING = 0.25;

/** CPU time in the time with requests, of each worker's, below which it is not what serves them: that is another process of its. */
const LEAST_SERVING = 0.001;

/** The same up to which it may wait for something else. */
const MOST_WAITING = 0.5;

/** The same from which on it hardly waits. */
const BUSY_INTENSITY = 0.85;

/** The same from which on what waits for it would not be finished sooner if it had more at once. */
const FULL_INTENSITY = 0.7;

/** Requests that must have been finished meanwhile, beside as many as workers were at: what one costs is chance, and what has been computed for may wait for long. */
const LEAST_FINISHED = 3;

/** What workers must have been seen to do before, in milliseconds with requests and in responses. */
const LEAST_BUSY_MS = 500;
const LEAST_KNOWN = 20;

/** How long what was known stays known while there is other work, in milliseconds: it fades. */
const MEMORY_MS = 3_000;

/** What workers are at, and what they have done. */
export interface Exertion {
  readonly now: number;
  /** The how-many-th time it is that requests wait for a worker; `null` where none does. */
  readonly spell: number | null;
  /** Workers. */
  readonly workers: number;
  /** Requests that they are at. */
  readonly working: number;
  /** Of the workers, those that have requests. */
  readonly busy: number;
  /** Requests that were finished, ever. */
  readonly finished: number;
  /** CPU time that workers used since the last look, in milliseconds; `null` where that is not known. */
  readonly cpuMs: number | null;
}

/** What workers did in some stretch of time. */
class Effort {
  /** Requests that they were at when it began. */
  readonly working: number;
  cpuMs = 0;
  /** Time for which they had requests. */
  busyMs = 0;
  finished = 0;

  constructor(working = 0) {
    this.working = working;
  }

  /** CPU time in the time with requests, 0-1 of each worker's for one that has one thread. */
  get intensity(): number {
    return this.cpuMs / this.busyMs;
  }

  /** CPU time for a response, in milliseconds. */
  get costMs(): number {
    return this.cpuMs / this.finished;
  }

  /** Adds what was done meanwhile; of what is in it already, a part is kept. */
  include(other: Effort, kept: number): void {
    this.cpuMs = kept * this.cpuMs + other.cpuMs;
    this.busyMs = kept * this.busyMs + other.busyMs;
    this.finished = kept * this.finished + other.finished;
  }
}

/** Watches how much workers compute. */
export class ChangeOfWork {
  #known = new Effort();
  /** What was done since then that has not been judged. */
  #lately = new Effort();
  #last: Exertion | null = null;
  #spare = false;
  /** Whether workers hardly compute while they have requests: these wait for something else. As it was known last, also where the work is another. */
  waits = false;
  /** When workers were seen to be full, and what they computed for a response then. */
  #full = { at: -Infinity, costMs: 0 };

  /** Whether workers that were full, when they were looked at last, computed by far less than they did: fewer at once would be fewer still. */
  get spare(): boolean {
    return this.#spare;
  }

  /** Whether the requests of workers that are given so many at once compute rather than wait, as far as is known. */
  computes(limit: number): boolean {
    return !this.#spare && this.#knownIntensity >= LEAST_COMPUTING * limit;
  }

  /** Whether workers compute for most of the time that they have requests, or did so until others took the CPU: with more at once they would finish no more. */
  get full(): boolean {
    if (this.#spare || this.#last === null) return false;
    return this.#last.now - this.#full.at < MEMORY_MS &&
      COST_FACTOR * this.#known.costMs > this.#full.costMs;
  }

  /** Threads that a worker with requests keeps busy all the time; 0 where it does not, or that is not known. */
  get busyThreads(): number {
    const intensity = this.#knownIntensity;
    return intensity >= BUSY_INTENSITY ? Math.round(intensity) : 0;
  }

  /** Takes note, many times a second while requests wait; returns whether workers wait that computed before. */
  look(exertion: Exertion): boolean {
    const last = this.#last;
    this.#last = exertion;
    const { now, workers, working, busy, spell, finished, cpuMs } = exertion;
    if (cpuMs === null || last === null) return false;
    // Where nobody waited at some time they had less than they might have.
    const full = spell !== null && spell === last.spell;
    const elapsedMs = now - last.now;
    const done = finished - last.finished;
    const lately = this.#lately;
    lately.cpuMs += cpuMs;
    lately.busyMs += (full ? workers : busy) * elapsedMs;
    lately.finished += done;
    if (full) this.#spare = this.#computesLess;
    if (full && this.#spare) {
      const enough = Math.max(LEAST_FINISHED, lately.working);
      if (lately.finished < enough) return false;
      if (COST_FACTOR * lately.costMs <= this.#known.costMs) {
        this.#known = new Effort();
        this.#lately = new Effort(working);
        this.#full = { at: -Infinity, costMs: 0 };
        return true;
      }
    }
    const kept = Math.exp(-elapsedMs / MEMORY_MS);
    if (busy > 0 || done > 0) this.#known.include(lately, kept);
    this.#lately = new Effort(working);
    if (this.#isKnown) this.#noteWaits(this.#known.intensity);
    if (this.#knownIntensity >= FULL_INTENSITY) {
      this.#full = { at: now, costMs: this.#known.costMs };
    }
    return false;
  }

  /** What lies between may be either, now this and now that. */
  #noteWaits(intensity: number): void {
    if (intensity < LEAST_SERVING || intensity >= MOST_WAITING) {
      this.waits = false;
    } else if (intensity < LEAST_COMPUTING) this.waits = true;
  }

  /** Whether workers that are full compute by far less than they did. */
  get #computesLess(): boolean {
    const intensity = this.#knownIntensity;
    return intensity >= LEAST_INTENSITY &&
      INTENSITY_FACTOR * this.#lately.intensity <= intensity;
  }

  /** How much workers compute while they have requests; 0 while too little is known. */
  get #knownIntensity(): number {
    return this.#isKnown ? this.#known.intensity : 0;
  }

  /** Whether enough was seen of what workers do. */
  get #isKnown(): boolean {
    const { busyMs, finished } = this.#known;
    return busyMs >= LEAST_BUSY_MS && finished >= LEAST_KNOWN;
  }
}
