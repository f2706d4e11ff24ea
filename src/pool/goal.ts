/**
 * What a pass of the reconciler works towards.
 *
 * @module
 */

import type { DrainReason } from "../events/mod.ts";
import type { Generation } from "./generation.ts";
import type { RecyclingLimits } from "./replacement.ts";
import type { Worker } from "./worker.ts";
import type { StopSignal } from "./worker_command.ts";

/** How workers come and go. */
export interface StaffingOptions extends RecyclingLimits {
  /** Longest wait for a new worker's first good response, in milliseconds. */
  readonly startupTimeoutMs: number;
  /** Longest wait for one that keeps a CPU busy all the while, in milliseconds. @default {startupTimeoutMs} */
  readonly startupLimitMs?: number;
  /** How long requests in flight may take when a worker is taken out, in milliseconds. */
  readonly drainTimeoutMs: number;
  /** How long a worker's processes may take to end once they are asked to, in milliseconds. */
  readonly stopTimeoutMs: number;
  /** What asks them to. */
  readonly stopSignal: StopSignal;
  /** Workers of a new generation that are started at once, beside those they replace. */
  readonly reloadSurge: number;
  /** Whether a worker is replaced that fails the requests it is given, where the others do not. */
  readonly outlierDetection: boolean;
  /** How the data plane chooses a worker. @default {not by the client} */
  readonly policy?: string;
  /** Whether a generation that is superseded is kept for its clients. */
  readonly skewProtection: boolean;
  /** What ties clients to workers, so that one that leaves its place is kept for its own; `null` when nothing does. */
  readonly affinity: string | null;
  /** For how long at most either is kept, in milliseconds. */
  readonly skewGraceMs: number;
}

/** What is wanted. */
export interface Goal {
  /** How many workers that are given work. */
  readonly workers: number;
  /** How many that are held back. */
  readonly spares: number;
  /** What new workers are, and what the others are to be replaced by. */
  readonly generation: Generation;
  /** The newest generation that has proved itself: with a reload that goes on, the one before. */
  readonly provenGeneration: number;
  /** Why those go that are too many. */
  readonly surplusReason: DrainReason;
  /** Whether a worker that serves beside its predecessor has shown that it can take over. */
  readonly mayTakeOver: (worker: Worker) => boolean;
  /** How workers come and go until then. */
  readonly options: StaffingOptions;
}
