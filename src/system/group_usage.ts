/**
 * What workers use, with all the processes behind them.
 *
 * @module
 */

import { parsePssBytes, parseStatm, type ProcessStat } from "./process_stat.ts";
import { PROC_FILES, ProcessTable, type ProcFiles } from "./leader_table.ts";

/** How long a look is good enough for whoever asks next, in milliseconds. */
const FRESH_MS = 200;

/** How long it is believed how much the pages that a group shares were counted too often, in milliseconds: 0.5 to 1 ms a process. */
const EXACT_MS = 10_000;

/** Most processes of a group that are looked at that closely: beyond that it would be felt by requests. */
const MAX_EXACT_PROCESSES = 32;

/** What a worker's processes use; `null` where it cannot be seen. */
export interface ProcessUsage {
  /** Resident memory in bytes; of several processes, with the shared part of the largest alone. */
  readonly rssBytes: number | null;
  /** CPU time used so far, in user and kernel mode, in seconds. */
  readonly cpuSeconds: number | null;
}

/** Tells what workers use. */
export interface UsageReader {
  /** What each of these workers uses with its processes, by the process id of the leader; one that cannot be seen is missing. */
  read(
    leaders: readonly number[],
    now: number,
  ): ReadonlyMap<number, ProcessUsage>;
  /** The memory of one of those just read, with each page that its processes share counted once, as far as that is to be had; for when it matters. */
  exactRssBytes(leader: number, now: number): number | null;
}

/** What cannot be seen. */
export const UNKNOWN_USAGE: ProcessUsage = {
  rssBytes: null,
  cpuSeconds: null,
};

/** How much was counted too often of a group, and when that was seen. */
interface Overcount {
  readonly bytes: number;
  readonly at: number;
}

/** Reads it from `/proc`, in one pass for all workers. */
export class GroupUsage implements UsageReader {
  readonly #files: ProcFiles;
  readonly #table: ProcessTable;
  #groups: ReadonlyMap<number, readonly ProcessStat[]> = new Map();
  #usage: ReadonlyMap<number, ProcessUsage> = new Map();
  #readAt = -Infinity;
  readonly #overcounts = new Map<number, Overcount>();

  /** Creates a reader that has read nothing yet. */
  constructor(files: ProcFiles = PROC_FILES) {
    this.#files = files;
    this.#table = new ProcessTable(files);
  }

  read(
    leaders: readonly number[],
    now: number,
  ): ReadonlyMap<number, ProcessUsage> {
    const fresh = now - this.#readAt < FRESH_MS &&
      leaders.every((leader) => this.#usage.has(leader));
    if (fresh) return this.#usage;
    this.#readAt = now;
    this.#groups = this.#table.look(new Set(leaders)) ?? new Map();
    this.#forgetOvercounts(now);
    this.#usage = new Map(
      [...this.#groups].map(([leader, processes]) => [leader, {
        rssBytes: this.#rssBytes(leader, processes),
        cpuSeconds: sumOfCpu(processes),
      }]),
    );
    return this.#usage;
  }

  exactRssBytes(leader: number, now: number): number | null {
    const processes = this.#groups.get(leader) ?? [];
    const roughly = this.#usage.get(leader)?.rssBytes ?? null;
    // What a process shares with itself is counted once.
    const many = processes.length > 1 &&
      processes.length <= MAX_EXACT_PROCESSES;
    if (roughly === null || !many) return roughly;
    const parts = processes.map(({ pid }) => this.#pssBytes(pid));
    if (parts.includes(null)) return roughly;
    const exact = parts.reduce<number>((sum, bytes) => sum + bytes!, 0);
    const before = this.#overcounts.get(leader)?.bytes ?? 0;
    const bytes = roughly + before - exact;
    this.#overcounts.set(leader, { bytes: Math.max(0, bytes), at: now });
    return Math.min(roughly, exact);
  }

  #rssBytes(
    leader: number,
    processes: readonly ProcessStat[],
  ): number | null {
    let own = 0;
    let shared = 0;
    let seen = false;
    for (const { pid } of processes) {
      try {
        const memory = parseStatm(this.#files.read(`/proc/${pid}/statm`));
        own += memory.rssBytes - memory.sharedBytes;
        shared = Math.max(shared, memory.sharedBytes);
        seen = true;
      } catch {
        // It has just ended.
      }
    }
    if (!seen) return null;
    const overcount = this.#overcounts.get(leader)?.bytes ?? 0;
    return Math.max(0, own + shared - overcount);
  }

  #pssBytes(pid: number): number | null {
    try {
      return parsePssBytes(this.#files.read(`/proc/${pid}/smaps_rollup`));
    } catch {
      // It has just ended, or is somebody else's.
      return null;
    }
  }

  #forgetOvercounts(now: number): void {
    for (const [leader, { at }] of this.#overcounts) {
      const old = now - at >= EXACT_MS || !this.#groups.has(leader);
      if (old) this.#overcounts.delete(leader);
    }
  }
}

/** To the clock tick, which is what the kernel counts in. */
function sumOfCpu(processes: readonly ProcessStat[]): number {
  const seconds = processes.reduce((sum, one) => sum + one.cpuSeconds, 0);
  return Math.round(seconds * 100) / 100;
}
