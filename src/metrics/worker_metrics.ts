/**
 * The figures of one worker, in the shape that `/_metrics` has.
 *
 * @module
 */

import type { WorkerSnapshot } from "../pool/pool_snapshot.ts";
import { type ProcessUsage, UNKNOWN_USAGE } from "../system/group_usage.ts";
import type { Rates } from "./rates.ts";
import { rounded, roundedMean } from "./rounded.ts";

/** One worker. A figure that cannot be had is `null`. */
export interface WorkerMetrics {
  /** Slot, from 0; a replacement keeps its predecessor's. */
  readonly id: number;
  /** Its port. */
  readonly port: number | null;
  /** Requests this worker has handled. */
  readonly requests: number;
  /** Whether it may be given work. */
  readonly ready: boolean;
  /** Whether it is ready and held back. */
  readonly spare: boolean;
  /** Whether it is kept for its clients alone: those of its generation, or those that are tied to it. */
  readonly former: boolean;
  /** Process id. */
  readonly pid: number | null;
  /** State of the worker. */
  readonly state: string;
  /** Requests being handled. */
  readonly inFlight: number;
  /** Over the last ten seconds. */
  readonly requestsPerSecond: number;
  /** In milliseconds, the wait in the queue apart; `null` before the first request. */
  readonly averageLatency: number | null;
  /** Requests that failed on its side. */
  readonly failures: number;
  /** Workers of this slot that were replaced. */
  readonly restarts: number;
  /** Seconds since the start. */
  readonly uptimeSeconds: number | null;
  /** Which (re)load it belongs to, from 1. */
  readonly generation: number | null;
  /** Lines of output of this slot's workers that were dropped: they wrote more than WORKER_LOG_RATE. */
  readonly droppedLines: number;
  /** Resident memory of all its processes, what they share counted once; needs `-A`. */
  readonly rssBytes: number | null;
  /** CPU time all its processes have used; needs `-A`. */
  readonly cpuSeconds: number | null;
}

/** Puts the figures of a worker together. */
export function workerMetrics(
  worker: WorkerSnapshot,
  { rates, usage, droppedLines }: {
    readonly rates: Rates;
    /** What the workers use, by process id; who cannot be seen is missing. */
    readonly usage: ReadonlyMap<number, ProcessUsage>;
    readonly droppedLines: number;
  },
): WorkerMetrics {
  const { id, port, pid, ready, spare, former, state, restarts } = worker;
  const { generation, upstream, figures, uptimeMs } = worker;
  const { requests, inFlight, failures, latencySumMs } = figures;
  return {
    id,
    port,
    requests,
    ready,
    spare,
    former,
    pid,
    state,
    inFlight,
    requestsPerSecond: rounded(
      upstream === null ? 0 : rates.of(upstream, requests),
    ),
    averageLatency: roundedMean(latencySumMs, requests),
    failures,
    restarts,
    uptimeSeconds: uptimeMs === null ? null : rounded(uptimeMs / 1000),
    generation,
    droppedLines,
    ...(pid === null ? null : usage.get(pid)) ?? UNKNOWN_USAGE,
  };
}
