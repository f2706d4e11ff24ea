/**
 * The figures that the history keeps, gathered from the parts that have them.
 *
 * @module
 */

import type { HistoryReading } from "../metrics/sample_series.ts";
import type { DataPlaneFigures } from "../plane/contract.ts";
import type { PoolSnapshot, WorkerSnapshot } from "../pool/pool_snapshot.ts";
import { LatencyHistogram } from "../shared/latency_histogram.ts";

/** Returns what of the figures of the moment is kept. */
export function historyReading(
  { requests, responses, latency, inFlight, queue }: DataPlaneFigures,
  pool: PoolSnapshot,
): HistoryReading {
  return {
    requests,
    responses,
    latency: LatencyHistogram.from(latency),
    inFlight,
    queued: queue.depth,
    ready: pool.ready,
    desired: pool.desired,
    slots: readinessOf(pool.workers),
  };
}

/** Which slots there are, and whether each has a ready worker. */
function readinessOf(
  workers: readonly WorkerSnapshot[],
): ReadonlyMap<number, boolean> {
  const slots = new Map<number, boolean>();
  for (const { id, state, ready, spare, former } of workers) {
    // Who is on the way out may belong to a slot that is no more.
    if (former || state === "draining" || state === "terminating") continue;
    slots.set(id, ready || spare || (slots.get(id) ?? false));
  }
  return slots;
}
