/**
 * The error of a worker that could not even be started.
 *
 * @module
 */

/** Why a worker could not be started. */
export type LaunchErrorCode =
  | "not-found"
  | "not-executable"
  | "directory-missing"
  | "not-permitted"
  | "ports-exhausted"
  | "limit-reached"
  | "failed";

/** A worker could not be started. The message is a sentence part with the remedy. */
export class LaunchError extends Error {
  override readonly name = "LaunchError";
  /** Why. */
  readonly code: LaunchErrorCode;

  /** Creates the error. */
  constructor(code: LaunchErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** Which limit a start has met, and how it is raised, by the code of its error. */
const LIMITS: Readonly<Record<string, string>> = {
  EAGAIN: "the limit of processes and threads is reached; raise it " +
    "(ulimit -u, TasksMax=, --pids-limit), or start fewer",
  EMFILE:
    "the limit of open files is reached; raise it (ulimit -n, LimitNOFILE=)",
  ENFILE: "the machine's limit of open files is reached; raise fs.file-max",
  ENOMEM: "memory is exhausted; start fewer workers, or give them less",
};

/** Returns what is to be said of a limit that a start has met; `undefined` for any other error. */
export function limitReached(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return LIMITS[String(error.code)];
}
