/**
 * One child process: started, listened to, signalled.
 *
 * Knows nothing of HTTP, health or the pool.
 *
 * @module
 */

import type { ExitStatus } from "../events.ts";
import type { WorkerSpec } from "./generation.ts";
import { LaunchError } from "./launch_error.ts";
import type { OrphanGuard } from "./orphan_guard.ts";
import {
  commandSetting,
  fillPlaceholders,
  type WorkerCommand,
  workerEnvironment,
  type WorkerIdentity,
} from "./worker_command.ts";
import { type LineListener, WorkerOutput } from "./worker_output.ts";

/**
 * How long the outputs of a process that is gone may stay open, in
 * milliseconds. They end with it, unless a grandchild has kept them.
 */
const OUTPUT_GRACE_MS = 100;

/** Signals a worker is ended with. */
export type EndSignal = "SIGTERM" | "SIGKILL";

/** A running worker process. */
export interface WorkerProcess {
  readonly pid: number;
  /** Program and arguments, placeholders filled in. */
  readonly command: readonly string[];
  /** Resolves as soon as the process is gone. */
  readonly exited: Promise<ExitStatus>;
  /** Resolves when its last output has been read too, which takes a moment more. */
  readonly finished: Promise<void>;
  /** Its last lines of output, oldest first. */
  readonly lastOutput: readonly string[];
  /** Signals the process and its children; does nothing when it is gone. */
  signal(signal: EndSignal): void;
}

/** Which process to start. */
export interface LaunchSpec extends WorkerIdentity, WorkerSpec {
  /** Whether its HTTP server is moved to its port, whatever port is written into it. */
  readonly moved: boolean;
  readonly onLine: LineListener;
}

/** Starts worker processes. @throws {LaunchError} when that cannot be done. */
export type Launch = (spec: LaunchSpec) => WorkerProcess;

/** Returns a {@linkcode Launch} whose processes are on the list of `guard`. */
export function launchGuarded(guard: OrphanGuard): Launch {
  return (spec) => {
    const command = fillPlaceholders(spec.workerCommand.argv, spec);
    const child = spawn(command, spec, guard);
    guard.add(child.pid);
    return new ChildWorkerProcess(child, command, spec.onLine, guard);
  };
}

function spawn(
  command: readonly string[],
  spec: LaunchSpec,
  guard: OrphanGuard,
): Deno.ChildProcess {
  const [program = "", ...args] = command;
  try {
    return new Deno.Command(program, {
      args,
      env: {
        ...spec.workerEnvironment,
        ...workerEnvironment(spec, spec.moved),
        ...guard.mark,
      },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      // A session and process group of its own: a Ctrl-C at the terminal
      // reaches the balancer only, and the group can be signalled whole.
      detached: true,
    }).spawn();
  } catch (error) {
    throw toLaunchError(error, program, spec.workerCommand);
  }
}

function toLaunchError(
  error: unknown,
  program: string,
  { kind }: WorkerCommand,
): LaunchError {
  const setting = commandSetting(kind);
  if (error instanceof Deno.errors.NotFound) {
    return new LaunchError(
      "not-found",
      `"${program}" was not found; correct ${setting}, or PATH`,
      error,
    );
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return new LaunchError(
      "not-executable",
      `"${program}" may not be executed; make it executable, or correct ${setting}`,
      error,
    );
  }
  if (error instanceof Deno.errors.NotCapable) {
    return new LaunchError(
      "not-permitted",
      `running "${program}" is not permitted; start the balancer with --allow-run`,
      error,
    );
  }
  const message = error instanceof Error ? error.message : String(error);
  return new LaunchError("failed", `"${program}": ${message}`, error);
}

class ChildWorkerProcess implements WorkerProcess {
  readonly command: readonly string[];
  readonly exited: Promise<ExitStatus>;
  readonly finished: Promise<void>;
  readonly #child: Deno.ChildProcess;
  readonly #guard: OrphanGuard;
  readonly #output: WorkerOutput;
  #gone = false;

  constructor(
    child: Deno.ChildProcess,
    command: readonly string[],
    onLine: LineListener,
    guard: OrphanGuard,
  ) {
    this.#child = child;
    this.#guard = guard;
    this.#output = new WorkerOutput(onLine);
    this.command = command;
    const drained = Promise.all([
      this.#output.drain("stdout", child.stdout),
      this.#output.drain("stderr", child.stderr),
    ]);
    this.exited = this.#waitForExit();
    this.finished = this.#finish(drained);
  }

  get pid(): number {
    return this.#child.pid;
  }

  get lastOutput(): readonly string[] {
    return this.#output.lastLines;
  }

  signal(signal: EndSignal): void {
    if (this.#gone) return;
    try {
      Deno.kill(-this.pid, signal);
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) this.#signalChild(signal);
      else if (!isOutOfReach(error)) throw error;
    }
  }

  async #waitForExit(): Promise<ExitStatus> {
    const { code, signal } = await this.#child.status;
    // What is left of its group has no parent to answer to any more.
    this.signal("SIGKILL");
    this.#gone = true;
    this.#guard.remove(this.pid);
    return { code, signal };
  }

  async #finish(drained: Promise<unknown>): Promise<void> {
    await this.exited;
    const timer = setTimeout(() => this.#output.cancel(), OUTPUT_GRACE_MS);
    await drained;
    clearTimeout(timer);
  }

  /** Without the permission to signal any process only the child itself can be reached. */
  #signalChild(signal: EndSignal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      // What Deno throws for a child that is gone.
      if (!(error instanceof TypeError)) throw error;
    }
  }
}

/** Whether the group is gone (and about to be noticed), or has become somebody else's. */
function isOutOfReach(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.PermissionDenied;
}
