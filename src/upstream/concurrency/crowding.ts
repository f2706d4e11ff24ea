/**
 * When more and more requests are at workers, which finish no more of them
 * than before. Pure.
 *
 * That needs no trial, nor that requests are served in the order in which they
 * came, which those of a worker that reads many connections at once are not:
 * by Little's law, what a request takes is how many there are, over how many
 * are finished in a unit of time.
 *
 * Where it is known how much workers compute, that says it without the chance
 * that is in how much each of a few requests takes: with twice as many at once
 * workers that wait compute twice as much, and those that are full no more.
 *
 * @module
 */

import { COST_FACTOR } from "./change_of_work.ts";
import { WORTHWHILE_MS } from "./trial.ts";

/** Requests at each worker that are a crowd: of fewer, there may be now more and now fewer by chance. */
const LEAST_CROWD = 16;

/** Requests at each worker with which those are compared, at least. */
const LEAST_BEFORE = 4;

/** Factor by which there must be more. */
const LEAST_GROWTH = 2;

/** Requests that must be finished meanwhile: fewer are chance. */
const LEAST_FINISHED = 24;

/** How long the comparison holds, in milliseconds: later, it may be other work. */
const MEMORY_MS = 5_000;

/** Share of the time for which each worker must have computed, for that to tell. */
const LEAST_INTENSITY = 0.5;

/** How many times as long as before it must have been looked at: in less, those that only wait might not have come to compute. */
const LATENCIES = 4;

/** Elasticity of the latency from which on requests wait for each other, and beyond which the work is heavier than it was. */
const CLEAR_ELASTICITY = [0.7, 1.5] as const;

/** The same of what workers compute, in which there is no chance. */
const LEAST_ELASTICITY = 0.5;

/** What is left to each worker beyond what it needs, as a factor: that was measured when chance had brought it the least. */
const ROOM = 1.5;

/** What workers are at, and what they have done. */
export interface Occupancy {
  readonly now: number;
  /** Requests that workers are at. */
  readonly working: number;
  /** Of those, requests that may be waiting for each other. */
  readonly inTurn: number;
  readonly workers: number;
  /** Requests that were finished, ever. */
  readonly finished: number;
  /** CPU time that workers used, ever, in milliseconds, as far as that is known. */
  readonly cpuMs: number;
}

/** What workers were at for a while, and what they did. */
interface Turnover {
  readonly at: number;
  /** Requests that may have been waiting for each other, and all that there were. */
  readonly inTurn: number;
  readonly working: number;
  /** Requests that were finished in a millisecond. */
  readonly rate: number;
  /** CPU time that was used in a millisecond, of all workers together, and for a response. */
  readonly intensity: number;
  readonly costMs: number;
}

/** Watches how many requests there are, and how many are finished. */
export class Crowding {
  #since: Occupancy | null = null;
  #last: Occupancy | null = null;
  /** Requests that workers were at since then, times the milliseconds for which they were ... */
  #workingMs = 0;
  /** ... and those in turn alone. */
  #inTurnMs = 0;
  #before: Turnover | null = null;

  /** Forgets what it saw: workers are given more or fewer now. */
  reset(): void {
    this.#since = this.#last = this.#before = null;
    this.#workingMs = this.#inTurnMs = 0;
  }

  /** Takes note, a few times a second; returns how many each worker should have, where it has become clear that there are too many. */
  look(present: Occupancy): number | null {
    const { workers } = present;
    const before = this.#before;
    if (before === null && isLittle(this.#last ?? present, present)) {
      this.reset();
    }
    const since = this.#since ??= present;
    const last = this.#last ?? present;
    this.#last = present;
    const halfMs = (present.now - last.now) / 2;
    this.#workingMs += (last.working + present.working) * halfMs;
    this.#inTurnMs += (last.inTurn + present.inTurn) * halfMs;
    const finished = present.finished - since.finished;
    const elapsedMs = present.now - since.now;
    if (finished < LEAST_FINISHED) return null;
    // What has only just come is finished in time, or is not: all that there
    // was must have been, for more of it to be too much, or have had the time.
    const turnedOver = before === null || finished >= since.inTurn ||
      elapsedMs >= enoughMs(before, workers);
    if (!turnedOver) return null;
    const cpuMs = present.cpuMs - since.cpuMs;
    const found: Turnover = {
      at: since.now,
      inTurn: this.#inTurnMs / elapsedMs,
      working: this.#workingMs / elapsedMs,
      rate: finished / elapsedMs,
      intensity: cpuMs / elapsedMs,
      costMs: cpuMs / finished,
    };
    this.#since = present;
    this.#workingMs = this.#inTurnMs = 0;
    const told = isTold(found, workers);
    const comparable = before !== null &&
      since.now - before.at < MEMORY_MS && before.inTurn < found.inTurn &&
      (isTold(before, workers) || !told);
    if (!comparable) {
      const telling = told || found.inTurn >= LEAST_BEFORE * workers;
      this.#before = telling ? found : null;
      return null;
    }
    const growth = found.inTurn / before.inTurn;
    if (growth < LEAST_GROWTH || found.inTurn < LEAST_CROWD * workers) {
      return null;
    }
    const gain = gainOf(before, found, { growth, workers });
    if (gain === null) {
      this.#before = found;
      return null;
    }
    // As many as there would be if each took as long as when there were fewer.
    return Math.ceil(
      Math.max(
        WORTHWHILE_MS * found.rate,
        ROOM * before.working * Math.max(1, gain),
      ) / workers,
    );
  }
}

/** Whether there is too little to do for it to say anything of more. */
function isLittle(last: Occupancy, present: Occupancy): boolean {
  const { workers, inTurn } = present;
  const leastMs = LEAST_INTENSITY * workers * (present.now - last.now);
  return inTurn < LEAST_BEFORE * workers &&
    present.cpuMs - last.cpuMs <= leastMs;
}

/** Whether workers computed enough for it to tell whether they do more later. */
function isTold({ intensity }: Turnover, workers: number): boolean {
  return intensity >= LEAST_INTENSITY * workers;
}

/** How long it takes to see whether workers compute more that have more, in milliseconds. */
function enoughMs(before: Turnover, workers: number): number {
  return isTold(before, workers)
    ? LATENCIES * before.working / before.rate
    : Infinity;
}

/** Factor by which more is done than before, where that is clearly no more than workers do at most; `null` where it is not. */
function gainOf(
  before: Turnover,
  found: Turnover,
  { growth, workers }: { readonly growth: number; readonly workers: number },
): number | null {
  const computing = isTold(before, workers);
  const gain = computing
    ? found.intensity / before.intensity
    : found.rate / before.rate;
  const elasticity = 1 - Math.log(gain) / Math.log(growth);
  const [least, most] = CLEAR_ELASTICITY;
  const crowded = computing
    ? elasticity >= LEAST_ELASTICITY &&
      COST_FACTOR * found.costMs >= before.costMs
    : elasticity >= least && elasticity <= most;
  return crowded ? gain : null;
}
