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
