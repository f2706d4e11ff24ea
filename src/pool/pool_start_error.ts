/**
 * The error with which a pool that cannot start says so.
 *
 * @module
 */

import type { ExitStatus, WorkerStartFailedEvent } from "../events.ts";
import type { LaunchErrorCode } from "./launch_error.ts";
import { commandSetting, type WorkerCommand } from "./worker_command.ts";

/** What kept the pool from starting. */
export type PoolStartErrorCode =
  | LaunchErrorCode
  /** Workers were started, and none became ready. */
  | "never-ready"
  /** The pool was stopped before a worker was ready. */
  | "stopped";

/** An attempt to start a worker that failed. */
export type StartFailure = Omit<WorkerStartFailedEvent, "type">;

/** No worker could be started. The message says why, and what to do about it. */
export class PoolStartError extends Error {
  /** Name of the class, for logs. */
  override readonly name = "PoolStartError";
  /** What kept the pool from starting. */
  readonly code: PoolStartErrorCode;
  /** Program and arguments of the worker that failed, or `null` when it was stopped. */
  readonly command: readonly string[] | null;
  /** How that worker ended, or `null` when it was never running. */
  readonly status: ExitStatus | null;
  /** Its last lines of output, oldest first. */
  readonly lastOutput: readonly string[];

  /** Creates the error; `failure` is the attempt that is shown as the example. */
  constructor(
    code: PoolStartErrorCode,
    message: string,
    failure: StartFailure | null = null,
  ) {
    super(message);
    this.code = code;
    this.command = failure?.command ?? null;
    this.status = failure?.status ?? null;
    this.lastOutput = failure?.lastOutput ?? [];
  }
}

/** Returns the error for a pool whose every first worker failed, `failure` being one of them. */
export function startError(
  code: PoolStartErrorCode,
  failure: StartFailure,
  workerCommand: WorkerCommand,
): PoolStartError {
  if (code !== "never-ready") {
    return new PoolStartError(
      code,
      `Cannot start a worker: ${failure.reason}.`,
      failure,
    );
  }
  const lines = [
    `Cannot start the pool: no worker became ready; the first one ${failure.reason}.`,
    `Command: ${failure.command.join(" ")}`,
  ];
  if (failure.lastOutput.length > 0) {
    lines.push("Last output:", ...failure.lastOutput.map((l) => `  ${l}`));
  }
  lines.push(
    `Correct ${
      commandSetting(workerCommand.kind)
    } so that it listens on port ` +
      `${failure.port} (PORT, or {port} in the command) and answers HEALTH_PATH.`,
  );
  return new PoolStartError(code, lines.join("\n"), failure);
}
