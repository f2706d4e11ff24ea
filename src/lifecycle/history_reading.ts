/**
 * The figures that the history keeps, gathered from the parts that have them.
 *
 * @module
 */

import type { Counters } from "../metrics/counters.ts";
import type { HistoryReading } from "../metrics/sample_series.ts";
import type { PoolSnapshot, WorkerSnapshot } from "../pool/pool_snapshot.ts";

/** Where the figures come from. */
export interface HistorySources {
  readonly counters: Counters;
  readonly pool: PoolSnapshot;
  /** Requests waiting for a worker. */
  readonly queued: number;
}

/** Returns the figures of the moment. */
export function historyReading(
  { counters, pool, queued }: HistorySources,
): HistoryReading {
  return {
    requests: counters.requests,
    responses: counters.answers(),
    latency: counters.latency,
    inFlight: counters.inFlight,
    queued,
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
