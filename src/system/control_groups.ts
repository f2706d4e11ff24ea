/**
 * The control groups that the balancer and its workers are in. Linux; needs
 * `-A`.
 *
 * @module
 */

/** A control group without a limit of its own says a number near 2^63 (version 1). */
const UNLIMITED_BYTES = 2 ** 62;

/** Which file has a group's limit, by the version of the interface. */
const LIMIT_FILES = { 1: "memory.limit_in_bytes", 2: "memory.max" } as const;

/** Reads a whole file, or throws. `Deno.readTextFileSync` is one. */
export type ReadFile = (path: string) => string;

/** A control group that limits or counts memory. */
export interface MemoryGroup {
  /** Of the interface: version 2 has one hierarchy, version 1 one for each controller. */
  readonly version: 1 | 2;
  /** Its directory. */
  readonly path: string;
}

/** Returns the control groups for memory, from the innermost to the outermost of each hierarchy. */
export function memoryGroups(read: ReadFile): readonly MemoryGroup[] {
  const lines = readOr(read, "/proc/self/cgroup", "").trim().split("\n");
  return lines.flatMap((line): readonly MemoryGroup[] => {
    const [, controllers, path = "/"] = line.split(":", 3);
    if (controllers === "") return groups(2, "/sys/fs/cgroup", path);
    return controllers?.split(",").includes("memory")
      ? groups(1, "/sys/fs/cgroup/memory", path)
      : [];
  });
}

/** Returns how much memory a control group allows, in bytes; `null` where that is any. */
export function memoryLimit(
  read: ReadFile,
  { version, path }: MemoryGroup,
): number | null {
  // "max", or no such file, is no limit.
  const limit = Number.parseInt(
    readOr(read, `${path}/${LIMIT_FILES[version]}`, ""),
  );
  return limit < UNLIMITED_BYTES ? limit : null;
}

/** The text of a file, or something else where it cannot be read: not permitted, not Linux, or no such group. */
export function readOr(
  read: ReadFile,
  path: string,
  otherwise: string,
): string {
  try {
    return read(path);
  } catch {
    return otherwise;
  }
}

/** A limit counts for all below it. In a container the outer ones cannot be seen, and the own one is the root. */
function groups(
  version: MemoryGroup["version"],
  root: string,
  path: string,
): readonly MemoryGroup[] {
  const found: MemoryGroup[] = [];
  for (
    let group = (root + path).replace(/\/+$/, "");
    group.length >= root.length;
    group = group.slice(0, group.lastIndexOf("/"))
  ) found.push({ version, path: group });
  return found;
}
