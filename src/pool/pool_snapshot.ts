/**
 * What can be seen of a pool at one moment.
 *
 * @module
 */

import { NO_FIGURES, type UpstreamFigures } from "../plane/contract.ts";
import type { ReplacementReason } from "../events/mod.ts";
import type { DroppedOutput } from "./output_readers.ts";
import type { Roster } from "./roster.ts";
import type { Slot } from "./slot.ts";
import type { Worker } from "./worker.ts";
import type { WorkerStateName } from "./worker_state.ts";

/** One worker, or one slot that waits for a worker. */
export interface WorkerSnapshot {
  /** Slot, from 0. A worker that drains while its successor serves has the same. */
  readonly id: number;
  /** `null` while the slot waits for its next worker. */
  readonly port: number | null;
  /** `null` while the slot waits for its next worker. */
  readonly pid: number | null;
  /** State of the worker; `"waiting"` for a slot whose worker is gone and not yet replaced. */
  readonly state: WorkerStateName | "waiting";
  /** Whether it may be given any request now. */
  readonly ready: boolean;
  /** Whether it is ready, and held back. */
  readonly spare: boolean;
  /** Whether it is kept for the clients of its generation, beside its successor. */
  readonly former: boolean;
  /** Workers of this slot that have been replaced. */
  readonly restarts: number;
  /** Probes failed in a row; for a slot that waits, starts failed in a row. */
  readonly failures: number;
  /** When it was started, as milliseconds since the Unix epoch; `null` while waiting. */
  readonly startedAt: number | null;
  /** Milliseconds since it was started; `null` while waiting. */
  readonly uptimeMs: number | null;
  /** Which (re)load started it; `null` while waiting. */
  readonly generation: number | null;
  /** What the data plane calls it; `null` while waiting. */
  readonly upstream: number | null;
  /** What the data plane counts of it. */
  readonly figures: UpstreamFigures;
}

/** A pool at one moment. */
export interface PoolSnapshot {
  /** Fewest workers scaling leaves. */
  readonly min: number;
  /** Most workers scaling makes. */
  readonly max: number;
  /** Workers wanted now. */
  readonly desired: number;
  /** Workers that may be given work now. */
  readonly ready: number;
  /** Workers that are ready and held back. */
  readonly spare: number;
  /** Whether most workers fail their probes together, and are kept in rotation. */
  readonly panic: boolean;
  /** Workers started in the place of another since the start, slots that are no more included. */
  readonly restarts: number;
  /** The same by reason; a reason that has not been is missing. */
  readonly restartsByReason: Readonly<
    Partial<Record<ReplacementReason, number>>
  >;
  /** Which (re)load the newest workers belong to, from 1. */
  readonly generation: number;
  /** What of the workers' output has been dropped, by slot. */
  readonly droppedOutput: ReadonlyMap<number, DroppedOutput>;
  /** Every worker and waiting slot, by slot. */
  readonly workers: readonly WorkerSnapshot[];
}

/** What is known of a pool beside who is in it. */
export interface PoolFigures extends
  Pick<
    PoolSnapshot,
    "min" | "max" | "desired" | "generation" | "panic" | "droppedOutput"
  > {
  readonly restarts: PoolSnapshot["restartsByReason"];
  /** On the pool's clock. */
  readonly now: number;
}

/** Returns what can be seen of a pool: its workers, and the slots that wait for one, by slot. */
export function snapshotPool(
  { slots, workers, kept }: Roster,
  { now, restarts, ...bounds }: PoolFigures,
): PoolSnapshot {
  const slotOf = new Map(slots.map((slot) => [slot.id, slot]));
  const seen = [
    ...slots.filter((slot) => slot.worker === null).map(snapshotWaiting),
    ...workers.map((worker) =>
      snapshotWorker(worker, {
        slot: slotOf.get(worker.id),
        former: kept.has(worker),
        now,
      })
    ),
  ].sort((a, b) => a.id - b.id);
  return {
    ...bounds,
    ready: seen.filter((worker) => worker.ready).length,
    spare: seen.filter((worker) => worker.spare).length,
    restarts: Object.values(restarts).reduce((sum, count) => sum + count, 0),
    restartsByReason: restarts,
    workers: seen,
  };
}

function snapshotWaiting(slot: Slot): WorkerSnapshot {
  return {
    id: slot.id,
    port: null,
    pid: null,
    state: "waiting",
    ready: false,
    spare: false,
    former: false,
    restarts: slot.restarts,
    failures: slot.failures,
    startedAt: null,
    uptimeMs: null,
    generation: null,
    upstream: null,
    figures: NO_FIGURES,
  };
}

function snapshotWorker(
  worker: Worker,
  { slot, former, now }: {
    readonly slot: Slot | undefined;
    readonly former: boolean;
    readonly now: number;
  },
): WorkerSnapshot {
  const spare = slot?.member === false && slot.serviceable.includes(worker);
  return {
    id: worker.id,
    port: worker.port,
    pid: worker.process.pid,
    state: shownState(worker),
    ready: worker.upstream.accepting && !former && !spare,
    spare,
    former,
    restarts: slot?.restarts ?? 0,
    failures: worker.health?.failures ?? 0,
    startedAt: worker.startedAtEpochMs,
    uptimeMs: now - worker.startedAt,
    generation: worker.generation,
    upstream: worker.upstream.key,
    figures: worker.upstream.figures,
  };
}

/** One that is out of rotation for what it fails is given nothing, and need not say more to those who only look. */
function shownState({ state, withheld }: Worker): WorkerStateName {
  return withheld && state.type === "ready" ? "unhealthy" : state.type;
}
