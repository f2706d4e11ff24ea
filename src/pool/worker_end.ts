/**
 * How the end of a worker is told, as a sentence part. Pure.
 *
 * @module
 */

import { type ExitStatus, type Killer, KILLER_TEXT } from "../events/mod.ts";
import type { HealthReport } from "./health_watcher.ts";
import type { WorkerProcess } from "./worker_process.ts";
import type { WorkerState } from "./worker_state.ts";

/** Exit code of a wrapper whose program was ended by SIGKILL: 128 + 9, as shells have it. */
const KILLED_CODE = 137;

/** What is known of a worker that has ended. */
export interface WorkerEnd {
  readonly status: ExitStatus;
  readonly killer: Killer | null;
  /** What it was at. */
  readonly state: WorkerState;
  /** What the probes have last shown. */
  readonly health: HealthReport | null;
  /** What it has left behind. */
  readonly remaining: WorkerProcess["remaining"];
  /** How long it might have taken to become ready, in milliseconds. */
  readonly startupTimeoutMs: number;
}

/** Whether a process was killed: itself, or the program behind a wrapper that says so with its code. */
export function wasKilled({ code, signal }: ExitStatus): boolean {
  return signal === null ? code === KILLED_CODE : signal === "SIGKILL";
}

/** How a process ended. */
export function describeExit({ code, signal }: ExitStatus): string {
  return signal === null
    ? `exited with code ${code}`
    : `was ended by ${signal}`;
}

/** How a process ended, and by whom. */
export function describeEnd(
  { status, killer }: Pick<WorkerEnd, "status" | "killer">,
): string {
  const how = describeExit(status);
  return killer === null ? how : `${how} (${KILLER_TEXT[killer]})`;
}

/** Why a worker never became ready; `null` when it was not meant to. */
export function describeStartFailure(end: WorkerEnd): string | null {
  const { state, health, startupTimeoutMs } = end;
  if (state.type !== "terminating") {
    return describeEnd(end) + describeDaemon(end);
  }
  const seen = health?.reason ?? "not probed";
  if (state.cause === "port-lost") return `was not reached: ${seen}`;
  if (state.cause !== "start-timeout") return null;
  const busy = health?.diagnosis === "starting"
    ? ", while it was computing"
    : "";
  return `was not ready within ${startupTimeoutMs} ms (${seen}${busy})` +
    "; STARTUP_TIMEOUT_MS is the limit";
}

/** What a worker that has put itself into the background is told. */
function describeDaemon({ remaining }: WorkerEnd): string {
  const [first] = remaining ?? [];
  return first === undefined
    ? ""
    : `, but has put itself into the background: ${first.command} ` +
      `(pid ${first.pid}); have it run in the foreground`;
}
