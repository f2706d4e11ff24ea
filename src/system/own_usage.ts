/**
 * What this process itself uses.
 *
 * @module
 */

import process from "node:process";
import { listGranted, readGranted } from "./granted_files.ts";

/** Figures of one process; what cannot be had is `null`. */
export interface OwnUsage {
  /** CPU time used since it was started, in all its threads, in seconds. */
  readonly cpuSeconds: number;
  /** Resident memory. */
  readonly residentBytes: number;
  /** When it was started, as seconds since the Unix epoch. */
  readonly startedAtSeconds: number;
  /** File descriptors in use, and how many there may be; with `-A` on Linux. */
  readonly openDescriptors: number | null;
  readonly maxDescriptors: number | null;
}

/** Returns what this process uses now. */
export function ownUsage(): OwnUsage {
  const { user, system } = process.cpuUsage();
  return {
    // In microseconds.
    cpuSeconds: (user + system) / 1e6,
    residentBytes: Deno.memoryUsage().rss,
    startedAtSeconds: performance.timeOrigin / 1000,
    openDescriptors: known(() => listGranted("/proc/self/fd").length),
    maxDescriptors: known(() =>
      maxDescriptors(readGranted("/proc/self/limits"))
    ),
  };
}

/** The soft limit: the one that counts. */
function maxDescriptors(limits: string): number | null {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? null : Number(soft);
}

function known(figure: () => number | null): number | null {
  try {
    return figure();
  } catch {
    // Not permitted, or another system.
    return null;
  }
}
