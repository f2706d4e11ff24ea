/**
 * Names the program that holds a port, where the system lets us see it.
 *
 * Linux only, and only with all permissions: /proc is closed to Deno
 * otherwise. Whatever stands in the way, the answer is `null`, never an error.
 *
 * @module
 */

/** State of a listening socket in /proc/net/tcp. */
const LISTENING = "0A";

/**
 * Returns who listens on `port`, as `"nginx (pid 812)"`, or `null` when that
 * cannot be known.
 */
export async function findPortHolder(port: number): Promise<string | null> {
  // Tried without permission, it would make Deno ask at the terminal.
  const permission = { name: "read", path: "/proc" } as const;
  if (Deno.permissions.querySync(permission).state !== "granted") return null;
  try {
    const tables = await Promise.all([
      Deno.readTextFile("/proc/net/tcp"),
      Deno.readTextFile("/proc/net/tcp6"),
    ]);
    const inodes = listeningInodes(tables.join("\n"), port);
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

/** Returns the inodes of the sockets that listen on `port`, from the text of /proc/net/tcp. */
export function listeningInodes(
  table: string,
  port: number,
): ReadonlySet<string> {
  const suffix = ":" + port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = new Set<string>();
  for (const line of table.split("\n")) {
    // sl, local address, remote address, state, queues, timer, retransmits, uid, timeout, inode
    const fields = line.trim().split(/\s+/);
    if (fields[1]?.endsWith(suffix) && fields[3] === LISTENING && fields[9]) {
      inodes.add(fields[9]);
    }
  }
  return inodes;
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
