/**
 * What the processes of a worker do, seen from outside.
 *
 * The balancer itself may read `/proc` only with every permission, so a shell
 * reads it, which `--allow-run` is enough for. That costs a millisecond or
 * two, and is done only when a worker keeps silent.
 *
 * @module
 */

import type { ProcessActivity } from "./diagnosis.ts";

/** Clock ticks a second in /proc, fixed for user space by the kernel's interface. */
const TICKS_PER_SECOND = 100;

/** Longest wait for the shell, in milliseconds: on a machine that has far too much to do. */
const LOOK_TIMEOUT_MS = 1000;

/** Prints `/proc/PID/stat` of every process; those that end meanwhile are no error. */
const SCRIPT = "cat /proc/[0-9]*/stat 2>/dev/null; true";

/** What was seen of a process group at one moment. */
export interface ProcessLook {
  /** When, on the clock of `performance.now()`. */
  readonly at: number;
  /** State of each of its processes. */
  readonly states: string;
  /** CPU time they have used so far, in user and kernel mode, in seconds. */
  readonly cpuSeconds: number;
}

/**
 * Looks at the process group `groupId`, which a worker leads: with a worker
 * that is started by a shell or by npm, the one that serves is another.
 *
 * @returns `null` when it cannot be seen: no Linux, no shell, no permission to
 * run one, or the group is gone.
 */
export async function lookAtProcesses(
  groupId: number,
): Promise<ProcessLook | null> {
  try {
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", SCRIPT],
      stdin: "null",
      stderr: "null",
      signal: AbortSignal.timeout(LOOK_TIMEOUT_MS),
    }).output();
    return readLook(new TextDecoder().decode(stdout), groupId);
  } catch {
    // There is no shell, or it may not be run: nothing is known then.
    return null;
  }
}

/** Returns what a group did between two looks, or in the moment of the second. */
export function activityBetween(
  before: ProcessLook | null,
  after: ProcessLook,
): ProcessActivity {
  const { states } = after;
  if (before === null) return { states, cpuRatio: null };
  const seconds = (after.at - before.at) / 1000;
  // What ends takes its CPU time along.
  const used = Math.max(0, after.cpuSeconds - before.cpuSeconds);
  return { states, cpuRatio: used / seconds };
}

function readLook(stats: string, groupId: number): ProcessLook | null {
  let states = "";
  let ticks = 0;
  for (const line of stats.split("\n")) {
    // The name, in parentheses, may itself hold spaces and parentheses.
    const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
    const [state = "", , group] = fields;
    if (Number(group) !== groupId || state === "Z") continue;
    states += state;
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  if (states === "") return null;
  const cpuSeconds = ticks / TICKS_PER_SECOND;
  return { at: performance.now(), states, cpuSeconds };
}
