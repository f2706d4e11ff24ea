/**
 * Requests that may have ended their worker, and wait to be tried: on a worker
 * that is given nobody else meanwhile, so that they take few with them, and it
 * shows whether they were the reason.
 *
 * One at a time, and the newest of a lost worker's requests first: most that
 * end a worker do so at once. Once it has shown who it was, the others are
 * served as all are, and so is who has waited for two seconds.
 *
 * Knows nothing of sockets, and has no timer: the dispatcher serves it.
 *
 * @module
 */

import type { LatencyHistogram } from "../shared/latency_histogram.ts";
import {
  type ClaimRequest,
  type ClosedReason,
  RequestQueue,
  type RequestQueueOptions,
  type Ticket,
  type UnavailableReason,
} from "./request_queue.ts";
import type { Suspicion } from "./suspicion.ts";
import type { Upstream } from "./upstream.ts";

/** How long a worker is set apart for a request, in milliseconds: most that end one do so sooner. */
const TRIAL_MS = 500;

/** How long a request waits for its turn, in milliseconds: who ends workers shows soon, as the newest are tried first. */
const TURN_MS = 2_000;

/** How long it waits for another worker beside the last one as well, in milliseconds: about as long as one takes to start. */
const WAIT_MS = 3_000;

/** What is asked of the dispatcher. */
export interface QuarantineDeps {
  /** Those that accept work and may be given the request, busy ones included. */
  readonly candidates: (request: ClaimRequest) => readonly Upstream[];
  /** Whether more than one worker is meant to serve, though there may be fewer now. */
  readonly othersExpected: () => boolean;
  /** Claims one for it as for any other, or returns `null`. */
  readonly claim: (request: ClaimRequest) => Upstream | null;
  /** Claims this one for it, or returns `null`. */
  readonly claimHost: (
    host: Upstream,
    request: ClaimRequest,
  ) => Upstream | null;
}

/** Serves those that are suspected. */
export class Quarantine {
  readonly #deps: QuarantineDeps;
  readonly #queue: RequestQueue;
  /** The worker of the present trial. */
  #host: Upstream | null = null;
  /** What that is given; `null` once it has responded. */
  #tried: ClaimRequest | null = null;
  #since = 0;
  /** When there was one worker at most the last time. */
  #aloneAt = -Infinity;

  /** Creates one in which nobody waits; `waits` is told how long they did. */
  constructor(
    options: RequestQueueOptions,
    deps: QuarantineDeps,
    waits: LatencyHistogram,
  ) {
    this.#queue = new RequestQueue(options, waits);
    this.#deps = deps;
  }

  /** The worker that is given nobody else; `null` while there is no trial. */
  get host(): Upstream | null {
    return this.#host;
  }

  /** Those who wait, and what became of others. */
  get queue(): Pick<RequestQueue, "size" | "rejected" | "timedOut"> {
    return this.#queue;
  }

  /** Whether it has to wait here: where nobody else may, it is served as all are. */
  takes(request: ClaimRequest): boolean {
    return isSuspected(request) && this.#queue.open;
  }

  /** Waits for {@linkcode serve}; returns why it may not. */
  join(ticket: Ticket): UnavailableReason | null {
    return this.#queue.join(ticket);
  }

  /** Takes a ticket back; returns whether it was in. */
  leave(ticket: Ticket): boolean {
    return this.#queue.leave(ticket);
  }

  /** Takes note that a worker is done with a request, which may be the one on trial. */
  release(request: ClaimRequest | null): void {
    if (request === this.#tried) this.#tried = null;
  }

  /** Serves who need not wait any more, and has the next one tried where nobody is. */
  serve(now: number): void {
    if (this.#host === null && this.#queue.size === 0) return;
    this.#endTrial(now);
    const next = this.#host === null ? this.#next() : null;
    this.#queue.serve((request, since) => {
      const alone = this.#isAlone(request);
      if (alone) this.#aloneAt = now;
      const inTurnMs = now - Math.max(since, this.#aloneAt);
      const late = inTurnMs >= TURN_MS || now - since >= WAIT_MS;
      const mustWait = isSuspected(request) &&
        (!alone || this.#deps.othersExpected());
      if (late || !mustWait) return this.#deps.claim(request);
      const isNext = request === next && this.#host === null;
      return isNext ? this.#try(request, now) : null;
    }, { now, pastHead: true });
  }

  /** Turns away those that have waited for longer than anybody may. */
  expire(now: number): void {
    this.#queue.expire(now);
  }

  /** Turns away everybody. */
  close(reason: ClosedReason): void {
    this.#queue.close(reason);
  }

  /** Whether one worker at most may be given it now. */
  #isAlone(request: ClaimRequest): boolean {
    return this.#deps.candidates(request).length < 2;
  }

  /** Who is tried next: the one that its worker had had for the shortest time. */
  #next(): ClaimRequest | null {
    const [next = null] = this.#queue.requests()
      .filter(isSuspected)
      .filter((request) => !this.#isAlone(request))
      .sort((a, b) => a.suspicion.ageMs - b.suspicion.ageMs);
    return next;
  }

  #try(request: ClaimRequest, now: number): Upstream | null {
    const host = this.#deps.candidates(request)
      .filter((upstream) => upstream !== request.avoid)
      .reduce((a, b) => b.load < a.load ? b : a);
    const claimed = this.#deps.claimHost(host, request);
    if (claimed === null) return null;
    this.#host = host;
    this.#tried = request;
    this.#since = now;
    return claimed;
  }

  #endTrial(now: number): void {
    const goesOn = this.#tried !== null && this.#host!.accepting &&
      now - this.#since < TRIAL_MS;
    if (!goesOn) this.#host = this.#tried = null;
  }
}

/** Whether it may have ended its last worker. */
function isSuspected(
  request: ClaimRequest,
): request is ClaimRequest & { readonly suspicion: Suspicion } {
  return !(request.suspicion?.loss.solved ?? true);
}
