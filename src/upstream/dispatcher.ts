/**
 * Gives each request an upstream: the control plane publishes which of them
 * may be given work, the data plane claims one for each request.
 *
 * Choosing an upstream, checking that it may be given work and counting the
 * claim happen in one synchronous step. A request that finds none waits in the
 * queue, which is served as claims are released.
 *
 * Knows nothing of sockets or processes, and has no timer: the owner calls
 * {@linkcode Dispatcher.sweep}.
 *
 * @module
 */

import type { LatencyHistogram } from "../shared/latency_histogram.ts";
import type { CpuMsOf } from "./concurrency/worker_cpu.ts";
import type { Subset } from "./generation_subsets.ts";
import { type ClaimEnd, LoadControl } from "./load_control.ts";
import { PublishedSet, type PublishedSetOptions } from "./published_set.ts";
import { Quarantine } from "./quarantine.ts";
import {
  type ClaimRequest,
  type QueueStats,
  RequestQueue,
  type RequestQueueOptions,
  type Ticket,
  type UnavailableReason,
} from "./request_queue.ts";
import type { Upstream } from "./upstream.ts";
import { WorkerLimit } from "./worker_limit.ts";

export {
  type ClaimRequest,
  type QueueStats,
  type Ticket,
  type UnavailableReason,
} from "./request_queue.ts";

/** How claims are made and how many may wait. */
export interface DispatcherOptions
  extends PublishedSetOptions, RequestQueueOptions {
  /** Requests in flight per upstream; 0 is no cap, `"auto"` finds one. */
  readonly workerConcurrency: number | "auto";
  /** Monotonic time in milliseconds. @default {performance.now} */
  readonly clock?: () => number;
  /** Tells whether workers compute, where that can be told: so it is seen at once when they do other work. */
  readonly cpuMsOf?: CpuMsOf;
}

/** Makes the claims and keeps the queue. */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #limit: WorkerLimit;
  /** `null` where the limit is set. */
  readonly #load: LoadControl | null;
  readonly #published: PublishedSet;
  readonly #queue: RequestQueue;
  readonly #quarantine: Quarantine;
  readonly #clock: () => number;
  /** Whether there has been anybody. */
  #hasPublished = false;
  /** How many are meant to be given work, though some may have yet to start. */
  #wanted = 0;

  /** Creates a dispatcher with nothing published. */
  constructor(options: DispatcherOptions) {
    const { policy: { sticky }, workerConcurrency, maxQueue } = options;
    this.#options = options;
    this.#queue = new RequestQueue(options);
    this.#clock = options.clock ?? (() => performance.now());
    // Who belongs to one worker gains nothing by waiting for another, and
    // where nobody may wait all must be let in.
    this.#limit = new WorkerLimit(workerConcurrency, !sticky && maxQueue > 0);
    this.#published = new PublishedSet(
      options,
      this.#limit,
      () => this.#quarantine.host,
    );
    this.#quarantine = new Quarantine(options, {
      candidates: (request) => this.#acceptingFor(request),
      othersExpected: () => this.#wanted > 1,
      claim: (request) => this.#claimFor(request),
      claimHost: (host, request) =>
        this.#limit.admits(host) ? this.#claimed(host, request) : null,
    }, this.#queue.waits);
    const { adaptive } = this.#limit;
    this.#load = adaptive === null ? null : new LoadControl({
      adaptive,
      queue: this.#queue,
      queueTimeoutMs: options.queueTimeoutMs,
      clock: this.#clock,
      cpuMsOf: options.cpuMsOf ?? null,
      upstreams: () => this.upstreams,
      overflow: (request) => this.#limit.lift(() => this.#claimFor(request)),
    });
  }

  /** The published set, in slot order. */
  get upstreams(): readonly Upstream[] {
    return this.#published.upstreams;
  }

  /** Those that are kept for their own clients, in slot order. */
  get former(): readonly Upstream[] {
    return this.#published.former;
  }

  /** The upstream of that name, as far as it may be given work; `null` when there is none. */
  named(name: string): Upstream | null {
    return this.#published.named(name);
  }

  /** Whether a client belongs to one upstream, so that it matters who it is. */
  get sticky(): boolean {
    return this.#options.policy.sticky;
  }

  /** Depth and counters of the queue. */
  get queue(): QueueStats {
    const queues = [this.#queue, this.#quarantine.queue];
    const sum = (of: "size" | "rejected" | "timedOut"): number =>
      queues.reduce((sum, queue) => sum + queue[of], 0);
    return {
      depth: sum("size"),
      limit: this.#options.maxQueue,
      rejected: sum("rejected"),
      timedOut: sum("timedOut"),
      concurrency: this.#limit.concurrency,
      adaptive: this.#load !== null,
    };
  }

  /** How long those waited that had to, and whose client did not go. */
  get queueWait(): LatencyHistogram {
    return this.#queue.waits;
  }

  /**
   * Replaces the set. Those in it may be given work from now on, those that
   * were in the old one and are not in this may not.
   *
   * @param former Upstreams that are given the requests of clients that are
   * tied to them, or belong to their generation where that is not the newest,
   * and no others.
   * @param wanted How many there are meant to be: where there are fewer,
   * others are to come.
   */
  publish(
    upstreams: readonly Upstream[],
    former: readonly Upstream[] = [],
    wanted = 0,
  ): void {
    this.#wanted = wanted;
    this.#hasPublished ||= upstreams.length > 0;
    this.#published.replace(upstreams, former);
    this.serveSuspects();
    this.#serveQueue();
  }

  /** Claims an upstream, or returns `null` when none may be given this request now. Who has an owner is given to that, however much it has to do. */
  claim(request: ClaimRequest): Upstream | null {
    if (this.#quarantine.takes(request)) return null;
    const { owner = null } = request;
    if (owner?.accepting && owner !== request.avoid) {
      return this.#claimed(owner, request);
    }
    // Those at workers may turn out to be no work: then nobody waits for them.
    if (this.#queue.size > 0 && this.#load?.due(this.#clock())) {
      this.#serveQueue();
    }
    // Those that wait come first; of several subsets, they wait for those that are full.
    const mustWait = this.#queue.size > 0 && !this.#published.several;
    return mustWait ? null : this.#claimFor(request);
  }

  /** Upstreams that accept work and may be given the request, busy ones included. */
  acceptingFor(request: ClaimRequest): number {
    return this.#acceptingFor(request).length;
  }

  /** Whether there is more than one of these, or is meant to be soon. */
  hasOthersFor(request: ClaimRequest): boolean {
    return Math.max(this.acceptingFor(request), this.#wanted) > 1;
  }

  /**
   * Gives a claim back; the upstream may serve the head of the queue in the
   * same turn. How long it had `request` is learnt from, where that is wanted.
   */
  release(
    upstream: Upstream,
    request: ClaimRequest | null = null,
    end: ClaimEnd = {},
  ): void {
    upstream.release();
    this.#quarantine.release(request);
    this.#load?.release(request, end);
    // Of a lost worker's requests the others are to come before one is tried.
    if (upstream.end === null) this.serveSuspects();
    if (this.#queue.size > 0) this.#serveQueue();
  }

  /** Has those tried that may have ended a worker, now that all of its requests are known to have failed; others are served if that has left somebody free. */
  serveSuspects(): void {
    const { host, queue } = this.#quarantine;
    if (host === null && queue.size === 0) return;
    this.#quarantine.serve(this.#clock());
    if (this.#queue.size > 0) this.#serveQueue();
  }

  /** Takes note that a worker has done its part of a request in flight: what is left waits for the client. */
  relieve(request: ClaimRequest): void {
    if (this.#load?.relieve(request)) this.#serveQueue();
  }

  /** Takes note that the response to a request in flight is a stream: its worker is as free as before. */
  park(request: ClaimRequest): void {
    if (this.#load === null) return;
    this.#load.park(request);
    this.#serveQueue();
  }

  /**
   * Waits for an upstream for as long as the longest wait.
   *
   * One of the ticket's callbacks is called, once and never during this call.
   * {@linkcode cancel} takes the ticket back.
   *
   * @returns Why it may not wait, as the queue is full, would not be served in
   * time, or the pool is stopping: then no callback is called. `null` when it
   * does.
   */
  enqueue(ticket: Ticket): UnavailableReason | null {
    if (this.#quarantine.takes(ticket.request)) {
      return this.#quarantine.join(ticket);
    }
    if (this.#load?.admits === false) return this.#queue.refuse("overload");
    // Without a limit that was found all would be with the workers.
    const heldBack = this.#load !== null && this.#queue.full &&
      this.acceptingFor(ticket.request) > 0;
    return this.#queue.join(ticket, heldBack);
  }

  /** Takes a ticket back whose client has gone. */
  cancel(ticket: Ticket): void {
    if (this.#quarantine.leave(ticket)) return;
    if (!this.#queue.leave(ticket) || this.#load === null) return;
    const mightBeServed = this.acceptingFor(ticket.request) > 0;
    if (mightBeServed) this.#load.leave(ticket.since);
  }

  /** Does what is due: turns away those that have waited too long, lets shares grow and limits change. */
  sweep(now: number): void {
    this.#published.sweep(now);
    this.#quarantine.expire(now);
    this.serveSuspects();
    if (this.#load === null) return this.#queue.expire(now);
    this.#load.look(now);
    // What is let in now is there already for whoever counts.
    this.#serveQueue();
    this.#load.sweep(now);
    this.#serveQueue();
  }

  /** Turns away everybody who waits, and whoever would from now on. */
  stop(): void {
    const reason = this.#hasPublished ? "stopping" : "never-ready";
    this.#queue.close(reason);
    this.#quarantine.close(reason);
  }

  #serveQueue(): void {
    if (this.#queue.size === 0) return;
    const now = this.#clock();
    this.#load?.watch(now);
    const full = new Set<Subset>();
    this.#queue.serve((request, since) => {
      const subset = this.#published.subsetOf(request);
      if (full.has(subset)) return null;
      const upstream = this.#claimFrom(subset, request);
      if (upstream === null) full.add(subset);
      else this.#load?.serve(request, since);
      return upstream;
    }, { now, pastHead: this.#published.several });
  }

  #acceptingFor(request: ClaimRequest): readonly Upstream[] {
    const { upstreams } = this.#published.subsetOf(request);
    return upstreams.filter(({ accepting }) => accepting);
  }

  #claimFor(request: ClaimRequest): Upstream | null {
    return this.#claimFrom(this.#published.subsetOf(request), request);
  }

  #claimFrom(subset: Subset, request: ClaimRequest): Upstream | null {
    const upstream = this.#published.choose(subset, request);
    return upstream === null ? null : this.#claimed(upstream, request);
  }

  #claimed(upstream: Upstream, request: ClaimRequest): Upstream {
    upstream.claim();
    this.#load?.claim(upstream, request);
    return upstream;
  }
}
