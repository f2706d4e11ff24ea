/**
 * The error with which a pool that cannot start says so.
 *
 * @module
 */

import type { ExitStatus, WorkerStartFailedEvent } from "../events/mod.ts";
import type { LaunchErrorCode } from "./launch_error.ts";
import { describeExit } from "./worker_end.ts";
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
  /** What happened to it, as a sentence part. */
  readonly reason: string;
  /** The message without the command and the output. */
  readonly summary: string;

  /** Creates the error; `failure` is the attempt that is shown as the example. */
  constructor(
    code: PoolStartErrorCode,
    message: string,
    failure: StartFailure | null = null,
    summary: string = message,
  ) {
    super(message);
    this.code = code;
    this.summary = summary;
    this.reason = failure?.reason ?? message;
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
  const headline =
    `Cannot start the pool: no worker became ready; the first one ${failure.reason}.`;
  const remedy = remedyFor(failure, commandSetting(workerCommand.kind));
  const example = [`Command: ${failure.command.join(" ")}`];
  if (failure.lastOutput.length > 0) {
    example.push("Last output:", ...failure.lastOutput.map((l) => `  ${l}`));
  }
  return new PoolStartError(
    code,
    [headline, ...example, remedy].join("\n"),
    failure,
    `${headline} ${remedy}`,
  );
}

/** What to do about workers that were started and did not become ready. */
function remedyFor(
  { port, status, reason }: StartFailure,
  setting: string,
): string {
  // One that ends by itself has not come to listening: it says why, or nothing does.
  const ended = status !== null && reason.startsWith(describeExit(status));
  return ended
    ? `Correct ${setting}, or what the program says it lacks.`
    : `Correct ${setting} so that it listens on port ${port} (PORT, or ` +
      "{port} in the command) and responds to HEALTH_PATH.";
}
