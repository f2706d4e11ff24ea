/**
 * How much memory can still be had: of the machine's, and of that of every
 * control group the balancer is in. Linux; needs `-A`, as all that reads
 * `/proc`.
 *
 * @module
 */

import {
  type MemoryGroup,
  memoryGroups,
  memoryLimit,
  type ReadFile,
  readOr,
} from "../system/control_groups.ts";
import { readGranted } from "../system/granted_files.ts";
import { memoryInfo } from "../system/memory_info.ts";

/** Returns the bytes that can be had, or `null` where that cannot be seen. */
export function availableMemory(
  read: ReadFile = readGranted,
): number | null {
  const figures = [memoryInfo(read, "MemAvailable"), ...groupBytes(read)]
    .filter((bytes) => bytes !== null);
  return figures.length === 0 ? null : Math.max(0, Math.min(...figures));
}

/** Which file has a group's usage, by the version of the interface. */
const USAGE_FILES = {
  1: "memory.usage_in_bytes",
  2: "memory.current",
} as const;

/** One figure for each control group with a limit, from the innermost to the outermost. */
function groupBytes(read: ReadFile): readonly (number | null)[] {
  return memoryGroups(read).map((group) => headroom(read, group));
}

function headroom(read: ReadFile, group: MemoryGroup): number | null {
  const { version, path } = group;
  const limit = memoryLimit(read, group);
  const usage = Number.parseInt(
    readOr(read, `${path}/${USAGE_FILES[version]}`, ""),
  );
  if (limit === null || Number.isNaN(usage)) return null;
  // Files that were read once and may be forgotten count as used.
  const cache = /^(?:total_)?inactive_file (\d+)$/m
    .exec(readOr(read, `${path}/memory.stat`, ""));
  return limit - usage + Number(cache?.[1] ?? 0);
}
