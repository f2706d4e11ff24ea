/**
 * The life of a worker as a table: which states there are, what may happen in
 * each, and where it leads.
 *
 * Pure. It reads no clock and touches no process; whoever holds a state asks
 * {@linkcode transition} for the next one. ARCHITECTURE.md draws it.
 *
 * @module
 */

import type { DrainReason, ExitStatus } from "../events/mod.ts";

/** Why a process was asked to end. */
export type TerminationCause =
  /** It has nothing in flight any more. */
  | "drained"
  /** Requests in flight took longer than they may. */
  | "drain-timeout"
  /** It was not ready in time. */
  | "start-timeout"
  /** Another program had its port before it was ready. */
  | "port-lost"
  /** It listens on another port, and is started again in another way. */
  | "restarted"
  /** It was not wanted any more before it was ready. */
  | "dismissed"
  /** It used far more memory than it may. */
  | "memory-limit";

/** The process runs and has not given a good response yet. */
export interface StartingState {
  readonly type: "starting";
  /** When it must be ready. */
  readonly deadline: number;
}

/** It responds and may be given work. */
export interface ReadyState {
  readonly type: "ready";
  readonly since: number;
}

/** It has been ready, and fails its probes now. In a panic it is given work nevertheless. */
export interface UnhealthyState {
  readonly type: "unhealthy";
  readonly since: number;
}

/** It gets no more work and finishes what it has. */
export interface DrainingState {
  readonly type: "draining";
  readonly reason: DrainReason;
  /** When its requests in flight are given up. */
  readonly deadline: number;
}

/** It has been told to end. */
export interface TerminatingState {
  readonly type: "terminating";
  readonly cause: TerminationCause;
  /** When it is made to end; infinite once that has been done. */
  readonly killAt: number;
}

/** The process is gone. */
export interface ExitedState {
  readonly type: "exited";
  readonly status: ExitStatus;
}

/** Where a worker is in its life. All times are on the pool's monotonic clock, in milliseconds. */
export type WorkerState =
  | StartingState
  | ReadyState
  | UnhealthyState
  | DrainingState
  | TerminatingState
  | ExitedState;

/** Name of a {@linkcode WorkerState}. */
export type WorkerStateName = WorkerState["type"];

/** What may happen to a worker. */
export type WorkerInput =
  /** A probe has passed. */
  | { readonly type: "passed"; readonly now: number }
  /** Probes failed often enough. */
  | { readonly type: "failed"; readonly now: number }
  /** It may take longer to become ready: it is at work. */
  | { readonly type: "extend"; readonly deadline: number }
  /** It shall get no more work. */
  | {
    readonly type: "drain";
    readonly reason: DrainReason;
    readonly deadline: number;
  }
  /** It shall end. */
  | {
    readonly type: "terminate";
    readonly cause: TerminationCause;
    readonly killAt: number;
  }
  /** It is made to end. */
  | { readonly type: "kill"; readonly cause: TerminationCause }
  /** The process is gone. */
  | { readonly type: "exit"; readonly status: ExitStatus };

/** What may happen in each state, and the state it leads to. Anything else is impossible. */
export const TRANSITIONS: {
  readonly [State in WorkerStateName]: {
    readonly [Input in WorkerInput["type"]]?: WorkerStateName;
  };
} = {
  starting: {
    passed: "ready",
    extend: "starting",
    terminate: "terminating",
    kill: "terminating",
    exit: "exited",
  },
  ready: {
    failed: "unhealthy",
    drain: "draining",
    kill: "terminating",
    exit: "exited",
  },
  unhealthy: {
    passed: "ready",
    drain: "draining",
    kill: "terminating",
    exit: "exited",
  },
  draining: { terminate: "terminating", kill: "terminating", exit: "exited" },
  terminating: { kill: "terminating", exit: "exited" },
  exited: {},
};

/**
 * Returns the state that follows `state` when `input` happens.
 *
 * @throws {Error} when {@linkcode TRANSITIONS} has no such entry: a defect of
 * the caller, never of the worker.
 *
 * @example
 * ```ts
 * import { transition } from "./worker_state.ts";
 * import assert from "node:assert/strict";
 *
 * const ready = transition(
 *   { type: "starting", deadline: 30_000 },
 *   { type: "passed", now: 40 },
 * );
 * assert.deepEqual(ready, { type: "ready", since: 40 });
 * ```
 */
export function transition(
  state: WorkerState,
  input: WorkerInput,
): WorkerState {
  if (TRANSITIONS[state.type][input.type] === undefined) {
    throw new Error(
      `Cannot change a worker's state: "${input.type}" is impossible while ${state.type}`,
    );
  }
  switch (input.type) {
    case "passed":
      return { type: "ready", since: input.now };
    case "extend":
      return { type: "starting", deadline: input.deadline };
    case "failed":
      return { type: "unhealthy", since: input.now };
    case "drain":
      return {
        type: "draining",
        reason: input.reason,
        deadline: input.deadline,
      };
    case "terminate":
      return { type: "terminating", cause: input.cause, killAt: input.killAt };
    case "kill":
      return { type: "terminating", cause: input.cause, killAt: Infinity };
    case "exit":
      return { type: "exited", status: input.status };
  }
}

/** Returns when something has to be done about a worker in `state` at the latest; infinite when never. */
export function deadlineOf(state: WorkerState): number {
  switch (state.type) {
    case "starting":
    case "draining":
      return state.deadline;
    case "terminating":
      return state.killAt;
    case "ready":
    case "unhealthy":
    case "exited":
      return Infinity;
  }
}
