/**
 * What the kernel says of one thread of this process: whether it could use the
 * CPU, and what it has had of it.
 *
 * See proc(5): proc_pid_stat, which threads have as well.
 *
 * @module
 */

import { fieldsBehindName, TICKS_PER_SECOND } from "../../shared/stat_line.ts";
import type { Libc } from "./libc.ts";
import { readFile } from "./read_file.ts";

/** Longer than what is said of a thread, in octets. */
const STAT_BYTES = 1_024;

/** State of a thread that waits for something to happen, and for no CPU. */
const ASLEEP = "S";

/** Of one thread. */
export interface ThreadUse {
  /** Whether it waits for something to happen. If not, it runs, waits for a CPU or for its memory, or is stopped. */
  readonly asleep: boolean;
  /** CPU time it has used ever, in milliseconds. */
  readonly cpuMs: number;
}

/** Returns the number by which the kernel knows the thread that calls; `null` where it does not say. */
export function ownThreadId(libc: Libc): number | null {
  const stat = readFile(libc, "/proc/thread-self/stat", STAT_BYTES);
  const id = Number.parseInt(stat);
  return Number.isNaN(id) ? null : id;
}

/** Returns what a thread of this process does; `null` where the kernel does not say, or it has ended. */
export function threadUse(libc: Libc, threadId: number): ThreadUse | null {
  const path = `/proc/self/task/${threadId}/stat`;
  return parseThreadStat(readFile(libc, path, STAT_BYTES));
}

/** Reads the line. */
export function parseThreadStat(line: string): ThreadUse | null {
  const fields = fieldsBehindName(line);
  const ticks = Number(fields[11] ?? NaN) + Number(fields[12] ?? NaN);
  if (Number.isNaN(ticks)) return null;
  return {
    asleep: fields[0] === ASLEEP,
    cpuMs: ticks * 1_000 / TICKS_PER_SECOND,
  };
}
