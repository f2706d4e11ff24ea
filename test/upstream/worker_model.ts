/**
 * A pool of single-threaded workers and its clients as a discrete-event
 * model, in front of which a real {@linkcode Dispatcher} stands.
 *
 * A request has a worker's CPU for a while, first come first served, then
 * waits for something else, and crosses the network on either side of that.
 *
 * @module
 */

import {
  type ClaimRequest,
  Dispatcher,
  type DispatcherOptions,
} from "../../src/upstream/dispatcher.ts";
import { policyFor } from "../../src/upstream/policy/mod.ts";
import { requestOf, uniform, upstreams } from "./upstreams.ts";

/** What a request costs, in milliseconds. */
export interface Demand {
  readonly cpuMs: number;
  readonly waitMs: number;
}

/** A pool and its load. */
export interface ModelOptions {
  readonly workers: number;
  readonly workerConcurrency: DispatcherOptions["workerConcurrency"];
  /** Draws the demand of a request. */
  readonly demand: (random: () => number, now: number) => Demand;
  /** Clients that each wait for an answer before they ask again, at that time. */
  readonly clients?: (now: number) => number;
  /** Requests per second of clients that do not wait for answers. */
  readonly ratePerSecond?: (now: number) => number;
  readonly seed: number;
}

/** What a stretch of time has brought. */
export interface Outcome {
  readonly throughput: number;
  readonly meanMs: number;
  readonly p99Ms: number;
  /** Mean limit over the stretch. */
  readonly limit: number;
}

/** Time on the wire and in event loops, each way. */
const WIRE_MS = 0.05;

const SWEEP_MS = 100;

/** A running model. */
export class WorkerModel {
  now = 0;
  readonly dispatcher: Dispatcher;

  readonly #options: ModelOptions;
  /** Two, so that the same requests come whatever becomes of them. */
  readonly #arrivals: () => number;
  readonly #demands: () => number;
  readonly #freeAt: number[];
  readonly #events: { readonly at: number; readonly run: () => void }[] = [];
  #latencies: number[] = [];
  #limits: number[] = [];
  #clients = 0;

  /** Creates a model at the time 0. */
  constructor(options: ModelOptions) {
    this.#options = options;
    this.#arrivals = uniform(options.seed);
    this.#demands = uniform(options.seed + 1);
    this.dispatcher = new Dispatcher({
      policy: policyFor({ policy: "round-robin", ...options }),
      workerConcurrency: options.workerConcurrency,
      maxQueue: 1_000,
      queueTimeoutMs: 10_000,
      clock: () => this.now,
    });
    this.dispatcher.publish(upstreams(options.workers));
    this.#freeAt = new Array(options.workers).fill(0);
    this.#sweep();
    if (options.ratePerSecond !== undefined) this.#arrive();
  }

  /** Lets time pass, and returns what came of it. */
  run(milliseconds: number): Outcome {
    const end = this.now + milliseconds;
    this.#latencies = [];
    this.#limits = [];
    for (;;) {
      const next = this.#events[0];
      if (next === undefined || next.at > end) break;
      this.#pop();
      this.now = next.at;
      next.run();
    }
    this.now = end;
    const sorted = this.#latencies.sort((a, b) => a - b);
    return {
      throughput: sorted.length / milliseconds * 1000,
      meanMs: mean(sorted),
      p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? NaN,
      limit: mean(this.#limits),
    };
  }

  #sweep(): void {
    this.dispatcher.sweep(this.now);
    this.#limits.push(this.dispatcher.queue.concurrency);
    const wanted = this.#options.clients?.(this.now) ?? 0;
    while (this.#clients < wanted) {
      this.#clients++;
      this.#request(() => this.#askAgain());
    }
    this.#at(this.now + SWEEP_MS, () => this.#sweep());
  }

  #askAgain(): void {
    const wanted = this.#options.clients?.(this.now) ?? 0;
    if (this.#clients > wanted) this.#clients--;
    else this.#request(() => this.#askAgain());
  }

  #arrive(): void {
    const rate = this.#options.ratePerSecond!(this.now);
    const gap = rate > 0 ? -Math.log(1 - this.#arrivals()) * 1000 / rate : 10;
    this.#at(this.now + gap, () => {
      if (rate > 0) this.#request(() => {});
      this.#arrive();
    });
  }

  #request(done: () => void): void {
    const request = requestOf();
    const askedAt = this.now;
    const { cpuMs, waitMs } = this.#options.demand(this.#demands, this.now);
    const serve = (id: number): void => {
      const startAt = Math.max(this.now + WIRE_MS, this.#freeAt[id]!);
      this.#freeAt[id] = startAt + cpuMs;
      this.#at(startAt + cpuMs + waitMs + WIRE_MS, () => {
        this.#release(id, request);
        this.#latencies.push(this.now - askedAt);
        done();
      });
    };
    const upstream = this.dispatcher.claim(request);
    if (upstream !== null) return serve(upstream.id);
    try {
      this.dispatcher.enqueue({
        request,
        resolve: ({ id }) => serve(id),
        reject: () => this.#at(this.now + 1, done),
      }, this.now);
    } catch {
      this.#at(this.now + 1, done);
    }
  }

  #release(id: number, request: ClaimRequest): void {
    const upstream = this.dispatcher.upstreams.find((u) => u.id === id)!;
    this.dispatcher.release(upstream, request);
  }

  // A binary heap, the next event first.
  #at(at: number, run: () => void): void {
    const events = this.#events;
    let index = events.length;
    events.push({ at, run });
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (events[parent]!.at <= events[index]!.at) break;
      swap(events, parent, index);
      index = parent;
    }
  }

  #pop(): void {
    const events = this.#events;
    swap(events, 0, events.length - 1);
    events.pop();
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      let least = index;
      for (const child of [left, left + 1]) {
        if (child < events.length && events[child]!.at < events[least]!.at) {
          least = child;
        }
      }
      if (least === index) return;
      swap(events, least, index);
      index = least;
    }
  }
}

function swap<T>(items: T[], a: number, b: number): void {
  [items[a], items[b]] = [items[b]!, items[a]!];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
