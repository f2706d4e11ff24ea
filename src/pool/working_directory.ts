/**
 * Directories that workers run in, and where their names lead.
 *
 * @module
 */

import { isGranted } from "../shared/is_granted.ts";

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

/** Whether a program can be started in the directory `path`, as far as that can be told. */
export function canEnter(path: string): boolean {
  return askShell(path) !== null;
}

/** What a shell calls the directory it is started in: it needs no permission to look. */
function askShell(path: string): string | null {
  if (!isGranted({ name: "run", command: "sh" })) return path;
  try {
    const { success, stdout } = new Deno.Command("sh", {
      args: ["-c", "pwd -P"],
      cwd: path,
      stdin: "null",
      stderr: "null",
    }).outputSync();
    return success ? new TextDecoder().decode(stdout).slice(0, -1) : null;
  } catch {
    return null;
  }
}
