/**
 * One worker as the data plane sees it: an address, a count of requests in
 * flight, and whether it may be given more.
 *
 * Knows nothing of processes or sockets. The control plane says which upstreams
 * there are and how they ended; the data plane claims them, and reports what it
 * saw.
 *
 * @module
 */

import type { UpstreamAddress, UpstreamEnd } from "../plane/contract.ts";
import type { InFlightExchange } from "./in_flight.ts";
import { randomName, UPSTREAM_NAME_OCTETS } from "../shared/random_name.ts";
import { LinkedList } from "./linked_list.ts";

export type { EndCause, UpstreamEnd } from "../plane/contract.ts";

/** What the control plane wants to be told about an upstream. */
export interface UpstreamObserver {
  /** A connection was refused: nobody listens there any more. */
  refused(upstream: Upstream): void;
  /** The last exchange in flight has ended. */
  idle(upstream: Upstream): void;
}

/** Where an upstream is and whose it is. */
export interface UpstreamOptions extends Omit<UpstreamAddress, "key"> {
  /** What the control plane calls it. @default {id} */
  readonly key?: number;
}

/**
 * A worker to send requests to.
 *
 * Counters are written by the data plane only and read by anybody.
 */
export class Upstream implements Omit<UpstreamAddress, "pid"> {
  readonly key: number;
  readonly id: number;
  readonly hostname: string;
  readonly port: number;
  readonly generation: number;
  /** What clients call it that are tied to it. */
  readonly name: string;
  /** Whether it serves one connection at a time. */
  readonly serial: boolean;
  /** The process that was started for it, or one that has started that; `null` where there is none. */
  readonly pid: number | null;

  /** Exchanges finished, whatever came of them. */
  requests = 0;
  /** Exchanges that failed on this side: no, a cut or a malformed response. Idle connections it closed do not count. */
  failures = 0;
  /** Exchanges that were completed, with a status of 500 or above. */
  serverErrors = 0;
  /** Whether it is about to be killed, which may take a while. */
  doomed = false;
  /** How long it had all finished exchanges, in milliseconds: not how long they had waited for it, or been with others. */
  latencySumMs = 0;
  /** Those it has now: each claim's, from when it is begun with until it is released. */
  readonly exchanges: LinkedList<InFlightExchange> = new LinkedList();

  #inFlight = 0;
  #idle = 0;
  #overdue = 0;
  #overtaken = 0;
  #accepting = false;
  #retired = false;
  #keptAlive = true;
  #onRetire: (() => void)[] = [];
  #end: UpstreamEnd | null = null;
  readonly #onEnd = new Set<(end: UpstreamEnd) => void>();
  readonly #observer: UpstreamObserver | null;

  /** Creates an upstream that is not accepting until it is published. */
  constructor(
    address: UpstreamOptions,
    observer: UpstreamObserver | null = null,
  ) {
    this.key = address.key ?? address.id;
    this.id = address.id;
    this.hostname = address.hostname;
    this.port = address.port;
    this.generation = address.generation;
    this.name = address.name ?? randomName(UPSTREAM_NAME_OCTETS);
    this.serial = address.serial ?? false;
    this.pid = address.pid ?? null;
    this.#observer = observer;
  }

  /** Exchanges claimed and not yet released. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Exchanges that may keep others waiting: streams and the like apart, and those that others have overtaken. */
  get load(): number {
    return this.#inFlight - this.#idle - this.#overtaken;
  }

  /** Of its load, what is not taking so long that it must be waiting for something. */
  get working(): number {
    return this.#inFlight - this.#idle - this.#overdue;
  }

  /** Of what it works at, what no later ones have overtaken: these may keep each other waiting. */
  get contending(): number {
    return this.working - this.#overtaken;
  }

  /** Whether it may be given work. Turned on by publishing alone. */
  get accepting(): boolean {
    return this.#accepting;
  }

  /** Whether it has been given up for good. */
  get retired(): boolean {
    return this.#retired;
  }

  /** Whether connections to it are kept for the next request. */
  get keptAlive(): boolean {
    return this.#keptAlive && !this.serial;
  }

  /** Sets whether they are, as far as it serves several at a time. */
  keepAlive(kept: boolean): void {
    this.#keptAlive = kept;
  }

  /** Sets whether it may be given work. For the dispatcher. */
  setAccepting(accepting: boolean): void {
    this.#accepting = accepting && !this.#retired;
  }

  /** Counts one more exchange. For the dispatcher, in the same turn as the choice. */
  claim(): void {
    this.#inFlight++;
  }

  /** Counts one exchange less. For the dispatcher, once for each claim. */
  release(): void {
    if (this.#inFlight === 0) {
      throw new Error(`Cannot release upstream ${this.id}: nothing is claimed`);
    }
    if (--this.#inFlight === 0) this.#observer?.idle(this);
  }

  /** Counts exchanges that are no work for it, or no more. For the dispatcher. */
  addIdle(count: 1 | -1): void {
    this.#idle += count;
  }

  /** Counts exchanges that take too long to be work, or have ended. For the dispatcher. */
  addOverdue(count: 1 | -1): void {
    this.#overdue += count;
  }

  /** Counts exchanges that others have overtaken, or that have ended. For the dispatcher. */
  addOvertaken(count: 1 | -1): void {
    this.#overtaken += count;
  }

  /** Takes note of a refused connection: no work goes here until it is published again. */
  reportRefused(): void {
    this.#accepting = false;
    this.#observer?.refused(this);
  }

  /** Gives it up for good: no more work, and idle connections are closed. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.#accepting = false;
    const callbacks = this.#onRetire;
    this.#onRetire = [];
    for (const callback of callbacks) callback();
  }

  /** How its process ended; `null` while it runs, or may. */
  get end(): UpstreamEnd | null {
    return this.#end;
  }

  /** Takes note that its process is gone; gives it up for good. */
  markEnded(end: UpstreamEnd): void {
    this.#end ??= end;
    this.retire();
    for (const callback of this.#onEnd) callback(end);
    this.#onEnd.clear();
  }

  /** Calls `callback` when its process is gone. Not after that, nor once the returned function was called. */
  onEnd(callback: (end: UpstreamEnd) => void): () => void {
    this.#onEnd.add(callback);
    return () => this.#onEnd.delete(callback);
  }

  /** Calls `callback` on retirement, at once if that has been. */
  onRetire(callback: () => void): void {
    if (this.#retired) callback();
    else this.#onRetire.push(callback);
  }
}
