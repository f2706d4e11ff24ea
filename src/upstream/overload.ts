/**
 * How long requests may wait, learnt from those that do not wait any longer.
 *
 * A burst is worked off, however long it takes, as long as its clients wait:
 * to turn them away would serve nobody. But once clients give up in the queue,
 * more come than can be served, and each is served just before it would have
 * left, or just after. Then only so many are let in as will be served in half
 * the time that clients were seen to wait, and the others are told at once.
 *
 * The bound grows slowly until clients give up again, so that it is found anew
 * when there is more patience, and forgotten when there is no overload.
 *
 * Has no clock: the owner tells the time.
 *
 * @module
 */

import type { ClaimRequest } from "./request_queue.ts";

/** Clients that must have given up of late, so that it is no chance. */
const LEAST_LEFT = 3;

/** And their ratio to those that were served. */
const LEAST_LEFT_RATIO = 0.02;

/** And to those that were served although they had waited as long: where others have more patience, who goes is in a hurry, and nothing is wrong. */
const LEAST_LEFT_OF_LATE = 0.2;

/** Clients whose patience is remembered. */
const REMEMBERED = 15;

/** Share of their patience that may be spent waiting: the rest is for being served. */
const WAIT_RATIO = 0.5;

/** The least bound, in milliseconds, and the least wait that has made a client go: who goes sooner has another reason, and must not have others turned away. */
const LEAST_WAIT_MS = 500;

/** Requests that may wait, however slow the workers are: to see whether they are still. */
const LEAST_DEPTH = 2;

/** Factor by which the bound grows each second. */
const GROWTH_PER_SECOND = 1.01;

/** How long what happened counts, in milliseconds. */
const MEMORY_MS = 5_000;

/** The same for how fast the queue is served: shorter, as that changes. */
const RATE_MEMORY_MS = 1_000;

/** Knows whether there is an overload, and how long the queue may be. */
export class Overload {
  readonly #mostWaitMs: number;
  /** How long those waited that have left, the last of them. */
  #waits: number[] = [];
  #left = 0;
  #served = 0;
  /** Of those that were served, how many had waited for as long as others that have left. */
  #outlasted = 0;
  /** The wait that half of those did not exceed that have left. */
  #patienceMs = Infinity;
  #finishedSince = 0;
  /** Requests that were finished while others waited, and in how many milliseconds. */
  #finished = 0;
  #busyMs = 0;
  #longestWaitMs = Infinity;
  /** Whether those that wait were let in before it was known. */
  justFound = false;
  #sweptAt: number | null = null;

  /** Creates one that knows of no overload. @param mostWaitMs Bound of the bound. */
  constructor(mostWaitMs: number) {
    this.#mostWaitMs = mostWaitMs;
  }

  /** Whether more come than can be served. */
  get known(): boolean {
    return this.#longestWaitMs < Infinity;
  }

  /** How long clients wait at most, in milliseconds; `Infinity` while that is not known. */
  get patienceMs(): number {
    return this.#longestWaitMs / WAIT_RATIO;
  }

  /** How long those may have waited, at most, that go on waiting: less, once, when it has just been found out. */
  takeBoundMs(): number {
    const boundMs = this.justFound ? this.#longestWaitMs : this.patienceMs;
    this.justFound = false;
    return boundMs;
  }

  /** Whether one more may wait behind `depth` others. */
  admits(depth: number): boolean {
    return !this.known ||
      depth < Math.max(LEAST_DEPTH, this.#longestWaitMs * this.#rate);
  }

  /** Requests that are finished, in a millisecond. */
  get #rate(): number {
    return this.#busyMs === 0 ? 0 : this.#finished / this.#busyMs;
  }

  /** Takes note that a client has left after so long. */
  leave(waitedMs: number): void {
    if (waitedMs < LEAST_WAIT_MS) return;
    this.#left++;
    this.#waits = [...this.#waits, waitedMs].slice(-REMEMBERED);
    const sorted = [...this.#waits].sort((a, b) => a - b);
    this.#patienceMs = sorted[sorted.length >> 1]!;
    const many = this.#left >= LEAST_LEFT &&
      this.#left >= LEAST_LEFT_RATIO * (this.#left + this.#served) &&
      this.#left >= LEAST_LEFT_OF_LATE * (this.#left + this.#outlasted);
    if (!many) return;
    if (!this.known) this.justFound = true;
    this.#longestWaitMs = Math.min(
      this.#mostWaitMs,
      Math.max(LEAST_WAIT_MS, this.#patienceMs * WAIT_RATIO),
    );
  }

  /** Takes note that one that has waited since then was given to a worker now. */
  serve(request: ClaimRequest, since: number, now: number): void {
    this.#served++;
    if (now - since >= this.#patienceMs) this.#outlasted++;
    request.waitedSince = since;
  }

  /** Takes note that a worker has finished a request, for a client that was there still. */
  finish(): void {
    this.#finishedSince++;
  }

  /** Takes note that a client has gone whose request was at a worker; those that had not waited say nothing. */
  leaveWorker(request: ClaimRequest, now: number): void {
    const { waitedSince: since } = request;
    if (since !== undefined) this.leave(now - since);
  }

  /** To be called a few times a second, with the number of those that wait. */
  sweep(now: number, depth: number): void {
    const elapsedMs = now - (this.#sweptAt ?? now);
    this.#sweptAt = now;
    if (elapsedMs === 0) return;
    if (depth > 0 || this.known) {
      const kept = Math.exp(-elapsedMs / RATE_MEMORY_MS);
      this.#finished = this.#finished * kept + this.#finishedSince;
      this.#busyMs = this.#busyMs * kept + elapsedMs;
    }
    this.#finishedSince = 0;
    const kept = Math.exp(-elapsedMs / MEMORY_MS);
    this.#left *= kept;
    this.#served *= kept;
    this.#outlasted *= kept;
    this.#longestWaitMs *= GROWTH_PER_SECOND ** (elapsedMs / 1000);
    if (this.#longestWaitMs > this.#mostWaitMs) {
      this.#longestWaitMs = Infinity;
      this.#waits = [];
      this.#patienceMs = Infinity;
    }
  }
}
