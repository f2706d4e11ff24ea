/**
 * Whether a program that a test wants is installed.
 *
 * @module
 */

import { delimiter, join } from "node:path";

/** Whether an executable file of this name is on the PATH. */
export function hasProgram(name: string): boolean {
  const directories = (Deno.env.get("PATH") ?? "").split(delimiter);
  return directories.some((directory) =>
    directory !== "" && isExecutable(join(directory, name))
  );
}

/**
 * Whether to pass a test over because a program it wants is missing.
 *
 * Never on the build server (`CI=true`): there, a test that silently stops
 * running is worse than one that fails.
 *
 * @example
 * ```ts ignore
 * Deno.test({
 *   name: "a PHP worker is proxied (needs php)",
 *   ignore: ignoreWithout("php"),
 *   async fn() {},
 * });
 * ```
 */
export function ignoreWithout(...programs: readonly string[]): boolean {
  if (Deno.env.get("CI") === "true") return false;
  return !programs.every(hasProgram);
}

function isExecutable(path: string): boolean {
  try {
    const info = Deno.statSync(path);
    return info.isFile && ((info.mode ?? 0) & 0o111) !== 0;
  } catch {
    // Missing, or in a directory that may not be read: not to be had.
    return false;
  }
}
