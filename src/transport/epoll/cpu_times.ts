/**
 * The CPU time of other processes, all their threads together, by a system call
 * of less than a microsecond for each.
 *
 * @module
 */

import { processClock } from "./abi.ts";
import type { Libc } from "./libc.ts";

/** Reads them. */
export class CpuTimes {
  readonly #libc: Libc;
  /** Seconds and nanoseconds, each of 64 bits. */
  readonly #time = new BigInt64Array(2);

  /** @param libc What it is read by. */
  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** What a process has used ever, in milliseconds; `null` where it is gone. */
  of(pid: number): number | null {
    const time = this.#time;
    const { clock_gettime } = this.#libc.call;
    if (clock_gettime(processClock(pid), time) !== 0) return null;
    return Number(time[0]) * 1e3 + Number(time[1]) / 1e6;
  }
}
