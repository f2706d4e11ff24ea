/**
 * How much memory can still be had: of the machine's, and of that of every
 * control group the balancer is in. Linux; needs `-A`, as all that reads
 * `/proc`.
 *
 * @module
 */

import {
  memoryGroups,
  type ReadFile,
  readOr,
} from "../system/control_groups.ts";
import { readGranted } from "../system/granted_files.ts";

/** A control group without a limit of its own says a number near 2^63 (version 1). */
const UNLIMITED_BYTES = 2 ** 62;

/** Returns the bytes that can be had, or `null` where that cannot be seen. */
export function availableMemory(
  read: ReadFile = readGranted,
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

/** Files of a control group's memory, by the version of the interface. */
const FILES = {
  1: { limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes" },
  2: { limit: "memory.max", usage: "memory.current" },
} as const;

/** One figure for each control group with a limit, from the innermost to the outermost. */
function groupBytes(read: ReadFile): readonly (number | null)[] {
  return memoryGroups(read).map(({ version, path }) =>
    headroom(read, {
      limit: `${path}/${FILES[version].limit}`,
      usage: `${path}/${FILES[version].usage}`,
      stat: `${path}/memory.stat`,
    })
  );
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
