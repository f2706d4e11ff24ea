/**
 * The working directory as the user calls it.
 *
 * @module
 */

import { isAbsolute } from "node:path";
import { realDirectory } from "../shared/working_directory.ts";
import { isGranted } from "../shared/is_granted.ts";

/**
 * The working directory by the name that the shell has for it (`PWD`), links
 * and all: `/srv/current`, where the system only knows `/srv/releases/7`. Where
 * that is no name of it, its own; `null` when it has been removed.
 */
export function shellDirectory(pwd: string | undefined): string | null {
  let own: string;
  try {
    own = Deno.cwd();
  } catch {
    return null;
  }
  // A program that has changed its directory may have left PWD as it was.
  const named = pwd !== undefined && isAbsolute(pwd) &&
    realDirectory(pwd) === own;
  return named ? pwd : own;
}

/**
 * Enters the directory anew, to where its name leads now, so that files that
 * are named relative to it are those of there. Does nothing where that is not
 * permitted, or there is none: whoever needs a file says what is missing.
 */
export function enterAnew(directory: string): void {
  if (!isGranted({ name: "read", path: directory })) return;
  try {
    Deno.chdir(directory);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
