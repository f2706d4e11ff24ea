/**
 * Workers and their clients as a discrete-event model, in front of which a
 * real {@linkcode Dispatcher} stands: the same policies, queue and limits as in
 * a pool that runs, on a clock of its own.
 *
 * A request is received by its worker for a while, has one of its threads for
 * a while, then waits for something else, and crosses the network on either
 * side of that, on a connection that is used again, the newest first.
 *
 * @module
 */

import {
  type ClaimRequest,
  Dispatcher,
  type DispatcherOptions,
  type Ticket,
} from "../upstream/dispatcher.ts";
import { policyFor, type PolicyName } from "../upstream/policy/mod.ts";
import { Upstream } from "../upstream/upstream.ts";
import { EventQueue } from "./event_queue.ts";
import { ModelledClock } from "./modelled_clock.ts";
import {
  EventLoop,
  type ModelledConnection,
  type ModelledWorker,
  ThreadPool,
} from "./modelled_worker.ts";

/** What a request costs, in milliseconds. */
export interface Demand {
  /** Time on one of the worker's threads. */
  readonly cpuMs: number;
  /** Share of that for which the thread computes: for the rest, it waits and is not free. @default {1} */
  readonly computing?: number;
  /** Time that it waits for something else, once it has been on a thread. @default {0} */
  readonly waitMs?: number;
  /** Time that the client takes to send it. @default {0} */
  readonly uploadMs?: number;
  /** Whether the response is a stream that begins after the thread and lasts for `waitMs`. @default {false} */
  readonly stream?: boolean;
  /** Whether its latency says nothing of the pool. @default {false} */
  readonly background?: boolean;
}

/** A pool and its clients. */
export interface DispatchModelOptions {
  readonly workers: number;
  readonly policy: PolicyName;
  readonly workerConcurrency: DispatcherOptions["workerConcurrency"];
  /** Requests that a worker computes at once, first come first served; `event-loop` is one, in the order of its connections. @default {1} */
  readonly threads?: number | "event-loop";
  /** Factor by which a worker is slower at a time. @default {1} */
  readonly slowness?: (worker: number, now: number) => number;
  /** Whether it is seen how much workers compute, as it is on epoll. @default {true} */
  readonly cpuTimes?: boolean;
  /** @default {1024} */
  readonly maxQueue?: number;
  /** @default {10_000} */
  readonly queueTimeoutMs?: number;
  /** After which clients give up. @default {Infinity} */
  readonly patienceMs?: number;
  /** From balancer to worker and back, event loops included, each way. @default {0.05} */
  readonly wireMs?: number;
}

/** What has become of the requests that ended in a stretch of time. */
export interface DispatchOutcome {
  /** How long those took that were served, streams apart, in ascending order. */
  readonly latenciesMs: readonly number[];
  /** How long those took that were turned away. */
  readonly rejectionsMs: readonly number[];
  /** Requests whose clients have given up. */
  readonly givenUp: number;
  /** Streams that are open at the end. */
  readonly streams: number;
  /** The limit at the end; 0 is none. */
  readonly concurrency: number;
}

/** What one request is in the model. */
interface ModelRequest extends ClaimRequest {
  readonly demand: Demand;
  readonly askedAt: number;
  uploading: boolean;
  upstream: Upstream | null;
  /** What it came to its worker on. */
  connection: ModelledConnection | null;
  ticket: Ticket | null;
  ended: boolean;
}

/** How often the balancer's sweep comes, in milliseconds. */
const SWEEP_MS = 100;

/** From a rejection to when its client knows, in milliseconds. */
const REJECTION_MS = 0.2;

/** A pool that runs. */
export class DispatchModel {
  readonly dispatcher: Dispatcher;
  readonly #options: DispatchModelOptions;
  readonly #events = new EventQueue();
  readonly #clocks: readonly ModelledClock[];
  readonly #workers: readonly ModelledWorker[];
  /** Idle connections to each worker, the newest last. */
  readonly #connections: readonly ModelledConnection[][];
  #latencies: number[] = [];
  #rejections: number[] = [];
  #givenUp = 0;
  #streams = 0;

  /** Creates a model at the time 0. */
  constructor(options: DispatchModelOptions) {
    const { workers, maxQueue = 1024, queueTimeoutMs = 10_000 } = options;
    const { cpuTimes = true, threads = 1, slowness = () => 1 } = options;
    this.#options = options;
    this.dispatcher = new Dispatcher({
      policy: policyFor(options),
      workerConcurrency: options.workerConcurrency,
      maxQueue,
      queueTimeoutMs,
      clock: () => this.now,
      ...(cpuTimes && {
        cpuMsOf: ({ id }: Upstream): number => this.#clocks[id]!.cpuMs,
      }),
    });
    this.#clocks = Array.from(
      { length: workers },
      (_, id) => new ModelledClock(this.#events, () => slowness(id, this.now)),
    );
    this.#workers = this.#clocks.map((clock) =>
      threads === "event-loop"
        ? new EventLoop(clock)
        : new ThreadPool(clock, threads)
    );
    this.#connections = this.#workers.map(() => []);
    this.publish(1);
    this.#sweep();
  }

  /** The time, in milliseconds. */
  get now(): number {
    return this.#events.now;
  }

  /** Replaces all workers by those of a generation. */
  publish(generation: number): void {
    const { workers } = this.#options;
    this.dispatcher.publish(
      Array.from({ length: workers }, (_, id) =>
        new Upstream({
          id,
          port: id + 1,
          hostname: "127.0.0.1",
          generation,
        })),
    );
  }

  /** Lets `run` happen at a time. */
  at(at: number, run: () => void): void {
    this.#events.at(at, run);
  }

  /** Lets time pass, and returns what came of it. */
  run(milliseconds: number): DispatchOutcome {
    this.#latencies = [];
    this.#rejections = [];
    this.#givenUp = 0;
    this.#events.runUntil(this.now + milliseconds);
    return {
      latenciesMs: ascending(this.#latencies),
      rejectionsMs: ascending(this.#rejections),
      givenUp: this.#givenUp,
      streams: this.#streams,
      concurrency: this.dispatcher.queue.concurrency,
    };
  }

  /** Makes a request now; `done` is called when it has ended, whatever came of it. */
  request(demand: Demand, done: () => void = () => {}): void {
    const request: ModelRequest = {
      demand,
      askedAt: this.now,
      uploading: (demand.uploadMs ?? 0) > 0,
      clientHash: 0,
      generation: null,
      avoid: null,
      upstream: null,
      connection: null,
      ticket: null,
      ended: false,
    };
    const { patienceMs = Infinity } = this.#options;
    if (patienceMs < Infinity && demand.stream !== true) {
      this.at(this.now + patienceMs, () => this.#giveUp(request, done));
    }
    const upstream = this.dispatcher.claim(request);
    if (upstream !== null) return this.#receive(request, upstream, done);
    const ticket: Ticket = {
      request,
      since: this.now,
      resolve: (upstream) => this.#receive(request, upstream, done),
      reject: () => this.#reject(request, done),
    };
    const refused = this.dispatcher.enqueue(ticket);
    if (refused === null) request.ticket = ticket;
    else this.#reject(request, done);
  }

  #receive(request: ModelRequest, upstream: Upstream, done: () => void): void {
    const { wireMs = 0.05 } = this.#options;
    request.ticket = null;
    request.upstream = upstream;
    request.connection = this.#connections[upstream.id]!.pop() ??
      { accepted: false, unread: null };
    const { uploadMs = 0 } = request.demand;
    this.at(this.now + wireMs + uploadMs, () => {
      request.uploading = false;
      this.#compute(request, upstream, done);
    });
  }

  #compute(request: ModelRequest, upstream: Upstream, done: () => void): void {
    const { wireMs = 0.05 } = this.#options;
    const { cpuMs, computing = 1, waitMs = 0, stream = false } = request.demand;
    this.#workers[upstream.id]!.receive({
      cpuMs,
      computing,
      connection: request.connection!,
      done: () => {
        if (stream) {
          this.at(this.now + wireMs, () => {
            this.#streams++;
            this.dispatcher.park(request);
          });
        }
        this.at(this.now + waitMs + wireMs, () => this.#respond(request, done));
      },
    });
  }

  #respond(request: ModelRequest, done: () => void): void {
    const { uploadMs = 0, background, stream = false } = request.demand;
    if (stream) this.#streams--;
    else if (!request.ended) {
      const latencyMs = this.now - request.askedAt - uploadMs;
      if (!background) this.#latencies.push(latencyMs);
    }
    this.#end(request, done);
  }

  #giveUp(request: ModelRequest, done: () => void): void {
    if (request.ended) return;
    this.#givenUp++;
    if (request.ticket !== null) this.dispatcher.cancel(request.ticket);
    this.#end(request, done, true);
  }

  #reject(request: ModelRequest, done: () => void): void {
    request.ended = true;
    const askedAgainAt = this.now + REJECTION_MS;
    this.#rejections.push(askedAgainAt - request.askedAt);
    this.at(askedAgainAt, done);
  }

  #end(request: ModelRequest, done: () => void, clientGone = false): void {
    if (request.ended) return;
    request.ended = true;
    if (request.upstream !== null) {
      // Who goes takes the connection along.
      if (!clientGone) {
        this.#connections[request.upstream.id]!.push(request.connection!);
      }
      this.dispatcher.release(request.upstream, request, { clientGone });
    }
    done();
  }

  #sweep(): void {
    this.dispatcher.sweep(this.now);
    this.at(this.now + SWEEP_MS, () => this.#sweep());
  }
}

/** Sorted as numbers, ten times as fast as by a function that compares. */
function ascending(numbers: readonly number[]): readonly number[] {
  return [...Float64Array.from(numbers).sort()];
}
