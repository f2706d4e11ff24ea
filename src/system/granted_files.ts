/**
 * Reading what the system shows in files, where Deno permits it: what is tried
 * without permission makes Deno ask whoever sits at the terminal, and the
 * whole program waits for the reply.
 *
 * @module
 */

import { isGranted } from "../shared/is_granted.ts";

/** Returns the text of a file. @throws {Error} When it cannot be read, or that is not permitted. */
export function readGranted(path: string): string {
  requireRead(path);
  return Deno.readTextFileSync(path);
}

/** Returns the names in a directory. @throws {Error} When it cannot be read, or that is not permitted. */
export function listGranted(path: string): readonly string[] {
  requireRead(path);
  return Array.from(Deno.readDirSync(path), ({ name }) => name);
}

/** @throws {Deno.errors.NotCapable} Without the permission to read `path`. */
function requireRead(path: string): void {
  if (isGranted({ name: "read", path })) return;
  throw new Deno.errors.NotCapable(`Cannot read ${path}: it is not permitted`);
}
