/**
 * Brings workers up: takes a port, starts the process, begins to watch it.
 *
 * It decides neither when nor how often, and reports by marking facts on the
 * worker and waking the pool.
 *
 * @module
 */

import type { ElsewhereSocket } from "../events/mod.ts";
import { ExitFollower, type ExitFollowerDeps } from "./exit_follower.ts";
import type { Generation } from "./generation.ts";
import type { HealthReport, HealthWatcher } from "./health_watcher.ts";
import { LaunchError } from "./launch_error.ts";
import { OrphanGuard } from "./orphan_guard.ts";
import { completeDenoServe, isDeno } from "./deno_command.ts";
import type { OutputLimits } from "./output_budget.ts";
import { type DroppedOutput, OutputReaders } from "./output_readers.ts";
import { namesTakenAddress, namesTakenPort } from "./port_taken.ts";
import { findPortHolder } from "../system/port_holder.ts";
import {
  MACHINE_PORTS,
  PortAllocator,
  type PortChecks,
  type SkippedPorts,
} from "./ports.ts";
import {
  type MovableWorker,
  type ServeAddressMode,
  ServeAddressPolicy,
} from "./serve_address.ts";
import { Worker } from "./worker.ts";
import { WORKER_HOST, type WorkerCommand } from "./worker_command.ts";
import {
  type Launch,
  launchGuarded,
  type LaunchSpec,
  type WorkerProcess,
} from "./worker_process.ts";
import { realDirectory } from "../shared/working_directory.ts";

/** Who has a port that another pool has locked. */
const OTHER_POOL = "a worker of another pool";
const OTHER_POOLS = "workers of other pools";

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
  readonly #deps: WorkerStarterDeps;
  readonly #ports: PortAllocator;
  readonly #outputs: OutputReaders;
  readonly #portChecks: PortChecks;
  readonly #serveAddress: ServeAddressPolicy;
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
    this.#serveAddress = new ServeAddressPolicy(
      options.workerServeAddress ?? "auto",
    );
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
      const moved = this.#serveAddress.moves(generation);
      const now = this.#deps.clock();
      let worker: Worker | null = null;
      const process: WorkerProcess = this.#launchIn({
        ...spec,
        workerCommand: this.#complete(spec.workerCommand),
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
            if (worker !== null) this.#noteLine(worker, line);
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

  /** Whether a worker that failed to start did so because another program has its port. */
  lostPort(worker: Worker): boolean {
    const { port, process } = worker;
    // It has put itself into the background, and its port is with it there.
    if (process.remaining?.length !== 0) return false;
    // What Deno writes never says which port; if it were this one, it would be taken now.
    const anyPort = !isDeno(process.command);
    return worker.displaced || !this.#portChecks.isFree(port) ||
      namesTakenPort(process.lastOutput, port, anyPort);
  }

  /** What else may be the matter with a worker that failed to start without having lost its port; `null` when nothing is known. */
  explainFailure({ process, port }: Worker): string | null {
    if (!namesTakenAddress(process.lastOutput)) return null;
    const setting = isDeno(process.command)
      ? ", or set WORKER_SERVE_ADDRESS=on"
      : "";
    return `an address other than 127.0.0.1:${port} is in use: if a port is ` +
      `written into the program, have it read PORT${setting}`;
  }

  /** Milliseconds after which another worker in its place may do better; 0 is at once. */
  retryAfterMs(worker: Worker): number {
    return namesTakenAddress(worker.process.lastOutput)
      ? this.#serveAddress.verdictMs(movable(worker))
      : 0;
  }

  /** Waits for every task. To be called when all workers are gone. */
  async stop(): Promise<void> {
    await Promise.all(this.#tasks);
    await this.#deps.health.close?.();
    await this.#guard?.stop();
    this.#ports[Symbol.dispose]();
  }

  #complete(command: WorkerCommand): WorkerCommand {
    return this.#serveAddress.completesCommands
      ? { ...command, argv: completeDenoServe(command.argv) }
      : command;
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
        upstream: worker.upstream.key,
        pid: process.pid,
        mark: process.mark ?? null,
        hostname: WORKER_HOST,
        port,
        lostPort: () => worker.portTaken,
        ...(worker.moved
          ? { accepts: (sockets) => this.#acceptMoved(worker, sockets) }
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

  /** What a worker says of its port counts where the port's owner cannot be seen, and shows that it was moved wrongly. */
  #noteLine(worker: Worker, line: string): void {
    if (!namesTakenPort([line], worker.port)) return;
    worker.portTaken = true;
    if (this.#serveAddress.takeBack(movable(worker))) {
      worker.move(false, "another server of it wants the same port");
      this.#deps.wake();
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
    if (worker.startupMs === null) this.#noteStart(worker, report);
    else worker.upstream.probed(report.reach === "responding");
    if (news) this.#deps.wake();
  }

  /** Takes note of what is reported of a worker that has not been ready yet. */
  #noteStart(
    worker: Worker,
    { healthy, hostname, serial = false, startup }: HealthReport,
  ): void {
    if (healthy === true) {
      worker.upstream.locate({ hostname, serial, pid: worker.process.pid });
      this.#serveAddress.noteReady(movable(worker));
    }
    if (startup === null || worker.restart) return;
    if (this.#serveAddress.judge(movable(worker), startup)) {
      worker.move(true, startup.reason);
    } else worker.delayed(startup, this.#deps.clock());
  }

  /** Whether a worker that was moved listens as it was to; else none of its generation is moved any more. */
  #acceptMoved(worker: Worker, sockets: readonly ElsewhereSocket[]): boolean {
    const as = movable(worker);
    if (worker.restart) return false;
    if (this.#serveAddress.confirms(as, worker.port, sockets)) return true;
    if (this.#serveAddress.takeBack(as)) {
      worker.move(false, "it has other servers, or its children have");
    }
    return false;
  }

  async #releaseCleared(worker: Worker): Promise<void> {
    await worker.process.cleared;
    this.#ports.release(worker.port);
  }

  async #announceSkipped(ports: SkippedPorts): Promise<void> {
    const { first: port, last: lastPort, locked } = ports;
    const others = port === lastPort ? OTHER_POOL : OTHER_POOLS;
    const holder = locked ? others : await findPortHolder(port);
    this.#deps.events.emit({ type: "port-skipped", port, lastPort, holder });
  }

  #own(task: Promise<void>): void {
    const owned = task.finally(() => this.#tasks.delete(owned));
    this.#tasks.add(owned);
  }
}

function movable({ process, generation, moved }: Worker): MovableWorker {
  const { pid, command } = process;
  return { pid, generation, command, moved };
}
