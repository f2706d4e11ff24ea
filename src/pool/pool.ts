/**
 * The pool: how many workers there shall be, and the one loop that makes it so.
 *
 * Commands change what is wanted, probes and processes report facts, and all
 * of them only wake the loop. It lets the reconciler make a pass and sleeps
 * until something is due or somebody wakes it.
 *
 * Knows nothing of requests, or of how health is probed.
 *
 * @module
 */

import type { EventEmitter } from "../events.ts";
import type { Dispatcher } from "../upstream/dispatcher.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { Alarm } from "./alarm.ts";
import type { HealthWatcher } from "./health_watcher.ts";
import { type PoolSnapshot, snapshotWorkers } from "./pool_snapshot.ts";
import { PoolStartError } from "./pool_start_error.ts";
import { Reconciler, type ReconcilerOptions } from "./reconciler.ts";
import type { Recall } from "./worker.ts";
import type { Launch } from "./worker_process.ts";
import { WorkerStarter } from "./worker_starter.ts";

/** How many workers there are, and how they come and go. */
export interface PoolOptions extends ReconcilerOptions {
  /** Workers started at first. */
  readonly poolSize: number;
  /** Fewest workers scaling leaves. */
  readonly minWorkers: number;
  /** Most workers scaling makes. */
  readonly maxWorkers: number;
}

/** What a pool works with. */
export interface PoolDeps {
  /** Is told which workers may be given work. */
  readonly dispatcher: Dispatcher;
  /** Is told what happens. */
  readonly events: EventEmitter;
  /** Watches the workers. */
  readonly health: HealthWatcher;
  /** Takes requests back from workers that hang. @default {none are taken back} */
  readonly recall?: Recall;
  /** Monotonic, in milliseconds. @default {performance.now} */
  readonly clock?: () => number;
  /** Starts a process. @default {real processes, guarded against being orphaned} */
  readonly launch?: Launch;
}

/** Keeps the wanted number of workers running and published. */
export class Pool {
  readonly #options: PoolOptions;
  readonly #events: EventEmitter;
  readonly #now: () => number;
  readonly #starter: WorkerStarter;
  readonly #reconciler: Reconciler;
  readonly #alarm = new Alarm();
  readonly #startVerdict = Promise.withResolvers<PoolStartError | null>();
  readonly #generation = 1;
  #desired: number;
  #stopping = false;
  #loop: Promise<void> | null = null;
  #stopped: Promise<void> | null = null;

  /** Creates a pool; nothing is started yet. */
  constructor(options: PoolOptions, deps: PoolDeps) {
    this.#options = options;
    this.#events = deps.events;
    this.#now = deps.clock ?? ((): number => performance.now());
    this.#desired = this.#clamp(options.poolSize);
    this.#starter = new WorkerStarter(options, {
      ...deps,
      clock: this.#now,
      wake: () => this.#alarm.wake(),
      observer: {
        refused: (upstream) => this.#suspect(upstream),
        idle: (upstream) => {
          // Only one that drains is waited for; the others are not worth a pass.
          if (!upstream.accepting) this.#alarm.wake();
        },
      },
    });
    this.#reconciler = new Reconciler(options, {
      dispatcher: deps.dispatcher,
      events: deps.events,
      starter: this.#starter,
    });
  }

  /**
   * Starts the workers, all at once, and resolves when each has become ready
   * or failed, and at least one is ready. Failed ones go on being tried.
   *
   * @throws {PoolStartError} when none became ready. Nothing is left behind then.
   */
  async start(): Promise<void> {
    this.#loop ??= this.#run();
    const failure = await this.#startVerdict.promise;
    if (failure === null) return;
    await this.stop();
    throw failure;
  }

  /**
   * Sets the wanted number of workers, within the bounds, and returns it.
   *
   * @param reason The rule that decided: `"rate"`, `"idle"`, `"command"` ...
   * @param inputs The figures it decided on.
   * @throws {RangeError} when `workers` is no whole number.
   */
  scaleTo(
    workers: number,
    reason: string,
    inputs: Readonly<Record<string, number>> = {},
  ): number {
    if (!Number.isInteger(workers)) {
      throw new RangeError(
        `Cannot scale to ${workers} workers: it is not a whole number`,
      );
    }
    const from = this.#desired;
    const to = this.#clamp(workers);
    if (to === from || this.#stopping) return from;
    this.#desired = to;
    const at = Date.now();
    this.#events.emit({ type: "pool-scaled", at, from, to, reason, inputs });
    this.#alarm.wake();
    return to;
  }

  /** Returns what can be seen of the pool now. */
  snapshot(): PoolSnapshot {
    const { slots, workers, restarts } = this.#reconciler;
    const seen = snapshotWorkers(slots, workers, this.#now());
    return {
      min: this.#options.minWorkers,
      max: this.#options.maxWorkers,
      desired: this.#desired,
      ready: seen.filter((worker) => worker.ready).length,
      restarts,
      generation: this.#generation,
      workers: seen,
    };
  }

  /**
   * Takes every worker out of service, lets its requests in flight end, and
   * ends it. Resolves when every process and every task of the pool is gone.
   * Calling it again waits for the same.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Kills every worker at once and starts none any more: for whoever cannot wait for {@linkcode stop}. */
  killAll(): void {
    this.#stopping = true;
    for (const { process } of this.#reconciler.workers) {
      process.signal("SIGKILL");
    }
    this.#alarm.wake();
  }

  async #stop(): Promise<void> {
    this.#stopping = true;
    this.#startVerdict.resolve(
      new PoolStartError(
        "stopped",
        "Cannot start the pool: it was stopped before a worker was ready.",
      ),
    );
    this.#alarm.wake();
    await this.#loop;
    await this.#starter.stop();
  }

  async #run(): Promise<void> {
    await this.#starter.prepare();
    for (;;) {
      const nextAt = this.#reconciler.reconcile({
        workers: this.#stopping ? 0 : this.#desired,
        generation: this.#generation,
        surplusReason: this.#stopping ? "stop" : "scale-down",
      }, this.#now());
      this.#judgeStart();
      if (this.#stopping && this.#reconciler.empty) return;
      await this.#alarm.sleep(nextAt - this.#now());
    }
  }

  /** Ends the wait of {@linkcode start} when every slot's first worker has become ready or failed. */
  #judgeStart(): void {
    const outcomes = this.#reconciler.slots.map((slot) => slot.outcome);
    if (outcomes.length === 0 || outcomes.includes(null)) return;
    const failures = outcomes.filter((outcome) => outcome !== "ready");
    const allFailed = failures.length === outcomes.length;
    this.#startVerdict.resolve(allFailed ? failures[0]! : null);
  }

  #suspect(upstream: Upstream): void {
    const worker = this.#reconciler.workers
      .find((candidate) => candidate.upstream === upstream);
    if (worker === undefined) return;
    worker.suspect = true;
    worker.watch?.suspect();
    this.#alarm.wake();
  }

  #clamp(workers: number): number {
    const { minWorkers, maxWorkers } = this.#options;
    return Math.min(Math.max(workers, minWorkers), maxWorkers);
  }
}
