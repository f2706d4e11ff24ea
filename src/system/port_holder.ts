/**
 * Names the program that holds a port, where the system lets us see it.
 *
 * Linux only, and only with all permissions: /proc is closed to Deno
 * otherwise. Whatever stands in the way, the answer is `null`, never an error.
 *
 * @module
 */

import { DirectProc } from "./direct_proc.ts";
import { inodesListeningOn } from "./listen_table.ts";
import type { Proc } from "./proc.ts";
import { isGranted } from "../shared/is_granted.ts";

/**
 * Returns who listens on `port`, as `"nginx (pid 812)"`, or `null` when that
 * cannot be known.
 *
 * @param proc Where the tables of sockets are read.
 */
export async function findPortHolder(
  port: number,
  proc: Proc = new DirectProc(),
): Promise<string | null> {
  const inodes = await listeningInodes(port, proc);
  if (inodes.size === 0) return null;
  try {
    for await (const { name: pid } of Deno.readDir("/proc")) {
      if (/^\d+$/.test(pid) && await holdsSocket(pid, inodes)) {
        const name = await Deno.readTextFile(`/proc/${pid}/comm`);
        return `${name.trim()} (pid ${pid})`;
      }
    }
  } catch {
    // A holder that has just ended: not knowing is the answer.
  }
  return null;
}

/** Returns whether this very process has `port` open, whoever has opened it. */
export async function isHeldByUs(port: number): Promise<boolean> {
  return await holdsSocket(
    "self",
    await listeningInodes(port, new DirectProc()),
  );
}

async function listeningInodes(
  port: number,
  proc: Proc,
): Promise<ReadonlySet<string>> {
  // Tried without permission, it would make Deno ask at the terminal.
  if (!isGranted({ name: "read", path: "/proc" })) return new Set();
  try {
    const tables = await Promise.all([proc.table("tcp"), proc.table("tcp6")]);
    return inodesListeningOn(tables.join("\n"), port);
  } catch {
    // No /proc, or no permission to read it: not knowing is the answer.
    return new Set();
  }
}

async function holdsSocket(
  pid: string,
  inodes: ReadonlySet<string>,
): Promise<boolean> {
  if (inodes.size === 0) return false;
  const directory = `/proc/${pid}/fd`;
  try {
    for await (const { name } of Deno.readDir(directory)) {
      const target = await Deno.readLink(`${directory}/${name}`)
        // Descriptors come and go while they are being listed.
        .catch(() => "");
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined && inodes.has(inode)) return true;
    }
  } catch {
    // A process of another user, or one that has just ended.
  }
  return false;
}
