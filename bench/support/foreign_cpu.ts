/**
 * What others take of the machine while we measure, and what is left over
 * from what we measured before.
 *
 * @module
 */

/**
 * Fields of /proc/stat's first line: user, nice, system, and what the host
 * took. Not interrupts: those of our own traffic are among them.
 */
const PROCESS_FIELDS = [0, 1, 2, 7];

/** Fields of that line that are not counted in others of it already, as guest times are. */
const FIELDS = 8;

/** Fields of /proc/PID/stat after the name: the parent, and CPU time with that of children that have ended. */
const PARENT = 1;
const CPU_TIMES = [11, 12, 13, 14];

/** Our own processes are idle when they had no more than this share of all cores for this long. */
const IDLE_SHARE = 0.1;
const IDLE_WINDOW_MS = 250;

/** Longest wait for that: more than a backlog can be. */
const IDLE_TIMEOUT_MS = 20_000;

/** CPU time since the machine was started, in ticks. */
interface CpuTimes {
  /** Of all cores, idle or not. */
  readonly all: number;
  /** Of all processes, and what the host took. */
  readonly processes: number;
  /** Of our own process and those that descend from it. */
  readonly ours: number;
}

/** A stretch of time in which the CPU time of others is measured. */
export class ForeignCpu {
  readonly #before = cpuTimes();

  /** The share of all cores that processes had that we have not started, 0 to 1. */
  share(): number {
    const after = cpuTimes();
    const all = after.all - this.#before.all;
    const processes = after.processes - this.#before.processes;
    const ours = after.ours - this.#before.ours;
    return Math.max(0, processes - ours) / all;
  }
}

/**
 * Waits until our own processes do nothing any more: workers may go on for
 * clients that have given up, and must not disturb what is measured next.
 */
export async function untilIdle(): Promise<void> {
  const end = performance.now() + IDLE_TIMEOUT_MS;
  for (let before = cpuTimes(); performance.now() < end;) {
    await new Promise((resolve) => setTimeout(resolve, IDLE_WINDOW_MS));
    const after = cpuTimes();
    const share = (after.ours - before.ours) / (after.all - before.all);
    if (share < IDLE_SHARE) return;
    before = after;
  }
}

function cpuTimes(): CpuTimes {
  const [, ...line] = Deno.readTextFileSync("/proc/stat").split("\n")[0]!
    .trim().split(/\s+/);
  const ticks = line.map(Number);
  return {
    all: sum(ticks.slice(0, FIELDS)),
    processes: sum(PROCESS_FIELDS.map((field) => ticks[field]!)),
    ours: ownTicks(),
  };
}

function ownTicks(): number {
  const processes = new Map(
    [...Deno.readDirSync("/proc")]
      .map(({ name }) => Number(name))
      .filter(Number.isInteger)
      .map((pid) => [pid, statOf(pid)]),
  );
  const isOurs = (pid: number): boolean => {
    for (let at = pid; at > 1; at = processes.get(at)?.[PARENT] ?? 0) {
      if (at === Deno.pid) return true;
    }
    return false;
  };
  return sum(
    [...processes].filter(([pid]) => isOurs(pid))
      .flatMap(([, fields]) => CPU_TIMES.map((field) => fields?.[field] ?? 0)),
  );
}

/** The fields after the name, or `null` of a process that has ended meanwhile. */
function statOf(pid: number): readonly number[] | null {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ").map(Number);
  } catch {
    return null;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
