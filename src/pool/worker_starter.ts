/**
 * Brings workers up: takes a port, starts the process, begins to watch it.
 *
 * It decides neither when nor how often, and reports by marking facts on the
 * worker and waking the pool.
 *
 * @module
 */

import type { EventEmitter, WorkerLeftProcessesEvent } from "../events.ts";
import type { UpstreamObserver } from "../upstream/upstream.ts";
import type { Generation } from "./generation.ts";
import type { HealthWatcher } from "./health_watcher.ts";
import { LaunchError } from "./launch_error.ts";
import { OrphanGuard } from "./orphan_guard.ts";
import { findPortHolder } from "./port_holder.ts";
import { isPortFree, PortAllocator } from "./ports.ts";
import {
  type Recall,
  type StreamCount,
  Worker,
  type WorkerParts,
} from "./worker.ts";
import { WORKER_HOST } from "./worker_command.ts";
import {
  type Launch,
  launchGuarded,
  type LaunchSpec,
  type WorkerProcess,
} from "./worker_process.ts";
import { realDirectory } from "./working_directory.ts";

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
  /** @default {there are none} */
  readonly streams?: StreamCount;
  /** @default {they end with it} */
  readonly cut?: WorkerParts["cut"];
  /** The pool's clock. */
  readonly clock: () => number;
  /** Called when a fact about a worker has changed. */
  readonly wake: () => void;
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
  /** How long what it leaves behind may take to end, in milliseconds. */
  readonly stopTimeoutMs: number;
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
    const { id, startupTimeoutMs, stopTimeoutMs } = request;
    const { number: generation, ...spec } = request.generation;
    const port = this.#takePort(request.avoidPort);
    try {
      const now = this.#deps.clock();
      const process = this.#launchIn({
        ...spec,
        id,
        port,
        generation,
        stopTimeoutMs,
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
        streams: this.#deps.streams ?? ((): number => 0),
        cut: this.#deps.cut ?? ((): void => {}),
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

  /** Lets go of what a worker had that is gone: of its port only when nobody whom it left behind holds it. */
  release(worker: Worker): void {
    this.unwatch(worker);
    if (isPortFree(worker.port)) this.#ports.release(worker.port);
    else this.#own(this.#releaseCleared(worker));
  }

  /** Whether a worker that failed to start did so because another program has its port. */
  lostPort(worker: Worker): boolean {
    // It has put itself into the background, and its port is with it there.
    if (worker.process.remaining?.length !== 0) return false;
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
        const before = worker.health;
        // Nearly every probe says again what the one before said.
        const news = worker.suspect || before?.healthy !== report.healthy ||
          before.failures !== report.failures;
        worker.health = report;
        if (report.failures === 0) worker.suspect = false;
        if (news) this.#deps.wake();
      },
    );
    this.#own(this.#awaitExit(worker));
  }

  /** Launches a process; where its directory has been removed meanwhile, in the one its name leads to now. */
  #launchIn(spec: LaunchSpec): WorkerProcess {
    const launch = this.#launch!;
    try {
      return launch(spec);
    } catch (error) {
      const { workerCwd = null, directory } = spec;
      const missing = error instanceof LaunchError &&
        error.code === "directory-missing";
      const now = missing && workerCwd !== null
        ? realDirectory(workerCwd)
        : null;
      if (now === null || now === directory) throw error;
      this.#deps.events.emit({
        type: "notice",
        level: "warning",
        message: `Directory ${directory} of generation ${spec.generation} is ` +
          `gone: worker ${spec.id} is started in ${now}, to which ` +
          `${workerCwd} leads now. Reload the pool to have all run there.`,
      });
      return launch({ ...spec, directory: now });
    }
  }

  async #awaitExit(worker: Worker): Promise<void> {
    const { process } = worker;
    const status = await process.exited;
    // Before the last output is read: nobody shall be sent there any more,
    // and a spare is given work at once.
    worker.goneAt = this.#deps.clock();
    worker.upstream.retire();
    this.#deps.wake();
    await process.finished;
    // What a first start has left behind is why it failed.
    if (worker.startupMs === null) await process.looked;
    const asked = worker.state.name === "terminating";
    if (asked) {
      // It has not ended before its processes have.
      await this.#announceRemaining(worker, { asked, daemonised: false });
      await process.cleared;
    }
    worker.exit = status;
    this.#deps.wake();
    if (!asked) {
      const daemonised = status.code === 0;
      await this.#announceRemaining(worker, { asked, daemonised });
    }
    await process.cleared;
  }

  /** Says what a worker has left behind. */
  async #announceRemaining(
    worker: Worker,
    how: Pick<WorkerLeftProcessesEvent, "asked" | "daemonised">,
  ): Promise<void> {
    const { process, id: workerId, port, generation } = worker;
    await process.looked;
    const { remaining } = process;
    if (remaining !== null && remaining.length === 0) return;
    this.#deps.events.emit({
      type: "worker-left-processes",
      workerId,
      port,
      pid: process.pid,
      generation,
      ...how,
      processes: remaining,
    });
  }

  async #releaseCleared(worker: Worker): Promise<void> {
    await worker.process.cleared;
    this.#ports.release(worker.port);
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
