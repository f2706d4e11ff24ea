/**
 * When more and more requests are at workers, which finish no more of them
 * than before. Pure.
 *
 * That needs no trial, nor that requests are served in the order in which they
 * came, which those of a worker that reads many connections at once are not:
 * by Little's law, what a request takes is how many there are, over how many
 * are finished in a unit of time.
 *
 * @module
 */

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

/** Elasticity of the latency from which on requests wait for each other, and beyond which the work is heavier than it was. */
const CLEAR_ELASTICITY = [0.7, 1.5] as const;

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
}

/** Requests at workers at a time that may have been waiting for each other, and what one took then. */
interface Turnover {
  readonly inTurn: number;
  readonly latencyMs: number;
  /** The same of all requests. */
  readonly meanMs: number;
  readonly at: number;
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
    const few = this.#before === null &&
      present.inTurn < LEAST_BEFORE * present.workers;
    if (few) this.reset();
    const since = this.#since ??= present;
    const last = this.#last ?? present;
    this.#last = present;
    const halfMs = (present.now - last.now) / 2;
    this.#workingMs += (last.working + present.working) * halfMs;
    this.#inTurnMs += (last.inTurn + present.inTurn) * halfMs;
    const finished = present.finished - since.finished;
    // What has only just come is finished in time, or is not: all that there
    // was must have been, for more of it to be too much.
    const turnover = this.#before === null ? 0 : since.inTurn;
    if (finished < Math.max(LEAST_FINISHED, turnover)) return null;
    const { workers } = present;
    const elapsedMs = present.now - since.now;
    const found: Turnover = {
      inTurn: this.#inTurnMs / elapsedMs,
      latencyMs: this.#inTurnMs / finished,
      meanMs: this.#workingMs / finished,
      at: since.now,
    };
    this.#since = present;
    this.#workingMs = this.#inTurnMs = 0;
    const before = this.#before;
    const known = before !== null && since.now - before.at < MEMORY_MS &&
      before.inTurn < found.inTurn;
    if (!known) {
      this.#before = found.inTurn >= LEAST_BEFORE * workers ? found : null;
      return null;
    }
    const growth = found.inTurn / before.inTurn;
    if (growth < LEAST_GROWTH || found.inTurn < LEAST_CROWD * workers) {
      return null;
    }
    this.#before = found;
    const elasticity = Math.log(found.latencyMs / before.latencyMs) /
      Math.log(growth);
    const [least, most] = CLEAR_ELASTICITY;
    if (elasticity < least || elasticity > most) return null;
    // As many as there would be if each took as long as when there were fewer.
    const perWorkerMs = finished / elapsedMs / workers;
    return Math.ceil(
      Math.max(WORTHWHILE_MS, ROOM * before.meanMs) * perWorkerMs,
    );
  }
}
