/**
 * What processes have used, from Linux' `/proc`.
 *
 * @module
 */

/** Length of the kernel's unit of CPU time, `1 / sysconf(_SC_CLK_TCK)`: 10 ms on every common Linux. */
const TICK_MICROS = 10_000;

/** Fields of `/proc/PID/stat` counted from the state, which is the third of proc(5). */
const UTIME = 11;
const STIME = 12;

/** CPU time, in microseconds. */
export interface CpuTime {
  readonly user: number;
  readonly system: number;
  /** Ready to run, and not running: somebody else had the core. */
  readonly waited: number;
}

/** CPU time of the processes with all their threads. */
export function cpuTime(pids: readonly number[]): CpuTime {
  let user = 0;
  let system = 0;
  let waited = 0;
  for (const pid of pids) {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // The name stands in parentheses and may hold any byte.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    user += Number(fields[UTIME]);
    system += Number(fields[STIME]);
    waited += waitedMicros(pid);
  }
  return { user: user * TICK_MICROS, system: system * TICK_MICROS, waited };
}

/** Fields of /proc/stat's first line: user, nice, system, irq, softirq. Guests are among them. */
const BUSY_FIELDS: readonly number[] = [0, 1, 2, 5, 6];

/** CPU time of the whole machine since it was started, in microseconds. */
export function machineCpuMicros(): number {
  const [, ...fields] = Deno.readTextFileSync("/proc/stat").split("\n")[0]!
    .trim().split(/\s+/);
  return BUSY_FIELDS
    .reduce((sum, field) => sum + Number(fields[field]), 0) * TICK_MICROS;
}

/** Of the main thread, which is the one that serves in all that are compared here but Caddy. */
function waitedMicros(pid: number): number {
  // Nanoseconds on the core, nanoseconds waiting for it, number of turns.
  const [, waitedNanos] = Deno.readTextFileSync(`/proc/${pid}/schedstat`)
    .split(" ");
  return Number(waitedNanos) / 1000;
}

/** Resident memory of the processes, in bytes. */
export function rssBytes(pids: readonly number[]): number {
  return statusBytes(pids, /^VmRSS:\s+(\d+) kB/m);
}

/** The most that each of the processes has had, or has had since the last {@linkcode resetPeakRss}, in bytes. */
export function peakRssBytes(pids: readonly number[]): number {
  return statusBytes(pids, /^VmHWM:\s+(\d+) kB/m);
}

/** Begins anew with {@linkcode peakRssBytes}; see proc_pid_clear_refs(5). */
export function resetPeakRss(pids: readonly number[]): void {
  for (const pid of pids) {
    Deno.writeTextFileSync(`/proc/${pid}/clear_refs`, "5");
  }
}

function statusBytes(pids: readonly number[], line: RegExp): number {
  let kibibytes = 0;
  for (const pid of pids) {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    kibibytes += Number(line.exec(status)?.[1] ?? 0);
  }
  return kibibytes * 1024;
}

/** Children of a process that has only one thread. */
export function childrenOf(pid: number): number[] {
  const list = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`);
  return list.split(" ").filter((word) => word !== "").map(Number);
}

/** Whether a process is there, has not ended, and has `mark` in its environment. */
export function isMarked(pid: number, mark: string): boolean {
  try {
    // Of a zombie this is empty.
    return Deno.readTextFileSync(`/proc/${pid}/environ`).includes(mark);
  } catch {
    // It has ended meanwhile, or it is somebody else's.
    return false;
  }
}

/** All processes in whose environment `mark` stands. */
export function markedProcesses(mark: string): number[] {
  return [...Deno.readDirSync("/proc")]
    .map(({ name }) => Number(name))
    .filter((pid) => Number.isInteger(pid) && isMarked(pid, mark));
}

/** How many descriptors the processes have open. */
export function descriptorCount(pids: readonly number[]): number {
  return pids.reduce(
    (sum, pid) => sum + [...Deno.readDirSync(`/proc/${pid}/fd`)].length,
    0,
  );
}
