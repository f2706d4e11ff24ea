/**
 * How long requests may wait when more come than can be served.
 *
 * A burst is worked off, however long it takes, as long as its clients wait:
 * to turn them away would serve nobody. But a queue that grows and grows is no
 * burst ({@linkcode QueueGrowth}), where workers would finish no more if they
 * were given more at once; and once clients give up in it, each is served just
 * before it would have left, or just after. Then only so many are let in as
 * will be served in a second, or in half the time that clients were seen to
 * wait, and the others are told at once.
 *
 * A queue that is never empty serves nobody the sooner for being long: as long
 * as it stands its bound shrinks, as with CoDel (RFC 8289). When it is empty,
 * it may be as long as before.
 *
 * What clients were seen to wait grows slowly until they give up again, so that
 * it is found anew when there is more patience, and forgotten when there is no
 * overload. Where many go at once, however long each has waited, they have not
 * given up: whoever sent them has ended ({@linkcode Departures}).
 *
 * Has no clock: the owner tells the time.
 *
 * @module
 */

import { Departures, type GivenUp, lastWaits } from "./departures.ts";
import { QueueGrowth } from "./queue_growth.ts";
import type { ClaimRequest, QueueBound } from "./request_queue.ts";

/** Clients that must have given up of late, so that it is no chance. */
const LEAST_LEFT = 3;

/** And their ratio to those that were served. */
const LEAST_LEFT_RATIO = 0.02;

/** Where clients have gone, and less is left of what was under way at the last look, everybody has gone: under an overload workers have enough to do, and some wait. */
const NOBODY_RATIO = 0.01;

/** Share of their patience that may be spent waiting: the rest is for being served. */
const WAIT_RATIO = 0.5;

/** The least bound, in milliseconds, and the least wait that has made a client go: who goes sooner has another reason, and must not have others turned away. */
const LEAST_WAIT_MS = 500;

/** Requests that may wait, however slow the workers are: to see whether they are still. */
const LEAST_DEPTH = 2;

/** How long requests may wait where the queue has grown, in milliseconds. */
const GROWN_WAIT_MS = 1_000;

/** Factor by which the wait is shortened each second while requests wait all the time ... */
const STANDING_PER_SECOND = 0.5;

/** ... down to this, in milliseconds, which keeps the workers busy ... */
const LEAST_STANDING_MS = 250;

/** ... as so many requests do where each takes long. */
const LEAST_STANDING_DEPTH = 16;

/** Factor by which the bound grows each second. */
const GROWTH_PER_SECOND = 1.01;

/** How long what happened counts, in milliseconds. */
const MEMORY_MS = 5_000;

/** The same for how fast the queue is served: shorter, as that changes. */
const RATE_MEMORY_MS = 1_000;

/** What there is to do. */
export interface QueueLoad {
  /** Requests that wait. */
  readonly queued: number;
  /** Requests that workers are at. */
  readonly working: number;
  /** Whether workers would finish no more if they were given more at once. */
  readonly saturated: boolean;
  /** Whether workers hardly compute, so that who goes has not gone as they have too much to do. @default {false} */
  readonly waits?: boolean;
  /** Of both, how many have waited since then at least. @default {none} */
  readonly waitingSince?: (latest: number) => number;
}

/** Knows whether there is an overload, and how long the queue may be. */
export class Overload {
  readonly #mostWaitMs: number;
  /** How long those waited that have left, the last of them. */
  #waits: readonly number[] = [];
  #left = 0;
  #served = 0;
  /** Of those that were served, how many had waited for as long as half of those that have left: where they are more than these, who goes is in a hurry, and nothing is wrong. */
  #outlasted = 0;
  /** The wait that half of those did not exceed that have left. */
  #patienceMs = Infinity;
  /** Requests that were finished so far, and until the last sweep. */
  #finishedEver = 0;
  #finishedBefore = 0;
  /** Requests that were finished while others waited, and in how many milliseconds. */
  #finished = 0;
  #busyMs = 0;
  #longestWaitMs = Infinity;
  readonly #growth = new QueueGrowth();
  /** How long requests may wait as long as the queue is not empty. */
  #standingMs = Infinity;
  /** Whether that is because it has grown. */
  #grown = false;
  /** Whether those that wait were let in before it was known how long clients wait. */
  justFound = false;
  #sweptAt: number | null = null;
  readonly #departures = new Departures(LEAST_WAIT_MS);
  /** Requests that waited or were at workers at the last sweep. */
  #underWay = 0;

  /** Creates one that knows of no overload. @param mostWaitMs Bound of the bound. */
  constructor(mostWaitMs: number) {
    this.#mostWaitMs = mostWaitMs;
  }

  /** Whether more come than can be served. */
  get known(): boolean {
    return Math.min(this.#longestWaitMs, this.#standingMs) < Infinity;
  }

  /** How long clients wait at most, in milliseconds; `Infinity` while that is not known. */
  get patienceMs(): number {
    return this.#longestWaitMs / WAIT_RATIO;
  }

  /** What holds for those that wait: for more of them, once, when it has just been found out. */
  takeBound(): QueueBound {
    if (!this.justFound) return { longestMs: this.patienceMs, most: Infinity };
    this.justFound = false;
    // More would not be served in time: who has waited longest would be the first to leave.
    return { longestMs: this.#longestWaitMs, most: this.#most };
  }

  /** Whether one more may wait behind `depth` others. */
  admits(depth: number): boolean {
    return depth < this.#most;
  }

  /** Requests that may wait. */
  get #most(): number {
    if (!this.known) return Infinity;
    const rate = this.#rate;
    const standing = Math.max(LEAST_STANDING_DEPTH, this.#standingMs * rate);
    const bound = Math.min(this.#longestWaitMs * rate, standing);
    return Math.max(LEAST_DEPTH, bound);
  }

  /** Requests that are finished, in a millisecond. */
  get #rate(): number {
    return this.#busyMs === 0 ? 0 : this.#finished / this.#busyMs;
  }

  /** Takes note that a client has left after so long. */
  leave(waitedMs: number): void {
    this.#departures.add(waitedMs);
  }

  /** Takes note that one that has waited since then was given to a worker now. */
  serve(request: ClaimRequest, since: number): void {
    this.#served++;
    request.waitedSince = since;
  }

  /** Takes note that a worker has finished a request, for a client that was there still. */
  finish(request: ClaimRequest | null, clock: () => number): void {
    this.#finishedEver++;
    const since = request?.waitedSince;
    if (since !== undefined && clock() - since >= this.#patienceMs) {
      this.#outlasted++;
    }
  }

  /** Takes note that a client has gone whose request was at a worker; those that had not waited say nothing. */
  leaveWorker(request: ClaimRequest, now: number): void {
    const { waitedSince: since } = request;
    if (since !== undefined) this.leave(now - since);
  }

  /** To be called a few times a second. */
  sweep(now: number, load: QueueLoad): void {
    const { queued, working, saturated } = load;
    const elapsedMs = now - (this.#sweptAt ?? now);
    this.#sweptAt = now;
    if (elapsedMs === 0) return;
    const finished = this.#finishedEver;
    // While nobody waits it is what is asked for, and not what can be done.
    if (queued > 0 || this.known && this.#busyMs === 0) {
      const kept = Math.exp(-elapsedMs / RATE_MEMORY_MS);
      this.#finished = this.#finished * kept + finished - this.#finishedBefore;
      this.#busyMs = this.#busyMs * kept + elapsedMs;
    }
    this.#finishedBefore = finished;
    const everybody = this.#everybodyHasGone(queued + working);
    this.#giveUp(this.#departures.take(now), now, load);
    if (everybody) this.#forget();
    const grows = this.#growth.look({ now, queued, working, finished }) &&
      saturated;
    this.#standingMs = this.#nextStandingMs({ queued, grows, elapsedMs });
    const kept = Math.exp(-elapsedMs / MEMORY_MS);
    this.#left *= kept;
    this.#served *= kept;
    this.#outlasted *= kept;
    this.#longestWaitMs *= GROWTH_PER_SECOND ** (elapsedMs / 1000);
    if (this.#longestWaitMs > this.#mostWaitMs) this.#longestWaitMs = Infinity;
    // Not at each sweep: until it is known, those are counted that wait as long.
    if (this.#longestWaitMs === Infinity && this.#left < 1) this.#forget();
  }

  /** Whether nearly all that was under way has been left since the last sweep. */
  #everybodyHasGone(underWay: number): boolean {
    const before = this.#underWay;
    this.#underWay = underWay;
    return this.#departures.gone >= LEAST_LEFT &&
      underWay < NOBODY_RATIO * before;
  }

  /** Learns from those that have given up how long clients wait. */
  #giveUp(
    { count, waitsMs }: GivenUp,
    now: number,
    { waits = false, waitingSince = (): number => 0 }: QueueLoad,
  ): void {
    if (waits) {
      this.#admitAll();
      return this.#forget();
    }
    if (count === 0) return;
    this.#left += count;
    this.#waits = lastWaits(this.#waits, waitsMs);
    const sorted = [...this.#waits].sort((a, b) => a - b);
    this.#patienceMs = sorted[sorted.length >> 1]!;
    const left = this.#left;
    if (left < Math.max(LEAST_LEFT, LEAST_LEFT_RATIO * (left + this.#served))) {
      return;
    }
    const outlasting = waitingSince(now - this.#patienceMs);
    // Others do wait: who goes is in a hurry.
    if (this.#outlasted + outlasting > left) return this.#admitAll();
    if (this.#longestWaitMs === Infinity) this.justFound = true;
    this.#longestWaitMs = Math.min(
      this.#mostWaitMs,
      Math.max(LEAST_WAIT_MS, this.#patienceMs * WAIT_RATIO),
    );
  }

  /** Lets those in again that were not for what clients were seen to wait. */
  #admitAll(): void {
    this.#longestWaitMs = Infinity;
    if (!this.#grown) this.#standingMs = Infinity;
    this.justFound = false;
  }

  /** Knows of nobody that has given up. */
  #forget(): void {
    this.#waits = [];
    this.#left = 0;
    this.#patienceMs = this.#longestWaitMs = Infinity;
    this.justFound = false;
  }

  #nextStandingMs({ queued, grows, elapsedMs }: {
    readonly queued: number;
    readonly grows: boolean;
    readonly elapsedMs: number;
  }): number {
    if (queued === 0) return Infinity;
    const standingMs = this.#standingMs;
    if (standingMs === Infinity) {
      this.#grown = grows;
      return grows ? GROWN_WAIT_MS : this.#longestWaitMs;
    }
    const shrunkMs = standingMs * STANDING_PER_SECOND ** (elapsedMs / 1000);
    return Math.max(LEAST_STANDING_MS, shrunkMs);
  }
}
