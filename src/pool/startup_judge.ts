/**
 * What is to be concluded from what workers show while they start: whose port
 * is whose, and which programs are moved to theirs.
 *
 * It starts and ends nobody: it marks facts on the workers and wakes the pool.
 *
 * @module
 */

import type { ElsewhereSocket } from "../events/mod.ts";
import { completeDenoServe, isDeno } from "./deno_command.ts";
import type { HealthReport } from "./health_watcher.ts";
import { namesTakenAddress, namesTakenPort } from "./port_taken.ts";
import type { PortChecks } from "./ports.ts";
import {
  type MovableWorker,
  type ServeAddressMode,
  ServeAddressPolicy,
} from "./serve_address.ts";
import type { Worker } from "./worker.ts";
import type { WorkerCommand } from "./worker_command.ts";

/** What a judge works with. */
export interface StartupJudgeDeps {
  readonly portChecks: PortChecks;
  readonly clock: () => number;
  readonly wake: () => void;
}

/** Judges workers that start, by what the others of their generation have shown. */
export class StartupJudge {
  readonly #deps: StartupJudgeDeps;
  readonly #serveAddress: ServeAddressPolicy;

  /** Creates a judge that has seen no worker yet. */
  constructor(mode: ServeAddressMode, deps: StartupJudgeDeps) {
    this.#deps = deps;
    this.#serveAddress = new ServeAddressPolicy(mode);
  }

  /** Whether the next worker of `generation` is moved to its port. */
  moves(generation: number): boolean {
    return this.#serveAddress.moves(generation);
  }

  /** Returns the command of a worker, with its port where `deno serve` names none. */
  complete(command: WorkerCommand): WorkerCommand {
    return this.#serveAddress.completesCommands
      ? { ...command, argv: completeDenoServe(command.argv) }
      : command;
  }

  /** What a worker says of its port counts where the port's owner cannot be seen, and shows that it was moved wrongly. */
  noteLine(worker: Worker, line: string): void {
    if (!namesTakenPort([line], worker.port)) return;
    worker.portTaken = true;
    if (this.#serveAddress.takeBack(movable(worker))) {
      worker.move(false, "another server of it wants the same port");
      this.#deps.wake();
    }
  }

  /** Takes note of what is reported of a worker that has not been ready yet. */
  noteStart(
    worker: Worker,
    { healthy, hostname, serial = false, listener = null, startup }:
      HealthReport,
  ): void {
    if (healthy === true) {
      const pid = listener ?? worker.process.pid;
      worker.upstream.locate({ hostname, serial, pid });
      this.#serveAddress.noteReady(movable(worker));
    }
    if (startup === null || worker.restart) return;
    if (this.#serveAddress.judge(movable(worker), startup)) {
      worker.move(true, startup.reason);
    } else worker.delayed(startup, this.#deps.clock());
  }

  /** Whether a worker that was moved listens as it was to; else none of its generation is moved any more. */
  acceptsMoved(worker: Worker, sockets: readonly ElsewhereSocket[]): boolean {
    const as = movable(worker);
    if (worker.restart) return false;
    if (this.#serveAddress.confirms(as, worker.port, sockets)) return true;
    if (this.#serveAddress.takeBack(as)) {
      worker.move(false, "it has other servers, or its children have");
    }
    return false;
  }

  /** Whether a worker that failed to start did so because another program has its port. */
  lostPort(worker: Worker): boolean {
    const { port, process } = worker;
    // It has put itself into the background, and its port is with it there.
    if (process.remaining?.length !== 0) return false;
    // What Deno writes never says which port; if it were this one, it would be taken now.
    const anyPort = !isDeno(process.command);
    return worker.displaced || !this.#deps.portChecks.isFree(port) ||
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
}

function movable({ process, generation, moved }: Worker): MovableWorker {
  const { pid, command } = process;
  return { pid, generation, command, moved };
}
