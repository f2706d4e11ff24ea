/**
 * Requests that wait for an upstream: first in, first out, bounded in number
 * and time.
 *
 * Knows nothing of upstreams but that one is handed over, and has no timer:
 * the owner calls {@linkcode RequestQueue.expire}.
 *
 * @module
 */

import { LatencyHistogram } from "../shared/latency_histogram.ts";
import type { Suspicion } from "./suspicion.ts";
import type { Upstream } from "./upstream.ts";

/** Why no upstream could be had: the client is told 503. */
export type UnavailableReason =
  | "queue-full"
  | "queue-timeout"
  | "overload"
  | ClosedReason;

/** Why nobody is taken any more: the pool stops, and has had no worker where it does so because none became ready. */
export type ClosedReason = "stopping" | "never-ready";

/** What is known of the request that wants an upstream. */
export interface ClaimRequest {
  /** The same for all requests of a client. */
  readonly clientHash: number;
  /** The generation of workers the client belongs to; `null` when to none. */
  readonly generation: number | null;
  /** An upstream that just failed this request: others are preferred. */
  avoid: Upstream | null;
  /** That it may have ended its last worker: then it is tried alone. @default {null} */
  suspicion?: Suspicion | null;
  /** The upstream that keeps something for the client: it gets the request as long as it may be given work. @default {null} */
  readonly owner?: Upstream | null;
  /** Whether its client is still sending it. @default {false} */
  readonly uploading?: boolean;
  /** Since when it waited that a worker has now; for the dispatcher alone. @default {it has not waited} */
  waitedSince?: number;
  /** What {@linkcode AdaptiveConcurrency} knows of it while a worker has it; for that alone. */
  claim?: object | null;
}

/** A request that waits for an upstream. */
export interface Ticket {
  readonly request: ClaimRequest;
  /** When it began to wait, on the clock that {@linkcode RequestQueue.expire} is given. */
  readonly since: number;
  /** An upstream has been claimed for it. */
  resolve(upstream: Upstream): void;
  /** It waits no longer, and gets none. */
  reject(reason: UnavailableReason): void;
}

/** How many may wait, and for how long. */
export interface RequestQueueOptions {
  /** Requests that may wait at once. */
  readonly maxQueue: number;
  /** Longest wait in milliseconds. */
  readonly queueTimeoutMs: number;
}

/** What those meet that go on waiting. */
export interface QueueBound {
  /** How long they have waited at most, in milliseconds. */
  readonly longestMs: number;
  /** How many they are at most: those that have waited longest go. */
  readonly most: number;
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
  /** Requests in flight per worker beyond which requests wait: the setting, or what `auto` has found; 0 is no cap. */
  readonly concurrency: number;
  /** Whether that was found, and not set. */
  readonly adaptive: boolean;
}

/** Holds those that wait. */
export class RequestQueue {
  /** How many times somebody began to wait while nobody did. */
  spells = 0;
  /** Turned away because the queue was full or the pool is stopping. */
  rejected = 0;
  /** Turned away because the wait was too long. */
  timedOut = 0;
  /** How long those have waited that were served or turned away for it; not those whose client went. */
  readonly waits: LatencyHistogram;

  readonly #options: RequestQueueOptions;
  // A Set keeps insertion order and forgets any member in constant time.
  readonly #tickets = new Set<Ticket>();
  #closed: ClosedReason | null = null;

  /** Creates a queue in which nobody waits. */
  constructor(
    options: RequestQueueOptions,
    waits: LatencyHistogram = new LatencyHistogram(),
  ) {
    this.#options = options;
    this.waits = waits;
  }

  /** Requests waiting now. */
  get size(): number {
    return this.#tickets.size;
  }

  /**
   * Puts a request at the end; beyond what may wait, where it is `heldBack` by
   * what was found, and set by nobody.
   *
   * @returns Why it may not wait; `null` when it does.
   */
  join(ticket: Ticket, heldBack = false): UnavailableReason | null {
    if (this.#closed !== null || this.full && !heldBack) return this.refuse();
    if (this.#tickets.size === 0) this.spells++;
    this.#tickets.add(ticket);
    return null;
  }

  /** The requests that wait, the first to come first. */
  requests(): readonly ClaimRequest[] {
    return [...this.#tickets].map(({ request }) => request);
  }

  /** How many have waited since then at least. */
  waitingSince(latest: number): number {
    let count = 0;
    for (const { since } of this.#tickets) {
      if (since > latest) break;
      count++;
    }
    return count;
  }

  /** Whether nobody else may wait. */
  get full(): boolean {
    return this.#tickets.size >= this.#options.maxQueue;
  }

  /** Whether one more may wait. */
  get open(): boolean {
    return this.#closed === null && !this.full;
  }

  /** Turns a request away that would wait in vain; returns what it is told. */
  refuse(reason: "queue-full" | "overload" = "queue-full"): UnavailableReason {
    this.rejected++;
    return this.#closed ?? reason;
  }

  /** Takes a request out whose client has gone; returns whether it was in. */
  leave(ticket: Ticket): boolean {
    return this.#tickets.delete(ticket);
  }

  /**
   * Hands out what `claim` returns, from the head on, until it returns `null`;
   * with `pastHead` that one waits on, and those behind it are served before.
   */
  serve(
    claim: (request: ClaimRequest, since: number) => Upstream | null,
    { now, pastHead }: { readonly now: number; readonly pastHead: boolean },
  ): void {
    for (const ticket of this.#tickets) {
      const upstream = claim(ticket.request, ticket.since);
      if (upstream !== null) this.#handOver(ticket, { upstream, now });
      else if (!pastHead) return;
    }
  }

  /** Turns away those that have waited too long or, if that is less, not met the bound, unless `claim` has an upstream for them. */
  expire(
    now: number,
    { longestMs = Infinity, most = Infinity, claim = () => null }:
      & Partial<QueueBound>
      & {
        readonly claim?: (
          request: ClaimRequest,
          since: number,
        ) => Upstream | null;
      } = {},
  ): void {
    const { queueTimeoutMs } = this.#options;
    const latest = now - Math.min(longestMs, queueTimeoutMs);
    for (const ticket of this.#tickets) {
      // All may wait equally long, so the first that meets the bound ends the search.
      if (ticket.since > latest && this.#tickets.size <= most) return;
      const upstream = claim(ticket.request, ticket.since);
      if (upstream !== null) {
        this.#handOver(ticket, { upstream, now });
        continue;
      }
      this.#tickets.delete(ticket);
      this.timedOut++;
      const waitedMs = now - ticket.since;
      this.waits.record(waitedMs);
      ticket.reject(
        waitedMs >= queueTimeoutMs ? "queue-timeout" : "overload",
      );
    }
  }

  #handOver(
    ticket: Ticket,
    { upstream, now }: { readonly upstream: Upstream; readonly now: number },
  ): void {
    this.#tickets.delete(ticket);
    this.waits.record(now - ticket.since);
    ticket.resolve(upstream);
  }

  /** Turns away everybody who waits, and whoever would from now on. */
  close(reason: ClosedReason): void {
    this.#closed = reason;
    for (const ticket of this.#tickets) {
      this.rejected++;
      ticket.reject(reason);
    }
    this.#tickets.clear();
  }
}
