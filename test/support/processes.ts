/**
 * Which processes run, seen from outside.
 *
 * A zombie counts as gone: it holds neither port nor memory, and where nobody
 * reaps orphans it stays in the table for ever.
 *
 * @module
 */

import { DeadlineError, DEFAULT_DEADLINE_MS, delay } from "./deadline.ts";

/** Pause between two looks; the kernel offers no event for a process that is not our child. */
const POLL_MS = 10;

/** One line of the process table. */
interface ProcessEntry {
  readonly pid: number;
  readonly parentPid: number;
  /** First letter of the state; `Z` is a zombie. */
  readonly state: string;
  /** Name of the program, possibly cut short. */
  readonly program: string;
}

/** Whether a process runs; a zombie does not. */
export async function isAlive(pid: number): Promise<boolean> {
  return (await aliveAmong([pid])).length > 0;
}

/** Process ids of the children of `parentPid` that run. */
export async function childrenOf(parentPid: number): Promise<number[]> {
  return (await readProcesses())
    .filter((entry) => entry.parentPid === parentPid)
    .map((entry) => entry.pid);
}

/** Process ids of all descendants of `ancestor` that run a program of this name. */
export async function descendantsOf(
  ancestor: number,
  program: string,
): Promise<number[]> {
  const entries = await readProcesses();
  const found = [ancestor];
  for (const parent of found) {
    const children = entries.filter(({ parentPid }) => parentPid === parent);
    found.push(...children.map(({ pid }) => pid));
  }
  return entries
    .filter((entry) => found.includes(entry.pid) && entry.program === program)
    .map(({ pid }) => pid);
}

/** Those of `pids` that run. */
export async function aliveAmong(pids: Iterable<number>): Promise<number[]> {
  const alive = new Set((await readProcesses(pids)).map(({ pid }) => pid));
  return [...pids].filter((pid) => alive.has(pid));
}

/**
 * Waits until none of `pids` runs.
 *
 * @throws {DeadlineError} naming those that still do when the time is up.
 */
export async function waitUntilGone(
  pids: Iterable<number>,
  deadlineMs: number = DEFAULT_DEADLINE_MS,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  let alive = await aliveAmong(pids);
  while (alive.length > 0) {
    if (performance.now() >= end) {
      throw new DeadlineError(
        `Still running after ${deadlineMs} ms: pid ${alive.join(", ")}`,
      );
    }
    await delay(POLL_MS);
    alive = await aliveAmong(alive);
  }
}

/** What runs, zombies left out: at least those of `pids`, or without everything. */
async function readProcesses(
  pids?: Iterable<number>,
): Promise<ProcessEntry[]> {
  const all = Deno.build.os === "linux"
    ? readProc(pids ?? allPids())
    : await readPs();
  return all.filter((entry) => !entry.state.startsWith("Z"));
}

function allPids(): readonly number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name))
    .filter(Number.isInteger);
}

function readProc(pids: Iterable<number>): ProcessEntry[] {
  const entries: ProcessEntry[] = [];
  for (const pid of pids) {
    let stat: string;
    try {
      stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    } catch {
      // Ended since the directory was read.
      continue;
    }
    // The command's name stands in parentheses and may hold any byte, so the
    // fields are counted from the last closing one.
    const nameEnd = stat.lastIndexOf(")");
    const program = stat.slice(stat.indexOf("(") + 1, nameEnd);
    const [state = "", parentPid] = stat.slice(nameEnd + 2).split(" ");
    entries.push({ pid, parentPid: Number(parentPid), state, program });
  }
  return entries;
}

async function readPs(): Promise<ProcessEntry[]> {
  const { stdout } = await new Deno.Command("ps", {
    args: ["-A", "-o", "pid=,ppid=,state=,ucomm="],
  }).output();
  return new TextDecoder().decode(stdout).trim().split("\n").map((line) => {
    const [pid, parentPid, state = "", program = ""] = line.trim()
      .split(/\s+/);
    return { pid: Number(pid), parentPid: Number(parentPid), state, program };
  });
}
