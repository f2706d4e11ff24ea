/**
 * Names the program that holds a port, where the system lets us see it.
 *
 * Linux only, and only with all permissions: /proc is closed to Deno
 * otherwise. Whatever stands in the way, the answer is `null`, never an error.
 *
 * @module
 */

import { inodesListeningOn } from "./listen_table.ts";
import { isGranted } from "../shared/is_granted.ts";

/**
 * Returns who listens on `port`, as `"nginx (pid 812)"`, or `null` when that
 * cannot be known.
 */
export async function findPortHolder(port: number): Promise<string | null> {
  // Tried without permission, it would make Deno ask at the terminal.
  if (!isGranted({ name: "read", path: "/proc" })) return null;
  try {
    const tables = await Promise.all([
      Deno.readTextFile("/proc/net/tcp"),
      Deno.readTextFile("/proc/net/tcp6"),
    ]);
    const inodes = inodesListeningOn(tables.join("\n"), port);
    if (inodes.size === 0) return null;
    for await (const { name: pid } of Deno.readDir("/proc")) {
      if (/^\d+$/.test(pid) && await holdsSocket(pid, inodes)) {
        const name = await Deno.readTextFile(`/proc/${pid}/comm`);
        return `${name.trim()} (pid ${pid})`;
      }
    }
    return null;
  } catch {
    // No /proc, or no permission to read it: not knowing is the answer.
    return null;
  }
}

async function holdsSocket(
  pid: string,
  inodes: ReadonlySet<string>,
): Promise<boolean> {
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
