/**
 * The processes of the workers, read from `/proc`: those of each worker's
 * group and session, and their descendants.
 *
 * Linux; needs `-A`, as all that reads `/proc`. A look costs a listing of
 * `/proc` (0.1 ms for a hundred processes) and 12 µs for each process of the
 * workers and each that is new: others are read once, and then a few at a time.
 *
 * @module
 */

import { listGranted, readGranted } from "./granted_files.ts";
import { leadersOf, parseStat, type ProcessStat } from "./process_stat.ts";

/** How `/proc` is read. */
export interface ProcFiles {
  /** Names in a directory, or throws. */
  readonly list: (path: string) => readonly string[];
  /** The text of a file, or throws. */
  readonly read: (path: string) => string;
}

/** The real ones. */
export const PROC_FILES: ProcFiles = {
  list: listGranted,
  read: readGranted,
};

/**
 * Processes of others that are read once more at each look: their ids may have
 * been given to processes of ours. About 0.4 ms.
 */
const REREAD_PROCESSES = 32;

/** Finds the processes of workers. */
export class ProcessTable {
  readonly #files: ProcFiles;
  /** Leader of each process that was found, by process id. */
  #leaders: ReadonlyMap<number, number> = new Map();
  /** When they were started: an id alone may be somebody else's by now. */
  #startTicks: ReadonlyMap<number, number> = new Map();
  /** Processes of others, those read longest ago first. */
  #others: ReadonlySet<number> = new Set();
  #readable = true;

  /** Creates a table that has read nothing yet. */
  constructor(files: ProcFiles = PROC_FILES) {
    this.#files = files;
  }

  /**
   * Returns the processes of each of these leaders, by its process id; `null`
   * where `/proc` cannot be read. A leader that is gone is missing.
   */
  look(
    leaders: ReadonlySet<number>,
  ): ReadonlyMap<number, readonly ProcessStat[]> | null {
    const pids = this.#list();
    if (pids === null) return null;
    const skipped = this.#toSkip(pids, leaders);
    const stats = pids.filter((pid) => !skipped.has(pid))
      .map((pid) => this.#readStat(pid)).filter((stat) => stat !== null);
    this.#leaders = leadersOf(stats, leaders, this.#known(stats));
    const ours = stats.filter(({ pid }) => this.#leaders.has(pid));
    this.#startTicks = new Map(
      ours.map(({ pid, startTicks }) => [pid, startTicks]),
    );
    const others = stats.filter(({ pid }) => !this.#leaders.has(pid));
    this.#others = new Set([...skipped, ...others.map(({ pid }) => pid)]);
    return Map.groupBy(ours, ({ pid }) => this.#leaders.get(pid)!);
  }

  #list(): readonly number[] | null {
    if (!this.#readable) return null;
    try {
      return this.#files.list("/proc").map(Number)
        .filter((pid) => Number.isInteger(pid) && pid > 0);
    } catch {
      // Not permitted, or not Linux: it will not be later.
      this.#readable = false;
      return null;
    }
  }

  /** Processes of others that need not be read again now, in order. */
  #toSkip(
    pids: readonly number[],
    leaders: ReadonlySet<number>,
  ): ReadonlySet<number> {
    const present = new Set(pids);
    const others = [...this.#others]
      .filter((pid) => present.has(pid) && !leaders.has(pid));
    return new Set(others.slice(REREAD_PROCESSES));
  }

  /** Those that were found before and are still the same. */
  #known(stats: readonly ProcessStat[]): ReadonlyMap<number, number> {
    return new Map(
      stats
        .filter(({ pid, startTicks }) =>
          this.#startTicks.get(pid) === startTicks
        )
        .map(({ pid }) => [pid, this.#leaders.get(pid)!]),
    );
  }

  #readStat(pid: number): ProcessStat | null {
    try {
      return parseStat(this.#files.read(`/proc/${pid}/stat`));
    } catch {
      // It has just ended.
      return null;
    }
  }
}
