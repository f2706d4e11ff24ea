/**
 * Brings workers up: takes a port, starts the process, begins to watch it.
 *
 * It decides neither when nor how often, and reports by marking facts on the
 * worker and waking the pool.
 *
 * @module
 */

import { ExitFollower, type ExitFollowerDeps } from "./exit_follower.ts";
import type { Generation } from "./generation.ts";
import type { HealthReport, HealthWatcher } from "./health_watcher.ts";
import { LaunchError } from "./launch_error.ts";
import { OrphanGuard } from "./orphan_guard.ts";
import type { OutputLimits } from "./output_budget.ts";
import { type DroppedOutput, OutputReaders } from "./output_readers.ts";
import { findPortHolder, isHeldByUs } from "../system/port_holder.ts";
import {
  MACHINE_PORTS,
  PortAllocator,
  type PortChecks,
  type SkippedPorts,
} from "./ports.ts";
import type { ServeAddressMode } from "./serve_address.ts";
import { StartupJudge } from "./startup_judge.ts";
import { Worker } from "./worker.ts";
import { WORKER_HOST } from "./worker_command.ts";
import {
  type Launch,
  launchGuarded,
  type LaunchSpec,
  type WorkerProcess,
} from "./worker_process.ts";
import { settledWithin } from "../shared/settled_within.ts";
import { realDirectory } from "../shared/working_directory.ts";

/** Who has a port that another pool has locked. */
/** How long other tasks may take beside those of workers that do not end, in milliseconds. */
const ABANDONED_GRACE_MS = 1_000;

const OTHER_POOL = "a worker of another pool";
const OTHER_POOLS = "workers of other pools";

/** Of a port that the pool, or the program it is a part of, listens on itself. */
const OWN_PORT = "which is the pool itself: have ADMIN_PORT, or " +
  "WORKER_PORT, outside of the other's range";

/** How workers are started. */
export interface WorkerStarterOptions extends OutputLimits {
  /** First worker port; 0 takes a free stretch anywhere. */
  readonly workerPort: number;
  /** Which programs on Deno are moved to their port. @default {"auto"} */
  readonly workerServeAddress?: ServeAddressMode;
}

/** What a starter works with. */
export interface WorkerStarterDeps extends ExitFollowerDeps {
  readonly health: HealthWatcher;
  /** Starts a process. @default {real processes, guarded against being orphaned} */
  readonly launch?: Launch;
  /** How it is found out whether a port may be taken. @default {MACHINE_PORTS} */
  readonly portChecks?: PortChecks;
}

/** Which worker to start. */
export interface StartRequest {
  readonly id: number;
  readonly generation: Generation;
  /** A port not to try, or `null`. */
  readonly avoidPort: number | null;
  /** Longest wait for its first good response, in milliseconds. */
  readonly startupTimeoutMs: number;
  /** How long what it leaves behind may take to end, in milliseconds. */
  readonly stopTimeoutMs: number;
}

/** Starts workers, and owns the tasks that follow them to their end. */
export class WorkerStarter {
  /** What is made of how they start. */
  readonly judge: StartupJudge;
  readonly #deps: WorkerStarterDeps;
  readonly #ports: PortAllocator;
  readonly #outputs: OutputReaders;
  readonly #portChecks: PortChecks;
  readonly #exits: ExitFollower;
  readonly #tasks = new Set<Promise<void>>();
  #nextKey = 1;
  #guard: OrphanGuard | null = null;
  #launch: Launch | null;

  /** Creates a starter; nothing is started yet. */
  constructor(options: WorkerStarterOptions, deps: WorkerStarterDeps) {
    this.#deps = deps;
    this.#launch = deps.launch ?? null;
    this.#exits = new ExitFollower(deps);
    this.#outputs = new OutputReaders(options, deps.events);
    this.#portChecks = deps.portChecks ?? MACHINE_PORTS;
    this.#ports = new PortAllocator({
      workerPort: options.workerPort,
      onSkipped: (ports) => this.#own(this.#announceSkipped(ports)),
      checks: this.#portChecks,
    });
    this.judge = new StartupJudge(options.workerServeAddress ?? "auto", {
      ...deps,
      portChecks: this.#portChecks,
    });
  }

  /** What of the workers' output has been dropped, by slot. */
  get droppedOutput(): ReadonlyMap<number, DroppedOutput> {
    return this.#outputs.dropped;
  }

  /** Makes ready what guards the workers. To be called before the first is started. */
  async prepare(): Promise<void> {
    if (this.#launch !== null) return;
    this.#guard = new OrphanGuard((message) =>
      this.#deps.events.emit({ type: "notice", level: "warning", message })
    );
    this.#launch = launchGuarded(this.#guard, this.#deps.clock);
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
      const moved = this.judge.moves(generation);
      const now = this.#deps.clock();
      let worker: Worker | null = null;
      const process: WorkerProcess = this.#launchIn({
        ...spec,
        workerCommand: this.judge.complete(spec.workerCommand),
        id,
        port,
        generation,
        stopTimeoutMs,
        moved,
        output: this.#outputs.create({
          id,
          pid: () => process.pid,
          isWatched: () => moved || (worker?.startupMs ?? null) === null,
          onLine: (line) => {
            if (worker !== null) this.judge.noteLine(worker, line);
          },
        }),
      });
      worker = new Worker({ id, port, generation }, {
        process,
        now,
        startupTimeoutMs,
        moved,
        key: this.#nextKey++,
        plane: this.#deps.plane,
        events: this.#deps.events,
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
    worker.upstream.forget();
    const { port } = worker;
    if (this.#portChecks.isFree(port)) this.#ports.release(port);
    else this.#own(this.#releaseCleared(worker));
  }

  /** Waits for every task; not for long where those of workers are among them that do not end. To be called when all others are gone. */
  async stop(someAbandoned: boolean): Promise<void> {
    const tasks = Promise.all(this.#tasks);
    if (someAbandoned) await settledWithin(tasks, ABANDONED_GRACE_MS);
    else await tasks;
    await this.#deps.health.close?.();
    await this.#guard?.stop();
    this.#ports[Symbol.dispose]();
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
    const { process, port } = worker;
    worker.watch = this.#deps.health.watch(
      {
        workerId: worker.id,
        generation: worker.generation,
        upstream: worker.upstream.key,
        pid: process.pid,
        mark: process.mark ?? null,
        hostname: WORKER_HOST,
        port,
        lostPort: () => worker.portTaken,
        ...(worker.moved
          ? { accepts: (sockets) => this.judge.acceptsMoved(worker, sockets) }
          : {}),
      },
      (report) => this.#note(worker, report),
    );
    this.#own(this.#exits.follow(worker));
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

  #note(worker: Worker, report: HealthReport): void {
    this.#deps.oomKills?.watch(this.#deps.clock());
    // What is seen of one that ends says nothing of why it has to.
    if (worker.goneAt !== null || worker.state.type === "terminating") return;
    const before = worker.health;
    // Nearly every probe says again what the one before said.
    const news = worker.suspect || before?.healthy !== report.healthy ||
      before.failures !== report.failures;
    worker.health = report;
    // Of one that is kept although it fails, no more can be asked.
    const forgiven = worker.retained !== null && report.reach === "responding";
    if (report.failures === 0 || forgiven) worker.suspect = false;
    if (worker.startupMs === null) this.judge.noteStart(worker, report);
    else worker.upstream.probed(report.reach === "responding");
    if (news) this.#deps.wake();
  }

  async #releaseCleared(worker: Worker): Promise<void> {
    await worker.process.cleared;
    this.#ports.release(worker.port);
  }

  async #announceSkipped(ports: SkippedPorts): Promise<void> {
    const { first: port, last: lastPort, locked } = ports;
    const others = port === lastPort ? OTHER_POOL : OTHER_POOLS;
    const holder = locked ? others : await holderOf(port);
    this.#deps.events.emit({ type: "port-skipped", port, lastPort, holder });
  }

  #own(task: Promise<void>): void {
    const owned = task.finally(() => this.#tasks.delete(owned));
    this.#tasks.add(owned);
  }
}

/** Who listens on `port`, as far as that can be known. */
async function holderOf(port: number): Promise<string | null> {
  const holder = await findPortHolder(port);
  return holder !== null && await isHeldByUs(port)
    ? `${holder}, ${OWN_PORT}`
    : holder;
}
