/**
 * What Linux tells of processes in `/proc`, and which of them belong to a
 * worker. Pure: it is handed the text of the files.
 *
 * See proc(5): proc_pid_stat, proc_pid_statm, proc_pid_smaps.
 *
 * @module
 */

import { fieldsBehindName, TICKS_PER_SECOND } from "../shared/stat_line.ts";

/** Size of a page: what Linux has on every platform that Deno runs on but for some ARM kernels. */
const PAGE_BYTES = 4096;

/** States of a process that has ended: it waits for its parent, or not even that. */
const ENDED: readonly string[] = ["Z", "X"];

/** One process, as `/proc/PID/stat` has it. */
export interface ProcessStat {
  readonly pid: number;
  /** Its name, cut to 15 characters by the kernel. */
  readonly name: string;
  /** Its state, as a letter of `ps`: `R` runs, `S` and `D` sleep, `T` and `t` are stopped, `Z` is gone. */
  readonly state: string;
  readonly parentId: number;
  /** Its process group. */
  readonly groupId: number;
  readonly sessionId: number;
  /** CPU time used by it and by those of its children that it has waited for, in seconds. */
  readonly cpuSeconds: number;
  /** When it was started, in clock ticks since the machine was: with its id it names one process for ever. */
  readonly startTicks: number;
}

/** Memory of one process, as `/proc/PID/statm` has it. */
export interface ProcessMemory {
  readonly rssBytes: number;
  /** The part of it that is backed by files or meant to be shared; forked pages that nobody has written are not in it. */
  readonly sharedBytes: number;
}

/** Reads one line of `/proc/PID/stat`; `null` when it is none. */
export function parseStat(line: string): ProcessStat | null {
  const nameEnd = line.lastIndexOf(")");
  const pid = Number.parseInt(line);
  if (nameEnd < 0 || Number.isNaN(pid)) return null;
  const fields = fieldsBehindName(line);
  const number = (index: number): number => Number(fields[index] ?? NaN);
  const ticks = number(11) + number(12) + number(13) + number(14);
  const startTicks = number(19);
  if (Number.isNaN(ticks) || Number.isNaN(startTicks)) return null;
  return {
    pid,
    name: line.slice(line.indexOf("(") + 1, nameEnd),
    state: fields[0]!,
    parentId: number(1),
    groupId: number(2),
    sessionId: number(3),
    cpuSeconds: ticks / TICKS_PER_SECOND,
    startTicks,
  };
}

/** Reads the lines of `/proc/PID/stat`, one for each process. Those that have ended are left out. */
export function parseStats(text: string): readonly ProcessStat[] {
  return text.split("\n").map(parseStat).filter((stat) => stat !== null)
    .filter(({ state }) => !ENDED.includes(state));
}

/** Reads `/proc/PID/statm`. */
export function parseStatm(text: string): ProcessMemory {
  const [, resident = 0, shared = 0] = text.split(" ").map(Number);
  return {
    rssBytes: resident * PAGE_BYTES,
    sharedBytes: shared * PAGE_BYTES,
  };
}

/** Reads from `/proc/PID/smaps_rollup` the memory of a process with its part of every page that it shares; `null` when it is not there. */
export function parsePssBytes(text: string): number | null {
  const kibibytes = /^Pss:\s*(\d+) kB$/m.exec(text);
  return kibibytes === null ? null : Number(kibibytes[1]) * 1024;
}

/**
 * Returns which processes belong to which leader, by process id: those of its
 * group or session, and their descendants, whatever group these have made for
 * themselves.
 *
 * @param leaders Processes that lead a group and a session, as workers do.
 * @param known What is known from before: who has belonged to a leader does so
 * after its parent is gone.
 *
 * @example
 * ```ts
 * import { leadersOf, parseStat } from "./process_stat.ts";
 * import assert from "node:assert/strict";
 *
 * const rest = "0 0 0 0 0 0 0 5 3 0 0 0 0 0 0 900 0";
 * const stats = [
 *   parseStat(`70 (npm start) S 1 70 70 ${rest}`)!,
 *   parseStat(`71 (sh) S 70 70 70 ${rest}`)!,
 *   parseStat(`72 (node) S 71 72 72 ${rest}`)!,
 *   parseStat(`99 (other) S 1 99 99 ${rest}`)!,
 * ];
 * const leaders = leadersOf(stats, new Set([70]));
 * assert.deepEqual([...leaders], [[70, 70], [71, 70], [72, 70]]);
 * ```
 */
export function leadersOf(
  stats: readonly ProcessStat[],
  leaders: ReadonlySet<number>,
  known: ReadonlyMap<number, number> = new Map(),
): ReadonlyMap<number, number> {
  const byPid = new Map(stats.map((stat) => [stat.pid, stat]));
  const found = new Map<number, number | null>();
  for (const { pid } of stats) find(pid);
  const members = new Map<number, number>();
  for (const { pid } of stats) {
    const leader = found.get(pid);
    if (leader !== undefined && leader !== null) members.set(pid, leader);
  }
  return members;

  function find(pid: number): number | null {
    const before = found.get(pid);
    if (before !== undefined) return before;
    // Whoever comes here again meanwhile has read a table that was changing.
    found.set(pid, null);
    const leader = look(pid);
    found.set(pid, leader);
    return leader;
  }

  function look(pid: number): number | null {
    const stat = byPid.get(pid);
    if (stat === undefined) return null;
    if (leaders.has(pid)) return pid;
    if (leaders.has(stat.groupId)) return stat.groupId;
    if (leaders.has(stat.sessionId)) return stat.sessionId;
    const leader = known.get(pid);
    if (leader !== undefined && leaders.has(leader)) return leader;
    return find(stat.parentId);
  }
}

/** Returns the processes that belong to one leader, among those of all. */
export function familyOf(
  stats: readonly ProcessStat[],
  leader: number,
): readonly ProcessStat[] {
  const members = leadersOf(stats, new Set([leader]));
  return stats.filter(({ pid }) => members.has(pid));
}
