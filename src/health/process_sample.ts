/**
 * What the processes of a worker do, seen from outside.
 *
 * The balancer itself may read `/proc` only with every permission, so a shell
 * reads it, which `--allow-run` is enough for. That costs a millisecond or
 * two, and is done only when a worker keeps silent.
 *
 * @module
 */

import { familyOf, parseStats } from "../system/process_stat.ts";
import type { ProcessActivity } from "./diagnosis.ts";

/** Longest wait for the shell, in milliseconds: on a machine that has far too much to do. */
const SAMPLE_TIMEOUT_MS = 1000;

/** Prints `/proc/PID/stat` of every process; those that end meanwhile are no error. */
const SCRIPT = "cat /proc/[0-9]*/stat 2>/dev/null; true";

/** What was seen of a worker's processes at one moment. */
export interface ProcessSample {
  /** When, on the clock of `performance.now()`. */
  readonly at: number;
  /** State of each of its processes. */
  readonly states: string;
  /** CPU time they have used so far, in user and kernel mode, in seconds. */
  readonly cpuSeconds: number;
}

/**
 * Looks at the processes of the worker that is, or was started by, the process
 * `leader`: with a shell or npm in front, the one that serves is another.
 *
 * @returns `null` when it cannot be seen: no Linux, no shell, no permission to
 * run one, or the group is gone.
 */
export async function sampleProcesses(
  leader: number,
): Promise<ProcessSample | null> {
  try {
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", SCRIPT],
      stdin: "null",
      stderr: "null",
      signal: AbortSignal.timeout(SAMPLE_TIMEOUT_MS),
    }).output();
    return readSample(new TextDecoder().decode(stdout), leader);
  } catch {
    // There is no shell, or it may not be run: nothing is known then.
    return null;
  }
}

/** Returns what a group did between two samples, or in the moment of the second. */
export function activityBetween(
  before: ProcessSample | null,
  after: ProcessSample,
): ProcessActivity {
  const { states } = after;
  if (before === null) return { states, cpuRatio: null };
  const seconds = (after.at - before.at) / 1000;
  // What ends takes its CPU time along.
  const used = Math.max(0, after.cpuSeconds - before.cpuSeconds);
  return { states, cpuRatio: used / seconds };
}

function readSample(table: string, leader: number): ProcessSample | null {
  const ours = familyOf(parseStats(table), leader);
  if (ours.length === 0) return null;
  const states = ours.map(({ state }) => state).join("");
  const cpuSeconds = ours.reduce((sum, one) => sum + one.cpuSeconds, 0);
  return { at: performance.now(), states, cpuSeconds };
}
