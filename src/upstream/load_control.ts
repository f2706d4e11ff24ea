/**
 * What is learnt from requests as they come and go: how many a worker is given
 * at once ({@linkcode AdaptiveConcurrency}), and how long others may wait when
 * more come than can be served ({@linkcode Overload}).
 *
 * Hands out no upstream: the dispatcher does, and calls it.
 *
 * @module
 */

import type { AdaptiveConcurrency } from "./concurrency/adaptive_concurrency.ts";
import { type CpuMsOf, WorkerCpu } from "./concurrency/worker_cpu.ts";
import { Overload } from "./overload.ts";
import type { ClaimRequest, RequestQueue } from "./request_queue.ts";
import type { Upstream } from "./upstream.ts";

/** While requests wait, what workers compute is looked at so often, in milliseconds. */
const WATCH_INTERVAL_MS = 20;

/** Why a worker is done with a request. */
export interface ClaimEnd {
  /** Whether that is because the client has gone. @default {false} */
  readonly clientGone?: boolean;
  /** Whether it was being given a response: then it has not gone for having to wait. @default {false} */
  readonly responded?: boolean;
}

/** What it learns from, and acts on. */
export interface LoadControlDeps {
  readonly adaptive: AdaptiveConcurrency;
  readonly queue: RequestQueue;
  /** Longest wait in milliseconds. */
  readonly queueTimeoutMs: number;
  readonly clock: () => number;
  /** Tells whether workers compute; `null` where that cannot be told. */
  readonly cpuMsOf: CpuMsOf | null;
  /** Those that are given work. */
  readonly upstreams: () => readonly Upstream[];
  /** Claims an upstream that has as many as it should, or returns `null`. */
  readonly overflow: (request: ClaimRequest) => Upstream | null;
}

/** Keeps workers and the queue from being given too much. */
export class LoadControl {
  readonly #deps: LoadControlDeps;
  readonly #overload: Overload;
  readonly #cpu: WorkerCpu | null;
  /** When it was looked what workers compute. */
  #watchedAt = 0;

  /** Creates one that has learnt nothing yet. */
  constructor(deps: LoadControlDeps) {
    this.#deps = deps;
    this.#overload = new Overload(deps.queueTimeoutMs);
    this.#cpu = deps.cpuMsOf === null ? null : new WorkerCpu(deps.cpuMsOf);
  }

  /** Takes note that a worker has been given a request. */
  claim(upstream: Upstream, request: ClaimRequest): void {
    this.#deps.adaptive.claim(upstream, request, this.#deps.clock);
  }

  /** Takes note that one is given a request now that has waited since then. */
  serve(request: ClaimRequest, since: number): void {
    this.#overload.serve(request, since);
  }

  /** Takes note that a worker is done with a request. */
  release(
    request: ClaimRequest | null,
    { clientGone = false, responded = false }: ClaimEnd,
  ): void {
    const { adaptive, clock } = this.#deps;
    if (!clientGone) this.#overload.finish(request, clock);
    else if (request !== null && !responded && request.uploading !== true) {
      this.#overload.leaveWorker(request, clock());
    }
    if (request !== null) adaptive.release(request, { clientGone, clock });
  }

  /** Takes note that a worker has done its part of a request; returns whether it was work until now. */
  relieve(request: ClaimRequest): boolean {
    return this.#deps.adaptive.relieve(request, this.#deps.clock);
  }

  /** Takes note that a request is no work any more: its response is a stream. */
  park(request: ClaimRequest): void {
    this.#deps.adaptive.park(request);
  }

  /** Whether one more may wait. */
  get admits(): boolean {
    return this.#overload.admits(this.#deps.queue.size);
  }

  /** Takes note that a client has gone that has waited since then, and might have been served. */
  leave(since: number): void {
    this.#overload.leave(this.#deps.clock() - since);
  }

  /** Turns away those that have waited too long; at once when it has just turned out what that is: the next would be served for nothing. */
  #expire(now: number): void {
    this.#deps.queue.expire(now, {
      ...this.#overload.takeBound(),
      claim: this.#overload.known ? () => null : this.#overflow,
    });
  }

  /** Whether it is time to look what workers compute: where that is known, and has not just been looked at. */
  due(now: number): boolean {
    return this.#cpu !== null && now - this.#watchedAt >= WATCH_INTERVAL_MS;
  }

  /** Looks what workers compute, where that is due. */
  watch(now: number): void {
    if (this.due(now)) this.#watch(now);
  }

  /** Does what is due before requests are let in that wait. */
  look(now: number): void {
    this.#expire(now);
    this.#watch(now);
  }

  /** Lets the limits change. */
  sweep(now: number): void {
    const { adaptive, queue } = this.#deps;
    const upstreams = this.#deps.upstreams();
    const queued = queue.size;
    const working = workingAt(upstreams);
    const saturated = adaptive.saturated(now);
    const waitingSince = (latest: number): number =>
      queue.waitingSince(latest) + adaptive.waitingSince(latest);
    const { waits } = adaptive;
    const load = { queued, working, saturated, waits, waitingSince };
    this.#overload.sweep(now, load);
    if (this.#overload.justFound) this.#expire(now);
    adaptive.sweep(now, {
      queued,
      working,
      inTurn: upstreams.reduce((sum, { load }) => sum + load, 0),
      workers: Math.max(1, upstreams.length),
    });
  }

  #watch(now: number): void {
    if (this.#cpu === null) return;
    this.#watchedAt = now;
    const { adaptive, queue } = this.#deps;
    const upstreams = this.#deps.upstreams();
    const usedMs = this.#cpu.look(upstreams);
    adaptive.watch({
      now,
      spell: queue.size > 0 ? queue.spells : null,
      workers: upstreams.length,
      working: workingAt(upstreams),
      busy: upstreams.filter(({ working }) => working > 0).length,
      cpuMs: usedMs.size < upstreams.length
        ? null
        : usedMs.values().reduce((sum, cpuMs) => sum + cpuMs, 0),
    }, usedMs);
  }

  readonly #overflow = (
    request: ClaimRequest,
    since: number,
  ): Upstream | null => {
    const upstream = this.#deps.overflow(request);
    if (upstream !== null) this.serve(request, since);
    return upstream;
  };
}

/** Requests that workers are at. */
function workingAt(upstreams: readonly Upstream[]): number {
  return upstreams.reduce((sum, { working }) => sum + working, 0);
}
