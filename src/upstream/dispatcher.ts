/**
 * The seam between the planes: the control plane publishes which upstreams
 * may be given work, the data plane claims one for each request.
 *
 * The set is replaced whole. Choosing an upstream, checking that it may be
 * given work and counting the claim happen in one synchronous step. A request
 * that finds none waits here, first in first out, bounded in number and time.
 *
 * Knows nothing of sockets or processes, and has no timer: the owner calls
 * {@linkcode Dispatcher.sweep}.
 *
 * @module
 */

import { LatencyHistogram } from "../metrics/latency_histogram.ts";
import { type Choice, firstEligible, type Policy } from "./policy/policy.ts";
import { SlowStart } from "./slow_start.ts";
import type { Upstream } from "./upstream.ts";

/** Why no upstream could be had. */
export type UnavailableReason = "queue-full" | "queue-timeout" | "stopping";

/** No upstream could be had: the client is told 503. */
export class UnavailableError extends Error {
  override readonly name = "UnavailableError";
  /** Why. */
  readonly reason: UnavailableReason;

  /** Creates the error for `reason`. */
  constructor(reason: UnavailableReason) {
    super(`Cannot claim a worker: ${reason}`);
    this.reason = reason;
  }
}

/** How claims are made and how many may wait. */
export interface DispatcherOptions {
  readonly policy: Policy;
  /** Requests in flight per upstream; 0 is no cap. */
  readonly workerConcurrency: number;
  /** Requests that may wait at once. */
  readonly maxQueue: number;
  /** Longest wait in milliseconds. */
  readonly queueTimeoutMs: number;
  /** How long the share of a new upstream grows, in milliseconds. @default {0: its share is full at once} */
  readonly slowStartMs?: number;
  /** Uniform in [0, 1). @default {Math.random} */
  readonly random?: () => number;
  /** Monotonic time in milliseconds. @default {performance.now} */
  readonly clock?: () => number;
}

/** What is known of the request that wants an upstream. */
export interface ClaimRequest {
  /** The same for all requests of a client. */
  readonly clientHash: number;
  /** An upstream that just failed this request: others are preferred. */
  avoid: Upstream | null;
}

/** A request that waits for an upstream. */
export interface Ticket {
  readonly request: ClaimRequest;
  /** When it began to wait, on the clock that {@linkcode Dispatcher.sweep} is given. */
  readonly since: number;
  readonly resolve: (upstream: Upstream) => void;
  readonly reject: (error: UnavailableError) => void;
}

/** Counters of the queue. */
export interface QueueStats {
  /** Requests waiting now. */
  readonly depth: number;
  /** Requests that may wait. */
  readonly limit: number;
  /** Turned away because the queue was full or the pool is stopping. */
  readonly rejected: number;
  /** Turned away because the wait was too long. */
  readonly timedOut: number;
  /** How long those waited that have waited and were served, or waited too long: what half of them and 99 % did not exceed, in milliseconds. */
  readonly wait: { readonly p50: number | null; readonly p99: number | null };
}

/** Holds the published set, makes the claims and keeps the queue. */
export class Dispatcher {
  /** How long requests have waited that had to, and whose client had not gone. */
  readonly queueWait: LatencyHistogram = new LatencyHistogram();

  readonly #options: DispatcherOptions;
  readonly #choice: {
    -readonly [K in keyof Choice]: Choice[K];
  };
  readonly #slowStart: SlowStart | null;
  #avoid: Upstream | null = null;
  // A Set keeps insertion order and forgets any member in constant time.
  readonly #queue = new Set<Ticket>();
  readonly #clock: () => number;
  #rejected = 0;
  #timedOut = 0;
  #stopping = false;

  /** Creates a dispatcher with nothing published. */
  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => performance.now());
    const { slowStartMs = 0, policy: { sticky } } = options;
    this.#slowStart = slowStartMs > 0
      ? new SlowStart({ slowStartMs, sticky })
      : null;
    this.#choice = {
      upstreams: [],
      eligible: (upstream) => this.#eligible(upstream),
      turn: 0,
      clientHash: 0,
      random: options.random ?? Math.random,
    };
  }

  /** The published set, in slot order. */
  get upstreams(): readonly Upstream[] {
    return this.#choice.upstreams;
  }

  /** Depth and counters of the queue. */
  get queue(): QueueStats {
    return {
      depth: this.#queue.size,
      limit: this.#options.maxQueue,
      rejected: this.#rejected,
      timedOut: this.#timedOut,
      wait: {
        p50: this.queueWait.quantile(0.5),
        p99: this.queueWait.quantile(0.99),
      },
    };
  }

  /**
   * Replaces the set. Those in it may be given work from now on, those that
   * were in the old one and are not in this may not.
   */
  publish(upstreams: readonly Upstream[]): void {
    const old = this.#choice.upstreams;
    const nextId = old[this.#choice.turn]?.id ?? 0;
    const set = [...upstreams].sort((a, b) => a.id - b.id);
    for (const upstream of old) upstream.setAccepting(false);
    for (const upstream of set) upstream.setAccepting(true);
    this.#slowStart?.follow(old, set);
    this.#choice.upstreams = Object.freeze(set);
    // The turn stays with the slot, so that a change elsewhere skips nobody.
    this.#choice.turn = Math.max(0, set.findIndex((u) => u.id >= nextId));
    this.#serveQueue();
  }

  /** Claims an upstream, or returns `null` when none may be given this request now. */
  claim(request: ClaimRequest): Upstream | null {
    // Those that wait come first.
    return this.#queue.size > 0 ? null : this.#claimNow(request);
  }

  /** Gives a claim back; the upstream may serve the head of the queue in the same turn. */
  release(upstream: Upstream): void {
    upstream.release();
    if (this.#queue.size > 0) this.#serveQueue();
  }

  /**
   * Waits for an upstream, from `now` on, for as long as the longest wait.
   *
   * The callbacks of the ticket are called at most once and never during this
   * call. {@linkcode cancel} takes the ticket back.
   *
   * @throws {UnavailableError} at once when the queue is full or the pool is stopping.
   */
  enqueue(
    ticket: Omit<Ticket, "since">,
    now: number,
  ): Ticket {
    if (this.#stopping || this.#queue.size >= this.#options.maxQueue) {
      this.#rejected++;
      throw new UnavailableError(this.#stopping ? "stopping" : "queue-full");
    }
    const queued = { ...ticket, since: now };
    this.#queue.add(queued);
    return queued;
  }

  /** Takes a ticket back whose client has gone. */
  cancel(ticket: Ticket): void {
    this.#queue.delete(ticket);
  }

  /** Turns away those that have waited too long, and lets the shares of new upstreams grow. */
  sweep(now: number): void {
    this.#slowStart?.advance(now);
    const latest = now - this.#options.queueTimeoutMs;
    for (const ticket of this.#queue) {
      // All may wait equally long, so the first that is not late ends the search.
      if (ticket.since > latest) return;
      this.#queue.delete(ticket);
      this.#timedOut++;
      this.queueWait.record(now - ticket.since);
      ticket.reject(new UnavailableError("queue-timeout"));
    }
  }

  /** Turns away everybody who waits, and whoever would from now on. */
  stop(): void {
    this.#stopping = true;
    for (const ticket of this.#queue) {
      this.#rejected++;
      ticket.reject(new UnavailableError("stopping"));
    }
    this.#queue.clear();
  }

  #serveQueue(): void {
    for (const ticket of this.#queue) {
      const upstream = this.#claimNow(ticket.request);
      if (upstream === null) return;
      this.#queue.delete(ticket);
      this.queueWait.record(this.#clock() - ticket.since);
      ticket.resolve(upstream);
    }
  }

  #claimNow(request: ClaimRequest): Upstream | null {
    const choice = this.#choice;
    const count = choice.upstreams.length;
    if (count === 0) return null;
    this.#avoid = request.avoid;
    choice.clientHash = request.clientHash;
    let index = this.#slowStart?.active
      ? this.#chooseSlowly(this.#slowStart)
      : this.#options.policy.choose(choice);
    if (index < 0 && request.avoid !== null) {
      // Better the one that failed than none: it may be the only one.
      this.#avoid = null;
      index = firstEligible(choice, choice.turn);
    }
    if (index < 0) return null;
    choice.turn = index + 1 < count ? index + 1 : 0;
    const upstream = choice.upstreams[index]!;
    upstream.claim();
    return upstream;
  }

  /** Chooses while upstreams are new: those have a share of the requests that would go to them. */
  #chooseSlowly(slowStart: SlowStart): number {
    const choice = this.#choice;
    const { policy } = this.#options;
    const { eligible, clientHash } = choice;
    slowStart.credit();
    choice.eligible = (upstream) =>
      eligible(upstream) && slowStart.admits(upstream, clientHash);
    let index = policy.choose(choice);
    choice.eligible = eligible;
    // Better one that is new than to let the request wait.
    if (index < 0) index = policy.choose(choice);
    if (index >= 0) slowStart.spend(choice.upstreams[index]!);
    return index;
  }

  #eligible(upstream: Upstream): boolean {
    const cap = this.#options.workerConcurrency;
    return upstream.accepting && upstream !== this.#avoid &&
      (cap === 0 || upstream.inFlight < cap);
  }
}
