/**
 * How much memory can still be had: of the machine's, and of that of every
 * control group the balancer is in. Linux; needs `-A`, as all that reads
 * `/proc`.
 *
 * @module
 */

/** Reads a whole file, or throws. `Deno.readTextFileSync` is one. */
export type ReadFile = (path: string) => string;

/** A control group without a limit of its own says a number near 2^63 (version 1). */
const UNLIMITED_BYTES = 2 ** 62;

/** Returns the bytes that can be had, or `null` where that cannot be seen. */
export function availableMemory(
  read: ReadFile = Deno.readTextFileSync,
): number | null {
  const figures = [machineBytes(read), ...groupBytes(read)]
    .filter((bytes) => bytes !== null);
  return figures.length === 0 ? null : Math.max(0, Math.min(...figures));
}

function machineBytes(read: ReadFile): number | null {
  const kibibytes = /^MemAvailable:\s*(\d+) kB$/m
    .exec(readOr(read, "/proc/meminfo", ""));
  return kibibytes === null ? null : Number(kibibytes[1]) * 1024;
}

/** One figure for each control group with a limit, from the innermost to the outermost. */
function groupBytes(read: ReadFile): readonly (number | null)[] {
  const lines = readOr(read, "/proc/self/cgroup", "").trim().split("\n");
  return lines.flatMap((line) => {
    const [, controllers = "", path = "/"] = line.split(":", 3);
    if (controllers === "") {
      return ancestors(`/sys/fs/cgroup${path}`, "/sys/fs/cgroup").map(
        (group) =>
          headroom(read, {
            limit: `${group}/memory.max`,
            usage: `${group}/memory.current`,
            stat: `${group}/memory.stat`,
          }),
      );
    }
    if (!controllers.split(",").includes("memory")) return [];
    const root = "/sys/fs/cgroup/memory";
    return ancestors(root + path, root).map((group) =>
      headroom(read, {
        limit: `${group}/memory.limit_in_bytes`,
        usage: `${group}/memory.usage_in_bytes`,
        stat: `${group}/memory.stat`,
      })
    );
  });
}

/** A limit counts for all below it. In a container the outer ones cannot be seen, and the own one is the root. */
function ancestors(path: string, root: string): readonly string[] {
  const groups: string[] = [];
  for (
    let group = path.replace(/\/+$/, "");
    group.length >= root.length;
    group = group.slice(0, group.lastIndexOf("/"))
  ) groups.push(group);
  return groups;
}

function headroom(
  read: ReadFile,
  files: Readonly<Record<"limit" | "usage" | "stat", string>>,
): number | null {
  // "max", or no such file, is no limit.
  const limit = Number.parseInt(readOr(read, files.limit, ""));
  const usage = Number.parseInt(readOr(read, files.usage, ""));
  if (Number.isNaN(limit) || Number.isNaN(usage) || limit > UNLIMITED_BYTES) {
    return null;
  }
  // Files that were read once and may be forgotten count as used.
  const cache = /^(?:total_)?inactive_file (\d+)$/m
    .exec(readOr(read, files.stat, ""));
  return limit - usage + Number(cache?.[1] ?? 0);
}

function readOr(read: ReadFile, path: string, otherwise: string): string {
  try {
    return read(path);
  } catch {
    // Not permitted, not Linux, or no such group: not known.
    return otherwise;
  }
}
