/**
 * One child process: started, listened to, signalled.
 *
 * Knows nothing of HTTP, health or the pool.
 *
 * @module
 */

import type { ExitStatus, LeftProcess } from "../events/mod.ts";
import type { WorkerSpec } from "./generation.ts";
import { LaunchError, limitReached } from "./launch_error.ts";
import type { OrphanGuard } from "./orphan_guard.ts";
import { ProcessLookout } from "../system/process_lookout.ts";
import {
  commandSetting,
  fillPlaceholders,
  programMissing,
  type StopSignal,
  type WorkerCommand,
  workerEnvironment,
  type WorkerIdentity,
} from "./worker_command.ts";
import { preferAsVictim } from "../system/oom_preference.ts";
import { WORKER_MARK } from "../system/process_lookout.ts";
import { WorkerFamily } from "./worker_family.ts";
import type { WorkerOutput } from "./worker_output.ts";
import { directoryProblem } from "../shared/working_directory.ts";

/** How often those are looked for that a process has left behind, in milliseconds: at first, and at most. Nobody tells of their end. */
const REMAINS_POLL_MS = { first: 20, most: 500 } as const;

/** Share of STOP_TIMEOUT_MS that is left, at its end, to processes that finish only when they are asked to. */
const LAST_CALL_SHARE = 0.25;

/** How long a process may take to disappear once it is killed, in milliseconds. One that hangs in the kernel is not waited for. */
const KILLED_GRACE_MS = 1_000;

/** A running worker process. */
export interface WorkerProcess {
  readonly pid: number;
  /** What its processes have in their environment, as `NAME=value`, wherever they have gone. */
  readonly mark?: string;
  /** Program and arguments, placeholders filled in. */
  readonly command: readonly string[];
  /** Resolves as soon as the process is gone. */
  readonly exited: Promise<ExitStatus>;
  /** Resolves when its last output has been read too, which takes a moment more. */
  readonly finished: Promise<void>;
  /** Resolves when it is known what it has left behind, or that this cannot be told. */
  readonly looked: Promise<void>;
  /**
   * Resolves when nothing is left of it: neither children nor what it has put
   * into the background. Where it was not asked to end that sees to itself;
   * otherwise {@linkcode kill} does.
   */
  readonly cleared: Promise<void>;
  /** What it had left behind when it was gone; `null` when that cannot be told. */
  readonly remaining: readonly LeftProcess[] | null;
  /** Its last lines of output, oldest first. */
  readonly lastOutput: readonly string[];
  /** Asks the application to end: through wrappers, and not its children. Does nothing when it is gone. */
  terminate(signal: StopSignal): void;
  /** Makes the process and all that belong to it end at once. */
  kill(): void;
  /** Is not waited for any more, though it runs on: it is no reason for this process to do so. */
  abandon(): void;
}

/** Which process to start. */
export interface LaunchSpec extends WorkerIdentity, WorkerSpec {
  /** Whether its HTTP server is moved to its port, whatever port is written into it. */
  readonly moved: boolean;
  /** Reads what the process writes. */
  readonly output: WorkerOutput;
  /** Where it runs; `null` is where the balancer does. */
  readonly directory: string | null;
  /** How long what it leaves behind may take to end, in milliseconds. */
  readonly stopTimeoutMs: number;
}

/** Starts worker processes. @throws {LaunchError} when that cannot be done. */
export type Launch = (spec: LaunchSpec) => WorkerProcess;

/**
 * Returns a {@linkcode Launch} whose processes are on the list of `guard`, and
 * are given their time by the pool's `clock`.
 */
export function launchGuarded(
  guard: OrphanGuard,
  clock: () => number,
): Launch {
  const lookout = new ProcessLookout(guard.poolId);
  let launched = 0;
  return (spec) => {
    const command = fillPlaceholders(spec.workerCommand.argv, spec);
    const mark = `${guard.poolId}/${++launched}`;
    const child = spawn(command, spec, guard.marks(mark));
    guard.add(child.pid);
    preferAsVictim(child.pid);
    const identity = { mark, command, port: spec.port };
    const family = new WorkerFamily(child, identity, lookout);
    return new ChildWorkerProcess(child, {
      command,
      spec,
      guard,
      family,
      clock,
    });
  };
}

function spawn(
  command: readonly string[],
  spec: LaunchSpec,
  marks: Readonly<Record<string, string>>,
): Deno.ChildProcess {
  const [program = "", ...args] = command;
  const { directory } = spec;
  try {
    return new Deno.Command(program, {
      args,
      ...directory === null ? {} : { cwd: directory },
      env: {
        // The balancer's names the link, which may lead elsewhere by now.
        ...directory === null ? {} : { PWD: directory },
        ...workerEnvironment(spec, spec.workerEnvironment, spec.moved),
        ...marks,
      },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      // A session and process group of its own: a Ctrl-C at the terminal
      // reaches the balancer only, and the group can be signalled whole.
      detached: true,
    }).spawn();
  } catch (error) {
    // The system says the same of the program and of its directory.
    const problem = directory === null ? null : directoryProblem(directory);
    if (problem !== null) {
      throw new LaunchError("directory-missing", problem, error);
    }
    throw toLaunchError(error, program, spec.workerCommand);
  }
}

function toLaunchError(
  error: unknown,
  program: string,
  { kind }: WorkerCommand,
): LaunchError {
  if (error instanceof Deno.errors.NotFound) {
    return new LaunchError("not-found", programMissing(program, kind), error);
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return new LaunchError(
      "not-executable",
      `"${program}" may not be executed; make it executable, or correct ${
        commandSetting(kind)
      }`,
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
  const limit = limitReached(error);
  if (limit !== undefined) {
    return new LaunchError(
      "limit-reached",
      `"${program}": ${limit}`,
      error,
    );
  }
  const message = error instanceof Error ? error.message : String(error);
  return new LaunchError("failed", `"${program}": ${message}`, error);
}

/** What a {@linkcode ChildWorkerProcess} is made of. */
interface ChildParts {
  readonly command: readonly string[];
  readonly spec: LaunchSpec;
  readonly guard: OrphanGuard;
  readonly family: WorkerFamily;
  readonly clock: () => number;
}

class ChildWorkerProcess implements WorkerProcess {
  readonly command: readonly string[];
  readonly mark: string;
  readonly exited: Promise<ExitStatus>;
  readonly finished: Promise<void>;
  readonly looked: Promise<void>;
  readonly cleared: Promise<void>;
  remaining: readonly LeftProcess[] | null = [];
  readonly #child: Deno.ChildProcess;
  readonly #parts: ChildParts;
  readonly #output: WorkerOutput;
  /** What is being done to end it besides. */
  #asking: Promise<void> | null = null;
  #asked: StopSignal | null = null;
  #askedAt = 0;
  #killed = false;
  #gone = false;
  #isClear = false;
  /** Whether the guardian knows of its group. */
  #guarded = true;

  constructor(child: Deno.ChildProcess, parts: ChildParts) {
    this.#child = child;
    this.#parts = parts;
    this.#output = parts.spec.output;
    this.command = parts.command;
    this.mark = `${WORKER_MARK}=${parts.family.mark}`;
    const drained = Promise.all([
      this.#output.drain("stdout", child.stdout),
      this.#output.drain("stderr", child.stderr),
    ]);
    this.exited = this.#waitForExit();
    this.looked = this.#lookForRemains();
    this.finished = this.#finish(drained);
    this.cleared = this.#clear(drained);
  }

  get pid(): number {
    return this.#child.pid;
  }

  get lastOutput(): readonly string[] {
    return this.#output.lastLines;
  }

  terminate(signal: StopSignal): void {
    if (this.#gone) return;
    this.#asked = signal;
    this.#askedAt = this.#parts.clock();
    this.#asking = this.#parts.family.askToEnd(signal);
  }

  kill(): void {
    if (this.#isClear) return;
    this.#killed = true;
    this.#parts.family.killGroup();
    // Those that have left the group are looked for and killed by #clear.
  }

  abandon(): void {
    this.#child.unref();
  }

  async #waitForExit(): Promise<ExitStatus> {
    const { code, signal } = await this.#child.status;
    this.#gone = true;
    this.#parts.family.leaderGone();
    await this.#asking;
    return { code, signal };
  }

  async #lookForRemains(): Promise<void> {
    await this.exited;
    this.remaining = await this.#look();
  }

  /** Looks who is left, and forgets its group once that is gone. */
  async #look(): Promise<readonly LeftProcess[] | null> {
    const { family } = this.#parts;
    const remaining = await family.remaining();
    if (family.groupGone) this.#unguard();
    return remaining;
  }

  /** Its number may be given to somebody else from now on. */
  #unguard(): void {
    if (this.#guarded) this.#parts.guard.remove(this.pid);
    this.#guarded = false;
  }

  /** Waits for the end of the outputs, but not for those who have inherited them. */
  async #finish(drained: Promise<unknown>): Promise<void> {
    await this.exited;
    await this.#output.settle(drained);
  }

  /** Waits until nothing of it runs, and sees to that where nobody else does. */
  async #clear(drained: Promise<unknown>): Promise<void> {
    await this.looked;
    const { family } = this.#parts;
    if (!isNobody(this.remaining)) {
      if (this.#asked === null) family.askAll(this.remaining);
      else {
        const { signal } = await this.exited;
        await family.askForsaken(this.remaining, signal === this.#asked);
      }
      await this.#untilNobody();
    }
    this.#isClear = true;
    this.#unguard();
    await this.finished;
    await this.#output.end(drained);
  }

  /** Waits for those that are left, and kills them when their time is up. */
  async #untilNobody(): Promise<void> {
    const { family, spec, clock } = this.#parts;
    let deadline = this.#asked === null
      ? clock() + spec.stopTimeoutMs
      // The pool holds to the same time, counted from when it was asked.
      : Infinity;
    // Jobs may finish; those that never would are asked before they are killed.
    let askAt = this.#asked === null
      ? Infinity
      : this.#askedAt + (1 - LAST_CALL_SHARE) * spec.stopTimeoutMs;
    let pauseMs: number = REMAINS_POLL_MS.first;
    let killedAt = Infinity;
    for (;;) {
      const remaining = await this.#look();
      if (isNobody(remaining)) return;
      const now = clock();
      if (now >= killedAt + KILLED_GRACE_MS) return;
      if (this.#killed || now >= deadline) {
        deadline = now;
        killedAt = Math.min(killedAt, now);
        family.killGroup();
        family.kill(remaining ?? []);
        pauseMs = REMAINS_POLL_MS.first;
      } else if (now >= askAt) {
        askAt = Infinity;
        family.askAll(remaining);
        pauseMs = REMAINS_POLL_MS.first;
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      pauseMs = Math.min(2 * pauseMs, REMAINS_POLL_MS.most);
    }
  }
}

function isNobody(remaining: readonly LeftProcess[] | null): boolean {
  return remaining !== null && remaining.length === 0;
}
