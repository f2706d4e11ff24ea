/**
 * Directories that workers run in, and where their names lead.
 *
 * @module
 */

import { isGranted } from "./is_granted.ts";

/**
 * Where the directory `path` is, with all links followed; `null` when there is
 * none that can be entered. `path` itself where Deno permits neither to look
 * nor to run a shell that does.
 */
export function realDirectory(path: string): string | null {
  if (!isGranted({ name: "read", path })) return askShell(path);
  try {
    const real = Deno.realPathSync(path);
    return Deno.statSync(real).isDirectory ? real : null;
  } catch {
    // A link that leads nowhere, or a directory above that may not be entered.
    return null;
  }
}

/** Why no program can be started in the directory `path`, as a sentence part; `null` where one can, or it cannot be told. */
export function directoryProblem(path: string): string | null {
  try {
    enter(path);
    return null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return `the directory "${path}" does not exist; ` +
        "create it, or correct WORKER_CWD";
    }
    if (error instanceof Deno.errors.NotADirectory) {
      return `"${path}" is no directory; correct WORKER_CWD`;
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      return `the directory "${path}" may not be entered; ` +
        "permit it to the balancer's user, or correct WORKER_CWD";
    }
    return null;
  }
}

/** Does what whoever enters the directory `path` does, and fails as they would. */
function enter(path: string): void {
  if (isGranted({ name: "read", path })) Deno.statSync(`${path}/.`);
  else if (isGranted({ name: "run", command: "sh" }) && hasShell()) runIn(path);
}

/** What a shell calls the directory it is started in: it needs no permission to look. */
function askShell(path: string): string | null {
  if (!isGranted({ name: "run", command: "sh" })) return path;
  try {
    const { success, stdout } = runIn(path);
    return success ? new TextDecoder().decode(stdout).slice(0, -1) : null;
  } catch {
    return null;
  }
}

/** Where there is none, it would seem to be the directory that is missing. */
function hasShell(): boolean {
  return askShell("/") !== null;
}

function runIn(path: string): Deno.CommandOutput {
  return new Deno.Command("sh", {
    args: ["-c", "pwd -P"],
    cwd: path,
    stdin: "null",
    stderr: "null",
  }).outputSync();
}
