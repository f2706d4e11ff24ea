/**
 * What came of a reload, worker by worker.
 *
 * A leaf: known to all who tell of it, knowing nobody.
 *
 * @module
 */

/** What a reload did to one slot of the pool. */
export type ReloadVerdict =
  /** A worker of the new generation has taken over. */
  | "replaced"
  /** Its new worker did not start, or did worse than the old ones; the old one serves on. */
  | "failed"
  /** Its new worker had taken over, and gave way to the old generation again. */
  | "rolled-back"
  /** Its worker was not touched. */
  | "kept";

/** What a reload did to one slot, and with which worker. */
export interface WorkerReload {
  /** Slot, from 0. */
  readonly workerId: number;
  /** Port of the worker the verdict is about; `null` when no process could be started. */
  readonly port: number | null;
  /** Its process id, or `null` when no process could be started. */
  readonly pid: number | null;
  /** What came of it. */
  readonly verdict: ReloadVerdict;
  /** Why, as a sentence part, where it was not replaced; else `null`. */
  readonly reason: string | null;
  /** Milliseconds from its spawn to its first good response; `null` when it gave none. */
  readonly startupMs: number | null;
  /** Requests that the worker has finished. */
  readonly requests: number;
  /** Those of them that failed on its side, or got 5xx. */
  readonly errors: number;
}

/** What came of a reload. */
export interface ReloadReport {
  /** Whether the new generation serves now. When not, the old one does, as before. */
  readonly ok: boolean;
  /** The generation before. */
  readonly fromGeneration: number;
  /** The generation that was to take over; that before when nothing was begun. */
  readonly generation: number;
  /** Why it failed, as a sentence part; `null` when it did not. */
  readonly reason: string | null;
  /** How long it took, in milliseconds. */
  readonly durationMs: number;
  /** Every slot, in order; empty when nothing was begun. */
  readonly workers: readonly WorkerReload[];
}

/** Returns the report of a reload that was not even begun. */
export function refusedReload(
  generation: number,
  reason: string,
): ReloadReport {
  return {
    ok: false,
    fromGeneration: generation,
    generation,
    reason,
    durationMs: 0,
    workers: [],
  };
}
