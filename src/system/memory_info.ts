/**
 * The machine's memory, as `/proc/meminfo` has it. Linux; needs `-A`.
 *
 * @module
 */

import { type ReadFile, readOr } from "./control_groups.ts";

/** Returns a figure of the machine's memory in bytes, or `null` where it cannot be seen. */
export function memoryInfo(
  read: ReadFile,
  field: "MemTotal" | "MemAvailable",
): number | null {
  const kibibytes = new RegExp(`^${field}:\\s*(\\d+) kB$`, "m")
    .exec(readOr(read, "/proc/meminfo", ""));
  return kibibytes === null ? null : Number(kibibytes[1]) * 1024;
}
