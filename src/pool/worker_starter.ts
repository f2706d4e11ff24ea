/**
 * Brings workers up: takes a port, starts the process, begins to watch it.
 *
 * It decides neither when nor how often, and reports by marking facts on the
 * worker and waking the pool.
 *
 * @module
 */

import type { ElsewhereSocket, EventEmitter } from "../events.ts";
import type { UpstreamObserver } from "../upstream/upstream.ts";
import type { Generation } from "./generation.ts";
import type { HealthReport, HealthWatcher } from "./health_watcher.ts";
import { LaunchError } from "./launch_error.ts";
import { OrphanGuard } from "./orphan_guard.ts";
import { completeDenoServe, isDeno } from "./deno_command.ts";
import { namesTakenAddress, namesTakenPort } from "./port_taken.ts";
import { findPortHolder } from "./port_holder.ts";
import { MACHINE_PORTS, PortAllocator, type PortChecks } from "./ports.ts";
import {
  type MovableWorker,
  type ServeAddressMode,
  ServeAddressPolicy,
} from "./serve_address.ts";
import { type Recall, Worker } from "./worker.ts";
import { WORKER_HOST, type WorkerCommand } from "./worker_command.ts";
import { type Launch, launchGuarded } from "./worker_process.ts";

/** Who has a port that another pool has locked. */
const OTHER_POOL = "a worker of another pool";

/** How workers are started. */
export interface WorkerStarterOptions {
  /** First worker port; 0 takes a free stretch anywhere. */
  readonly workerPort: number;
  /** Which programs on Deno are moved to their port. @default {"auto"} */
  readonly workerServeAddress?: ServeAddressMode;
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
  /** Longest wait for its first good answer, in milliseconds. */
  readonly startupTimeoutMs: number;
}

/** Starts workers, and owns the tasks that follow them to their end. */
export class WorkerStarter {
  readonly #deps: WorkerStarterDeps;
  readonly #ports: PortAllocator;
  readonly #portChecks: PortChecks;
  readonly #serveAddress: ServeAddressPolicy;
  readonly #tasks = new Set<Promise<void>>();
  #guard: OrphanGuard | null = null;
  #launch: Launch | null;

  /** Creates a starter; nothing is started yet. */
  constructor(options: WorkerStarterOptions, deps: WorkerStarterDeps) {
    this.#deps = deps;
    this.#launch = deps.launch ?? null;
    this.#portChecks = deps.portChecks ?? MACHINE_PORTS;
    this.#ports = new PortAllocator({
      workerPort: options.workerPort,
      onSkipped: (port, locked) =>
        this.#own(this.#announceSkipped(port, locked)),
      checks: this.#portChecks,
    });
    this.#serveAddress = new ServeAddressPolicy(
      options.workerServeAddress ?? "auto",
    );
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
      const moved = this.#serveAddress.moves(generation);
      const now = this.#deps.clock();
      let worker: Worker | null = null;
      const process = this.#launch!({
        ...spec,
        workerCommand: this.#complete(spec.workerCommand),
        id,
        port,
        generation,
        moved,
        onLine: (stream, line) => {
          this.#deps.events.emit({
            type: "worker-output",
            workerId: id,
            stream,
            line,
          });
          if (worker !== null) this.#noteLine(worker, line);
        },
      });
      worker = new Worker({ id, port, generation }, {
        process,
        now,
        startupTimeoutMs,
        moved,
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
    const { port, process } = worker;
    // What Deno writes never says which port; if it were this one, it would be taken now.
    const anyPort = !isDeno(process.command);
    return worker.displaced || !this.#portChecks.isFree(port) ||
      namesTakenPort(process.lastOutput, port, anyPort);
  }

  /** Says what else may be the matter with a worker that failed to start without having lost its port; `null` when nothing is known. */
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
    const mark = Object.entries(this.#guard?.mark ?? {})
      .map(([name, value]) => `${name}=${value}`)[0] ?? null;
    const { process, port } = worker;
    worker.watch = this.#deps.health.watch(
      {
        workerId: worker.id,
        pid: process.pid,
        mark,
        hostname: WORKER_HOST,
        port,
        lostPort: () => worker.portTaken,
        ...(worker.moved
          ? { accepts: (sockets) => this.#acceptMoved(worker, sockets) }
          : {}),
      },
      (report) => this.#note(worker, report),
    );
    this.#own(this.#awaitExit(worker));
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
    const before = worker.health;
    // Nearly every probe says again what the one before said.
    const news = worker.suspect || before?.healthy !== report.healthy ||
      before.failures !== report.failures;
    worker.health = report;
    if (report.failures === 0) worker.suspect = false;
    if (worker.startupMs === null) this.#noteStart(worker, report);
    if (news) this.#deps.wake();
  }

  /** Takes note of what is reported of a worker that has not been ready yet. */
  #noteStart(
    worker: Worker,
    { healthy, hostname, startup }: HealthReport,
  ): void {
    if (healthy === true) {
      worker.upstream.relocate(hostname);
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

  async #awaitExit(worker: Worker): Promise<void> {
    const status = await worker.process.exited;
    // Before the last output is read: nobody shall be sent there any more,
    // and a spare is given work at once.
    worker.goneAt = this.#deps.clock();
    worker.upstream.retire();
    this.#deps.wake();
    await worker.process.finished;
    worker.exit = status;
    this.#deps.wake();
  }

  async #announceSkipped(port: number, locked: boolean): Promise<void> {
    const holder = locked ? OTHER_POOL : await findPortHolder(port);
    this.#deps.events.emit({ type: "port-skipped", port, holder });
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
