/**
 * Brings workers up: takes a port, starts the process, begins to watch it.
 *
 * It decides neither when nor how often, and reports by marking facts on the
 * worker and waking the pool.
 *
 * @module
 */

import type { EventEmitter, ExitStatus, Killer } from "../events.ts";
import type { OomKills } from "../process/oom_kills.ts";
import type { UpstreamObserver } from "../upstream/upstream.ts";
import type { Generation } from "./generation.ts";
import type { HealthWatcher } from "./health_watcher.ts";
import { LaunchError } from "./launch_error.ts";
import { OrphanGuard } from "./orphan_guard.ts";
import { findPortHolder } from "./port_holder.ts";
import { isPortFree, PortAllocator } from "./ports.ts";
import { type Recall, Worker } from "./worker.ts";
import { WORKER_HOST } from "./worker_command.ts";
import { type Launch, launchGuarded } from "./worker_process.ts";

/** What servers of all kinds write when their port is taken. */
const PORT_TAKEN = /EADDRINUSE|address (?:is )?already in use/i;

/** How workers are started. */
export interface WorkerStarterOptions {
  /** First worker port; 0 takes a free stretch anywhere. */
  readonly workerPort: number;
}

/** What a starter works with. */
export interface WorkerStarterDeps {
  readonly events: EventEmitter;
  readonly health: HealthWatcher;
  readonly observer: UpstreamObserver;
  /** @default {none are taken back} */
  readonly recall?: Recall;
  /** The pool's clock. */
  readonly clock: () => number;
  /** Called when a fact about a worker has changed. */
  readonly wake: () => void;
  /** Tells whom the kernel has killed for want of memory. @default {nobody: that is not known} */
  readonly oomKills?: OomKills;
  /** Starts a process. @default {real processes, guarded against being orphaned} */
  readonly launch?: Launch;
}

/** Which worker to start. */
export interface StartRequest {
  readonly id: number;
  readonly generation: Generation;
  /** A port not to try, or `null`. */
  readonly avoidPort: number | null;
  /** Longest wait for its first good answer, in milliseconds. */
  readonly startupTimeoutMs: number;
}

/** Starts workers, and owns the tasks that follow them to their end. */
export class WorkerStarter {
  readonly #deps: WorkerStarterDeps;
  readonly #ports: PortAllocator;
  readonly #tasks = new Set<Promise<void>>();
  #guard: OrphanGuard | null = null;
  #launch: Launch | null;

  /** Creates a starter; nothing is started yet. */
  constructor(options: WorkerStarterOptions, deps: WorkerStarterDeps) {
    this.#deps = deps;
    this.#launch = deps.launch ?? null;
    this.#ports = new PortAllocator({
      workerPort: options.workerPort,
      onSkipped: (port) => this.#own(this.#announceSkipped(port)),
    });
  }

  /** Makes ready what guards the workers. To be called before the first is started. */
  async prepare(): Promise<void> {
    if (this.#launch !== null) return;
    this.#guard = new OrphanGuard((message) =>
      this.#deps.events.emit({ type: "notice", level: "warning", message })
    );
    this.#launch = launchGuarded(this.#guard);
    await this.#guard.ready;
  }

  /**
   * Starts a worker and returns it, in the state `starting`.
   *
   * @throws {LaunchError} when there is no port or no process to be had.
   */
  start(request: StartRequest): Worker {
    const { id, startupTimeoutMs } = request;
    const { number: generation, ...spec } = request.generation;
    const port = this.#takePort(request.avoidPort);
    try {
      const launch = this.#launch!;
      const now = this.#deps.clock();
      const process = launch({
        ...spec,
        id,
        port,
        generation,
        onLine: (stream, line) =>
          this.#deps.events.emit({
            type: "worker-output",
            workerId: id,
            stream,
            line,
          }),
      });
      const worker = new Worker({ id, port, generation }, {
        process,
        now,
        startupTimeoutMs,
        observer: this.#deps.observer,
        events: this.#deps.events,
        recall: this.#deps.recall ?? ((): void => {}),
      });
      this.#follow(worker);
      return worker;
    } catch (error) {
      this.#ports.release(port);
      throw error;
    }
  }

  /** Ends the watch over a worker that is on its way out. */
  unwatch(worker: Worker): void {
    if (worker.watch === null) return;
    this.#own(worker.watch.stop());
    worker.watch = null;
  }

  /** Lets go of what a worker had that is gone. */
  release(worker: Worker): void {
    this.unwatch(worker);
    this.#ports.release(worker.port);
  }

  /** Whether a worker that failed to start did so because another program has its port. */
  lostPort(worker: Worker): boolean {
    return !isPortFree(worker.port) ||
      worker.process.lastOutput.some((line) => PORT_TAKEN.test(line));
  }

  /** Waits for every task. To be called when all workers are gone. */
  async stop(): Promise<void> {
    await Promise.all(this.#tasks);
    await this.#guard?.stop();
  }

  #takePort(avoid: number | null): number {
    try {
      return this.#ports.take(avoid);
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) {
        throw new LaunchError(
          "not-permitted",
          `listening on ${WORKER_HOST} is not permitted; start the balancer with --allow-net`,
          error,
        );
      }
      throw error;
    }
  }

  #follow(worker: Worker): void {
    worker.watch = this.#deps.health.watch(
      {
        workerId: worker.id,
        pid: worker.process.pid,
        hostname: WORKER_HOST,
        port: worker.port,
      },
      (report) => {
        this.#deps.oomKills?.watch(this.#deps.clock());
        const before = worker.health;
        // Nearly every probe says again what the one before said.
        const news = worker.suspect || before?.healthy !== report.healthy ||
          before.failures !== report.failures;
        worker.health = report;
        // Of one that is kept although it fails, no more can be asked.
        const forgiven = worker.retained !== null &&
          report.reach === "responding";
        if (report.failures === 0 || forgiven) worker.suspect = false;
        if (news) this.#deps.wake();
      },
    );
    this.#own(this.#awaitExit(worker));
  }

  async #awaitExit(worker: Worker): Promise<void> {
    const status = await worker.process.exited;
    // Before the last output is read: nobody shall be sent there any more,
    // and a spare is given work at once.
    const now = this.#deps.clock();
    worker.killer = this.#killerOf(worker, status, now);
    worker.goneAt = now;
    worker.upstream.retire();
    this.#deps.wake();
    await worker.process.finished;
    worker.exit = status;
    this.#deps.wake();
  }

  #killerOf(worker: Worker, status: ExitStatus, now: number): Killer | null {
    if (!worker.wasKilledByOthers(status)) return null;
    switch (this.#deps.oomKills?.explains(now) ?? null) {
      case null:
        return "unknown";
      case true:
        return "out-of-memory";
      case false:
        return "outside";
    }
  }

  async #announceSkipped(port: number): Promise<void> {
    const holder = await findPortHolder(port);
    this.#deps.events.emit({ type: "port-skipped", port, holder });
  }

  #own(task: Promise<void>): void {
    const owned = task.finally(() => this.#tasks.delete(owned));
    this.#tasks.add(owned);
  }
}
