/**
 * Whether a process ended by itself or was made to: by that the requests it
 * had in flight are judged.
 *
 * Pure.
 *
 * @module
 */

import type { ExitStatus, Killer } from "../events/mod.ts";
import type { EndCause } from "../plane/contract.ts";
import type { WorkerState } from "./worker_state.ts";

/**
 * Signals that a program brings upon itself, with their numbers on Linux: a
 * wild pointer, an assertion, a limit or a timer of its own. Others come from
 * outside, SIGKILL among them unless it is known to be that of a kernel short
 * of memory; SIGPIPE from a client that has gone.
 */
const SELF_INFLICTED: ReadonlyMap<string, number> = new Map([
  ["SIGILL", 4],
  ["SIGTRAP", 5],
  ["SIGABRT", 6],
  ["SIGBUS", 7],
  ["SIGFPE", 8],
  ["SIGSEGV", 11],
  ["SIGALRM", 14],
  ["SIGXCPU", 24],
  ["SIGXFSZ", 25],
  ["SIGVTALRM", 26],
  ["SIGPROF", 27],
  ["SIGSYS", 31],
]);

/** A shell, or `npm`, tells of a child's signal by an exit code of this and its number. */
const SIGNAL_CODE_BASE = 128;

/** Greatest number of a signal. */
const MAX_SIGNAL = 64;

/** Returns why a process ended with `status` while its worker was in `state`; `killer` is who killed it, if anybody did. */
export function endCause(
  status: ExitStatus,
  state: WorkerState,
  killer: Killer | null,
): EndCause {
  // Who exhausts the memory is killed by us, but for what it has in flight.
  const requested = state.type === "terminating" &&
    state.cause !== "memory-limit";
  if (requested) return "requested";
  // What it was given has filled the memory, and would fill the next one's.
  if (killer === "out-of-memory") return "self-inflicted";
  return isSelfInflicted(status) ? "self-inflicted" : "external-signal";
}

function isSelfInflicted({ code, signal }: ExitStatus): boolean {
  if (signal !== null) return SELF_INFLICTED.has(signal);
  const number = code - SIGNAL_CODE_BASE;
  const ofChild = number > 0 && number <= MAX_SIGNAL;
  return !ofChild || [...SELF_INFLICTED.values()].includes(number);
}
