/**
 * What is wrong with the place of a log file, found out without making the
 * file.
 *
 * @module
 */

import { dirname } from "node:path";
import { isGranted } from "../shared/is_granted.ts";

/** Returns what is wrong with `path`, as a sentence part, or `null` where nothing is seen to be. */
export function logFileProblem(path: string): string | null {
  const directory = dirname(path);
  // Not asked for where it is missing: then opening the file tells.
  if (!isGranted({ name: "read", path: directory })) return null;
  // A directory of its own for each worker is looked at for the first one.
  const first = directory.replaceAll("{id}", "0");
  try {
    if (!Deno.statSync(first).isDirectory) {
      return `${first} is no directory; name a file in one`;
    }
    if (isDirectory(path.replaceAll("{id}", "0"))) {
      return "is a directory; name a file in it, such as {id}.log";
    }
    return null;
  } catch (error) {
    return error instanceof Deno.errors.NotFound
      ? `its directory ${first} does not exist; create it, or name another`
      : logFileRemedy(error);
  }
}

/** Returns what opening a log file failed for, as a sentence part. */
export function logFileRemedy(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) {
    return "Deno does not permit writing there; run with --allow-write";
  }
  if (error instanceof Deno.errors.NotFound) {
    return "its directory does not exist; create it, or name another";
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return "the system does not permit writing there; " +
      "name a file that the balancer's user may write to";
  }
  if (error instanceof Deno.errors.IsADirectory) {
    return "is a directory; name a file in it, such as {id}.log";
  }
  const reason = error instanceof Error ? error.message : String(error);
  return `cannot be opened: ${reason}`;
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
