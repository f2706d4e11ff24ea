/**
 * What a process uses, where the permissions let it be seen: Deno opens
 * `/proc` only with all of them (`-A`).
 *
 * @module
 */

/** Size of a page: what Linux has on every platform that Deno runs on but for some ARM kernels. */
const PAGE_BYTES = 4096;

/** Clock ticks a second in /proc, fixed for user space by the kernel's interface. */
const TICKS_PER_SECOND = 100;

/** What a process uses; `null` where it cannot be seen. */
export interface ProcessUsage {
  /** Resident memory in bytes. */
  readonly rssBytes: number | null;
  /** CPU time used so far, in user and kernel mode, in seconds. */
  readonly cpuSeconds: number | null;
}

const UNKNOWN: ProcessUsage = { rssBytes: null, cpuSeconds: null };

/** Reads what the process `pid` uses. */
export function processUsage(pid: number | null): ProcessUsage {
  if (pid === null) return UNKNOWN;
  try {
    const statm = Deno.readTextFileSync(`/proc/${pid}/statm`).split(" ");
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // The name, in parentheses, may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]);
    return {
      rssBytes: Number(statm[1]) * PAGE_BYTES,
      cpuSeconds: ticks / TICKS_PER_SECOND,
    };
  } catch {
    // Not permitted, not Linux, or the process has just ended: not known.
    return UNKNOWN;
  }
}
