/**
 * How many requests each worker is given at once, where nobody has set it: as
 * many as make sense, of those that are work.
 *
 * Streams are no work, nor are requests whose clients take their time to send
 * them, nor those that take so much longer than others that their worker must
 * be waiting: a long poll, a slow reader. They do not count against the limit,
 * nor do those that later ones have overtaken.
 *
 * Has no clock and no timer: the owner tells the time.
 *
 * @module
 */

import type { ClaimRequest } from "../request_queue.ts";
import { LinkedList } from "../linked_list.ts";
import type { Upstream } from "../upstream.ts";
import type { Exertion } from "./change_of_work.ts";
import {
  Claim,
  claimOf,
  type Entry,
  placeOf,
  type WorkerState,
} from "./claim.ts";
import { ConcurrencyLimit } from "./concurrency_limit.ts";
import type { PoolLoad } from "./phase.ts";

/** How many times as long as usual a request takes that is no work ... */
const OVERDUE_FACTOR = 16;

/** ... and one whose worker does not compute, though it has all that it may. */
const IDLE_FACTOR = 4;

/** The least of that, in milliseconds: one sweep ... */
const LEAST_OVERDUE_MS = 100;

/** ... or one look at what workers compute. */
const LEAST_IDLE_MS = 20;

/** Share of the time for which a worker uses the CPU at most that waits for something ... */
const IDLE_RATIO = 0.2;

/** ... in a time of so many milliseconds at least. */
const LEAST_LOOK_MS = 10;

/** How many overtake a request at most before it is taken to wait for something, and not for its turn: of responses that come together the order is chance. */
const MOST_OVERTAKINGS = 2;

/** So many may take too long one after the other, and their worker finish nothing, while others do: several that wait may follow each other ... */
const MOST_UNHEARD = 4;

/** ... and for each that is more it takes so many times as long: the worker may have come to a halt, and whatever it is given waits with it. */
const SILENCE_FACTOR = 2;

/** The same while it is not known what is usual: a start under more than can be served is no long poll. */
const LEAST_UNKNOWN_MS = 1_600;

/** How many times as long as it takes when all requests of its worker wait for each other. */
const CROWD_FACTOR = 4;

/** By how much that grows where it was work, all the same. */
const MOST_PATIENCE = 64;

/** A body that has not come by then has a slow client, in milliseconds. */
const SLOW_UPLOAD_MS = 100;

/** What one more upload counts in the share of slow ones. */
const UPLOAD_WEIGHT = 0.2;

/** Share of slow uploads from which on the next one is taken for slow: a worker that is kept for one has nothing to do meanwhile, and where one that is quick does not count, the worker has two requests for a moment. */
const SOMETIMES_SLOW = 0.05;

/** Knows which requests are work, and how much of it a worker is given. */
export class AdaptiveConcurrency {
  readonly #limit = new ConcurrencyLimit();
  /** In the order in which they were claimed. */
  readonly #claims = new LinkedList<Entry>();
  /** Those that are to be used again: as many as there were at once, at most. */
  readonly #spare = new LinkedList<Claim>();
  readonly #workers = new WeakMap<Upstream, WorkerState>();
  /** What the two factors are multiplied with: more where those that took long were work. */
  #patience = 1;
  /** When that was last found out. */
  #mistakenAt = -Infinity;
  #order = 0;
  /** How many were finished. */
  #finished = 0;
  /** When the owner last told the time. */
  #now = 0;
  /** The last look at what workers do. */
  #watched: Pick<Exertion, "now" | "spell"> = { now: 0, spell: null };
  /** Of the last uploads, how many were slow: all, as far as is known. */
  #slowUploads = 1;

  /** Requests a worker may have at once as far as is known; 0 is no limit. */
  get limit(): number {
    const { limit } = this.#limit;
    return limit === Infinity ? 0 : limit;
  }

  /** Whether workers were seen of late to finish no more when they were given more at once. */
  saturated(now: number): boolean {
    return this.#limit.saturated(now);
  }

  /** Whether workers hardly compute while they have requests, as far as is known: these wait for something else. */
  get waits(): boolean {
    return this.#limit.waits;
  }

  /** Whether a worker may have one more. */
  admits(upstream: Upstream): boolean {
    return upstream.contending < this.#limit.cap;
  }

  /** Takes note of a claim. */
  claim(
    upstream: Upstream,
    request: ClaimRequest,
    clock: () => number,
  ): void {
    const uploads = request.uploading === true;
    const sampled = this.#limit.sampling && !uploads
      ? this.#limit.take(upstream.working, clock())
      : null;
    const claim = this.#newClaim(request, upstream);
    claim.claimedAt = this.#now;
    claim.order = this.#order++;
    claim.upload = uploads ? "awaited" : "none";
    claim.sampled = sampled;
    request.claim = claim;
    this.#claims.enter(claim.entry);
    const worker = this.#stateOf(upstream);
    worker.working.enter(claim);
    worker.oldest ??= claim;
    if (uploads && this.#slowUploads > SOMETIMES_SLOW) {
      this.#excuse(claim, "idle");
    }
  }

  /** Takes note that a claim was released. */
  release(
    request: ClaimRequest,
    { clientGone, clock }: {
      readonly clientGone: boolean;
      readonly clock: () => number;
    },
  ): void {
    const claim = claimOf(request);
    if (claim === null) return;
    request.claim = null;
    this.#claims.leave(claim.entry);
    if (claim.relieved) claim.upstream.addIdle(-1);
    else this.#end(claim, { clientGone, clock });
    claim.request = null;
    this.#spare.enter(claim);
  }

  #newClaim(request: ClaimRequest, upstream: Upstream): Claim {
    const claim = this.#spare.first;
    if (claim === null) return new Claim(request, upstream);
    this.#spare.leave(claim);
    claim.request = request;
    claim.upstream = upstream;
    claim.state = "working";
    claim.overtakings = 0;
    claim.relieved = false;
    return claim;
  }

  #end(
    claim: Claim,
    { clientGone, clock }: {
      readonly clientGone: boolean;
      readonly clock: () => number;
    },
  ): void {
    const { upstream, state, sampled } = claim;
    const worker = this.#stateOf(upstream);
    if (claim.upload === "awaited" && !clientGone) this.#countUpload(false);
    // Who was overtaken at workers that do not compute has not gone for want of its turn.
    const waited = claim.order < worker.latest && this.#limit.waits;
    if (!clientGone) {
      worker.latest = Math.max(worker.latest, claim.order);
      worker.unheard = 0;
      this.#finished++;
    }
    if (clientGone && state !== "idle" && !waited) this.#limit.noteAbandoned();
    else this.#limit.noteRelease();
    if (state === "idle") return upstream.addIdle(-1);
    if (state === "overdue") {
      upstream.addOverdue(-1);
      worker.overdue.leave(claim);
      if (worker.working.size > 0) this.#wait();
      return;
    }
    // How long it would have taken is not known.
    if (sampled !== null && clientGone) this.#limit.drop(sampled);
    else if (sampled !== null) {
      sampled.sample.noteOrder(placeOf(claim, worker.working));
      this.#limit.give(sampled, clock());
    }
    this.#leaveWorking(worker, claim);
    if (worker.oldest !== null) this.#overtake(worker, claim);
    if (worker.overdue.size > 0) this.#acquit(worker.overdue, claim);
  }

  /** Takes note that a worker has done its part of a request: that counts as served. Returns whether it was work until now. */
  relieve(request: ClaimRequest, clock: () => number): boolean {
    const claim = claimOf(request);
    if (claim === null || claim.state === "idle") return false;
    this.#end(claim, { clientGone: false, clock });
    claim.state = "idle";
    claim.sampled = null;
    claim.relieved = true;
    claim.upstream.addIdle(1);
    return true;
  }

  /** Takes note that a request is no work any more: its response is a stream. */
  park(request: ClaimRequest): void {
    const claim = claimOf(request);
    if (claim !== null) this.#excuse(claim, "idle");
  }

  /** Of those that had to wait for a worker, how many have done so since then at least, and are not served yet. */
  waitingSince(latest: number): number {
    let count = 0;
    for (const { claim: { request } } of this.#claims) {
      const since = request?.waitedSince;
      if (since !== undefined && since <= latest) count++;
    }
    return count;
  }

  /**
   * Looks whether workers do other work than before, and who is no work,
   * whenever there are requests that wait.
   *
   * @param usedMs CPU time of workers since the last look, in milliseconds, as
   * far as that is known.
   */
  watch(
    exertion: Omit<Exertion, "finished">,
    usedMs: ReadonlyMap<Upstream, number>,
  ): void {
    const { now, spell } = exertion;
    this.#limit.watch(exertion);
    const last = this.#watched;
    this.#watched = { now, spell };
    if (spell === null) return;
    // Where nobody waited at some time they had less than they might have.
    const elapsedMs = spell === last.spell ? now - last.now : 0;
    this.#excuseOverdue(
      now,
      (upstream) =>
        elapsedMs >= LEAST_LOOK_MS &&
        (usedMs.get(upstream) ?? Infinity) <= IDLE_RATIO * elapsedMs,
    );
  }

  /** Looks who is no work, and lets the limit change. */
  sweep(now: number, load: PoolLoad): void {
    this.#excuseOverdue(now, () => false);
    this.#limit.tick(now, load);
  }

  /** @param idles Whether a worker is known to have computed nothing since the last look, though it had all that it may have. */
  #excuseOverdue(now: number, idles: (upstream: Upstream) => boolean): void {
    const before = this.#now;
    this.#now = now;
    const { usualMs, usualConcurrency } = this.#limit;
    const longMs = (factor: number, leastMs: number): number =>
      this.#patience *
      Math.max(usualMs === 0 ? LEAST_UNKNOWN_MS : leastMs, factor * usualMs);
    const overdueMs = longMs(OVERDUE_FACTOR, LEAST_OVERDUE_MS);
    const idleMs = longMs(IDLE_FACTOR, LEAST_IDLE_MS);
    const inTurnMs = CROWD_FACTOR * usualMs / usualConcurrency;
    for (const { claim } of this.#claims) {
      // Those claimed since the last look are too young.
      if (claim.claimedAt >= before) break;
      const ageMs = now - claim.claimedAt;
      if (claim.request?.uploading === true) {
        if (ageMs < SLOW_UPLOAD_MS || claim.upload === "slow") continue;
        this.#countUpload(true);
        claim.upload = "slow";
        this.#excuse(claim, "idle");
        continue;
      }
      if (claim.state !== "working") continue;
      const { upstream } = claim;
      const leastMs = idles(upstream) ? idleMs : overdueMs;
      if (ageMs < leastMs || ageMs < inTurnMs * upstream.working) continue;
      if (claim.overtakings < 0) this.#excuse(claim, "idle");
      else if (ageMs >= leastMs * this.#silence(this.#stateOf(upstream))) {
        this.#excuse(claim, "overdue");
      }
    }
  }

  /** By what it takes longer at a worker that has finished nothing for a while. */
  #silence({ unheard }: WorkerState): number {
    return SILENCE_FACTOR ** Math.max(0, unheard - MOST_UNHEARD);
  }

  #stateOf(upstream: Upstream): WorkerState {
    let state = this.#workers.get(upstream);
    if (state === undefined) {
      state = {
        working: new LinkedList(),
        oldest: null,
        overdue: new LinkedList(),
        latest: -1,
        unheard: 0,
        finished: 0,
      };
      this.#workers.set(upstream, state);
    }
    return state;
  }

  #leaveWorking(worker: WorkerState, claim: Claim): void {
    if (claim.overtakings < 0) claim.upstream.addOvertaken(-1);
    else if (worker.oldest === claim) worker.oldest = claim.next;
    worker.working.leave(claim);
  }

  /** Whoever is overtaken by more than its worker does at once waits for something else than for its turn, and is as good as not there when workers are chosen. */
  #overtake(worker: WorkerState, by: Claim): void {
    const claim = worker.oldest!;
    if (claim.order > by.order) return;
    const enough = Math.min(MOST_OVERTAKINGS, this.#limit.parallelism);
    if (++claim.overtakings < enough) return;
    worker.oldest = claim.next;
    claim.overtakings = -1;
    claim.upstream.addOvertaken(1);
  }

  /** A worker that has finished nothing beside what was overdue was at work on it, and others waited for nothing. */
  #wait(): void {
    // Those that were overdue together are one mistake.
    if (this.#mistakenAt === this.#now) return;
    this.#mistakenAt = this.#now;
    this.#patience = Math.min(MOST_PATIENCE, this.#patience * 2);
  }

  /** Who was overtaken keeps nobody waiting. */
  #acquit(overdue: LinkedList<Claim>, { order }: Claim): void {
    for (const claim of overdue) {
      if (claim.order > order) continue;
      this.#excuse(claim, "idle");
      this.#patience = Math.max(1, this.#patience / 2);
    }
  }

  #countUpload(slow: boolean): void {
    this.#slowUploads += UPLOAD_WEIGHT * ((slow ? 1 : 0) - this.#slowUploads);
  }

  #excuse(claim: Claim, state: "overdue" | "idle"): void {
    const { upstream, sampled } = claim;
    if (claim.state === state) return;
    const worker = this.#stateOf(upstream);
    if (claim.state === "working") this.#leaveWorking(worker, claim);
    else if (claim.state === "overdue") {
      upstream.addOverdue(-1);
      worker.overdue.leave(claim);
    }
    claim.state = state;
    if (state === "idle") upstream.addIdle(1);
    else {
      upstream.addOverdue(1);
      worker.overdue.enter(claim);
      if (worker.finished < this.#finished) worker.unheard++;
      worker.finished = this.#finished;
    }
    if (sampled === null) return;
    claim.sampled = null;
    this.#limit.drop(sampled);
  }
}
