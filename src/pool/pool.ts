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

import type { EventEmitter, ScalingGrounds } from "../events/mod.ts";
import type { Fact } from "../plane/contract.ts";
import {
  GroupUsage,
  type ProcessUsage,
  type UsageReader,
} from "../system/group_usage.ts";
import { OomKills } from "../system/oom_kills.ts";
import { Alarm } from "../shared/alarm.ts";
import { RUNNING_LOOK_MS, runningClock } from "../shared/running_clock.ts";
import type { WorkerSpec } from "./generation.ts";
import { MemorySampler } from "./memory_sampler.ts";
import { type PoolSnapshot, snapshotPool } from "./pool_snapshot.ts";
import type { PoolDeps, WorkerPoolOptions } from "./pool_options.ts";
import { PoolStartError } from "./pool_start_error.ts";
import { Reconciler } from "./reconciler.ts";
import type { ReloadReport } from "../events/reload_report.ts";
import { Reloads, type ReloadView } from "./reloads.ts";
import type { Worker } from "./worker.ts";
import { WorkerStarter } from "./worker_starter.ts";

/** How long a pool that stops waits for workers that it has killed, in milliseconds: one that hangs in the kernel ends when that lets it. */
const KILLED_GRACE_MS = 2_000;

/** Why nothing is reloaded any more. */
const STOPPING = "the pool is stopping";

/** Keeps the wanted number of workers running and published. */
export class Pool {
  readonly #events: EventEmitter;
  readonly #now: () => number;
  readonly #starter: WorkerStarter;
  readonly #reconciler: Reconciler;
  readonly #reloads: Reloads;
  readonly #memory: MemorySampler;
  readonly #usage: UsageReader;
  readonly #oomKills: OomKills;
  readonly #alarm = new Alarm();
  readonly #startVerdict = Promise.withResolvers<PoolStartError | null>();
  readonly #unsubscribe: () => void;
  #options: WorkerPoolOptions;
  #desired: number;
  #stopping = false;
  #loop: Promise<void> | null = null;
  #loopEnded = false;
  /** Since when all workers that are left have been killed. */
  #killedAt = Infinity;
  /** Resolved by the next pass; `null` when nobody waits for one. */
  #pulse: PromiseWithResolvers<void> | null = null;
  #stopped: Promise<void> | null = null;

  /** Creates a pool; nothing is started yet. */
  constructor(options: WorkerPoolOptions, deps: PoolDeps) {
    this.#options = options;
    this.#events = deps.events;
    this.#now = deps.clock ?? runningClock();
    this.#desired = this.#clamp(options.poolSize);
    this.#usage = deps.usage ?? new GroupUsage();
    this.#oomKills = deps.oomKills ?? new OomKills();
    this.#starter = new WorkerStarter(options, {
      ...deps,
      oomKills: this.#oomKills,
      clock: this.#now,
      wake: () => this.#alarm.wake(),
    });
    this.#unsubscribe = deps.plane.subscribe((fact) => this.#take(fact));
    this.#reloads = new Reloads(options, deps.events);
    this.#memory = new MemorySampler(deps.events, this.#usage);
    this.#reconciler = new Reconciler({
      plane: deps.plane,
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
   * @param grounds What else is known of why.
   * @throws {RangeError} when `workers` is no whole number.
   */
  scaleTo(
    workers: number,
    reason: string,
    grounds: Partial<Omit<ScalingGrounds, "reason">> = {},
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
    this.#events.emit({
      type: "pool-scaled",
      at: Date.now(),
      from,
      to,
      needed: workers,
      reason,
      limitedBy: to < workers
        ? "max-workers"
        : to > workers
        ? "min-workers"
        : null,
      mode: null,
      inputs: {},
      mayGrowAt: null,
      mayShrinkAt: null,
      ...grounds,
    });
    this.#alarm.wake();
    return to;
  }

  /**
   * Lets a new generation of workers that run `spec` take over, one after the
   * other, each started and proved before its predecessor goes. If one fails,
   * the old generation takes all places again.
   *
   * While a reload goes on, all who ask get one reload after it, with what the
   * last of them asked for; it gives way where its workers take much longer to
   * start than those before. Resolves when the outcome is certain, and never
   * rejects.
   */
  reload(spec: WorkerSpec): Promise<ReloadReport> {
    const report = this.#reloads.request(spec);
    if (this.#stopping) this.#reloads.abandon(this.#view, STOPPING);
    this.#alarm.wake();
    return report;
  }

  /** Goes by other options from now on; those that new workers run by come with {@linkcode reload}. */
  configure(options: WorkerPoolOptions): void {
    this.#options = options;
    this.scaleTo(this.#desired, "command");
    this.#alarm.wake();
  }

  /** Returns what can be seen of the pool now. */
  snapshot(): PoolSnapshot {
    const { roster, restarts, panic } = this.#reconciler;
    return snapshotPool(roster, {
      restarts,
      panic,
      min: this.#options.minWorkers,
      max: this.#options.maxWorkers,
      desired: this.#desired,
      generation: this.#reloads.generation.number,
      droppedOutput: this.#starter.droppedOutput,
      now: this.#now(),
    });
  }

  /** Workers of which something still runs. */
  get workersLeft(): number {
    return this.#reconciler.roster.workers.length;
  }

  /**
   * Wakes the loop, and resolves when it has made a pass: a sign that it
   * lives. At once when it has ended, as it was to.
   */
  pulse(): Promise<void> {
    if (this.#loopEnded) return Promise.resolve();
    this.#pulse ??= Promise.withResolvers<void>();
    this.#alarm.wake();
    return this.#pulse.promise;
  }

  /** Returns what the workers use now, with all the processes behind them, by process id; who cannot be seen is missing. */
  usage(): ReadonlyMap<number, ProcessUsage> {
    const running = this.#reconciler.roster.workers
      .filter((worker) => worker.goneAt === null);
    return this.#usage.read(
      running.map(({ process }) => process.pid),
      this.#now(),
    );
  }

  /**
   * Takes every worker out of service, lets its requests in flight end, and
   * ends it. Resolves when every process and every task of the pool is gone.
   * Calling it again waits for the same.
   *
   * @param drainTimeoutMs How long the requests may still take. @default {as it is set}
   */
  stop(drainTimeoutMs: number = this.#options.drainTimeoutMs): Promise<void> {
    this.#options = { ...this.#options, drainTimeoutMs };
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Kills every worker at once and starts none any more: for whoever cannot wait for {@linkcode stop}. */
  killAll(): void {
    this.#stopping = true;
    for (const { process } of this.#reconciler.roster.workers) {
      process.kill();
    }
    this.#alarm.wake();
  }

  async #stop(): Promise<void> {
    this.#stopping = true;
    this.#reloads.abandon(this.#view, STOPPING);
    this.#startVerdict.resolve(
      new PoolStartError(
        "stopped",
        "Cannot start the pool: it was stopped before a worker was ready.",
      ),
    );
    this.#alarm.wake();
    await this.#loop;
    const { workers } = this.#reconciler.roster;
    for (const worker of workers) this.#abandon(worker);
    await this.#starter.stop(workers.length > 0);
    this.#unsubscribe();
  }

  #abandon({ id, process }: Worker): void {
    process.abandon();
    const message = `Worker ${id} (pid ${process.pid}) was killed and does ` +
      "not end: it hangs in the kernel, and is not waited for any more.";
    this.#events.emit({ type: "notice", level: "error", message });
  }

  async #run(): Promise<void> {
    await this.#starter.prepare();
    for (;;) {
      const now = this.#now();
      const nextAt = this.#pass(now);
      this.#judgeStart();
      this.#loopEnded = this.#stopping && this.#isOver(now);
      this.#pulse?.resolve();
      this.#pulse = null;
      if (this.#loopEnded) return;
      // A longer sleep could not be told from time in which nobody ran.
      await this.#alarm.sleep(Math.min(nextAt - this.#now(), RUNNING_LOOK_MS));
    }
  }

  /** Whether nothing is left that is worth waiting for. */
  #isOver(now: number): boolean {
    const { empty, workers } = this.#reconciler.roster;
    if (empty) return true;
    this.#killedAt = workers.every(({ killed }) => killed)
      ? Math.min(this.#killedAt, now)
      : Infinity;
    return now - this.#killedAt >= KILLED_GRACE_MS;
  }

  /** Makes one pass, and returns when the next is due at the latest. */
  #pass(now: number): number {
    const { workers } = this.#reconciler.roster;
    const { maxWorkerMemoryMb } = this.#options;
    const sampleAt = maxWorkerMemoryMb > 0
      ? this.#memory.sample(workers, { maxWorkerMemoryMb, now })
      : Infinity;
    const judgeAt = this.#reloads.judge(this.#view);
    const reconcileAt = this.#reconciler.reconcile({
      workers: this.#stopping ? 0 : this.#desired,
      spares: this.#stopping ? 0 : this.#options.spareWorkers,
      generation: this.#reloads.generation,
      provenGeneration: this.#reloads.provenGeneration,
      surplusReason: this.#stopping ? "stop" : "scale-down",
      mayTakeOver: (worker) => this.#reloads.mayTakeOver(worker),
      options: this.#options,
    }, now);
    return Math.min(sampleAt, judgeAt, reconcileAt);
  }

  get #view(): ReloadView {
    return {
      slots: this.#reconciler.roster.slots,
      now: this.#now(),
      reloadCanaryRequests: this.#options.reloadCanaryRequests,
    };
  }

  /** Ends the wait of {@linkcode start} when every slot's first worker has become ready or failed. */
  #judgeStart(): void {
    const outcomes = this.#reconciler.roster.slots.map((slot) => slot.outcome);
    if (outcomes.length === 0 || outcomes.includes(null)) return;
    const failures = outcomes.filter((outcome) => outcome !== "ready");
    const allFailed = failures.length === outcomes.length;
    this.#startVerdict.resolve(allFailed ? failures[0]! : null);
  }

  #take(fact: Fact): void {
    switch (fact.type) {
      case "refused":
        return this.#suspect(fact.key);
      case "idle":
        // It may be waited for.
        return this.#alarm.wake();
      case "event":
      case "access":
        return;
    }
  }

  #suspect(key: number): void {
    const worker = this.#reconciler.roster.workers
      .find(({ upstream }) => upstream.key === key);
    if (worker === undefined) return;
    worker.upstream.refused();
    worker.suspect = true;
    worker.watch?.suspect();
    this.#alarm.wake();
  }

  #clamp(workers: number): number {
    const { minWorkers, maxWorkers } = this.#options;
    return Math.min(Math.max(workers, minWorkers), maxWorkers);
  }
}
