/**
 * Finds the way to read `/proc` that the permissions allow.
 *
 * Deno itself opens `/proc` only with all permissions (`-A`). Otherwise one
 * shell is kept that reads it, which `--allow-run` is enough for.
 *
 * @module
 */

import { DirectProc } from "./direct_proc.ts";
import type { Proc } from "./proc.ts";
import { ShellProc } from "./shell_proc.ts";
import { isGranted } from "../shared/is_granted.ts";

/** Returns the way to read `/proc` that the permissions allow; `null` when there is none. */
export function openProc(): Proc | null {
  if (Deno.build.os !== "linux") return null;
  if (canReadProc()) return new DirectProc();
  return isGranted({ name: "run", command: "sh" }) ? ShellProc.open() : null;
}

/** Asks before it tries: what is tried without permission makes Deno ask at the terminal. */
function canReadProc(): boolean {
  const path = "/proc/self/stat";
  if (!isGranted({ name: "read", path })) return false;
  try {
    Deno.readTextFileSync(path);
    return true;
  } catch {
    // Deno opens /proc with all permissions only.
    return false;
  }
}
