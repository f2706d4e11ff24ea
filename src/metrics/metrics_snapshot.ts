/**
 * The figures of a pool at one moment, in the shape that `/_metrics` has.
 *
 * @module
 */

import type {
  ExitStatus,
  PoolScaledEvent,
  ScalingHeldEvent,
  ServingState,
  TransportName,
} from "../events/mod.ts";
import type { Instance } from "../instance.ts";
import type { PoolSnapshot } from "../pool/pool_snapshot.ts";
import type { ProcessUsage } from "../system/group_usage.ts";
import type { DataPlaneFigures, QueueFigures } from "../plane/contract.ts";
import type { TalliedSuspect } from "./event_tally.ts";
import { LatencyHistogram } from "../shared/latency_histogram.ts";
import type { Rates } from "./rates.ts";
import { rounded, roundedMean } from "./rounded.ts";
import {
  type ScalingHeldMetrics,
  scalingHeldMetrics,
  type ScalingMetrics,
  scalingMetrics,
} from "./scaling_metrics.ts";
import { type WorkerMetrics, workerMetrics } from "./worker_metrics.ts";

export type { WorkerMetrics } from "./worker_metrics.ts";

/** A request that was in flight when its worker's process ended, and may be the reason. */
export interface SuspectMetrics {
  /** When the worker was found gone: ISO 8601, UTC. */
  readonly at: string;
  /** Request method. */
  readonly method: string;
  /** Request target, as sent. */
  readonly target: string;
  /** As in `X-Request-Id`. */
  readonly requestId: string;
  /** Slot of the worker. */
  readonly workerId: number;
  /** How its process ended. */
  readonly status: ExitStatus;
  /** Workers lost of late with its method and path in flight; from 2 on it is not sent again. */
  readonly losses: number;
}

/** The queue: how many wait, and how those fared that did. */
export interface QueueStats {
  /** Requests waiting now. */
  readonly depth: number;
  /** Requests that may wait. */
  readonly limit: number;
  /** Turned away because the queue was full or the pool is stopping. */
  readonly rejected: number;
  /** Turned away because the wait was too long. */
  readonly timedOut: number;
  /** Requests in flight per worker beyond which requests wait: the setting, or what `auto` has found; 0 is no cap. */
  readonly concurrency: number;
  /** Median and 99th percentile of the wait of those that had to, in milliseconds. */
  readonly wait: { readonly p50: number | null; readonly p99: number | null };
}

/** The pool at one moment. Latencies are in milliseconds. */
export interface MetricsSnapshot {
  /** Which pool this is. */
  readonly instance: Instance;
  /** Requests handled since the start, the admin pages' own not counted. */
  readonly totalRequests: number;
  /** `null` before the first request. */
  readonly averageLatency: number | null;
  /** Distribution of the latency. */
  readonly latency: {
    readonly p50: number | null;
    readonly p90: number | null;
    readonly p99: number | null;
    readonly max: number | null;
  };
  /** The same over the last ten seconds. */
  readonly recentLatency: {
    readonly p50: number | null;
    readonly p90: number | null;
    readonly p99: number | null;
  };
  /** Over the last ten seconds. */
  readonly requestsPerSecond: number;
  /** Requests being handled. */
  readonly inFlight: number;
  /** What the pool as a whole is doing. */
  readonly state: ServingState;
  /** What drives the connections of clients and workers. */
  readonly transport: TransportName;
  /** Seconds since the start. */
  readonly uptimeSeconds: number;
  /** Which (re)load it belongs to, from 1. */
  readonly generation: number;
  /** Requests waiting for a worker. */
  readonly queue: QueueStats;
  /** How many workers there are and may be. */
  readonly pool: {
    readonly min: number;
    readonly max: number;
    readonly desired: number;
    readonly ready: number;
    /** Held back, ready. */
    readonly spare: number;
    readonly restarts: number;
    /** Workers that the kernel has killed for want of memory, as far as that is seen. */
    readonly outOfMemory: number;
    /** Whether most workers fail their probes together, and are kept in rotation. */
    readonly panic: boolean;
  };
  /** How long places were without a healthy worker before a successor was ready, in milliseconds. */
  readonly recovery: {
    readonly count: number;
    readonly p50: number | null;
    readonly p90: number | null;
    readonly p99: number | null;
    readonly max: number | null;
  };
  /** Output of the workers that was dropped: they wrote more than WORKER_LOG_RATE. */
  readonly output: {
    readonly droppedLines: number;
    readonly droppedBytes: number;
  };
  /** Requests sent once more. */
  readonly retries: number;
  /** The last requests that may have ended a worker, oldest first. */
  readonly suspects: readonly SuspectMetrics[];
  /** Responses by class. */
  readonly responses: Readonly<Record<"2xx" | "3xx" | "4xx" | "5xx", number>>;
  /** Responses of the balancer's own, by status. */
  readonly errors: Readonly<Record<string, number>>;
  /** Connections open now. */
  readonly connections: {
    readonly client: number;
    readonly upstreamIdle: number;
  };
  /** By how much the event loop of the data plane has been late, at worst, over the last ten seconds. */
  readonly eventLoopLag: number;
  /** The same of the control plane's, which probes, scales and makes these pages. */
  readonly controlPlaneLag: number;
  /** The last changes of the wanted number of workers, oldest first. */
  readonly scaling: readonly ScalingMetrics[];
  /** The number of workers that is asked for and held back, or `null`. */
  readonly scalingHeld: ScalingHeldMetrics | null;
  /** Every worker and every slot that waits for one. */
  readonly workers: readonly WorkerMetrics[];
}

/** Where the figures come from. */
export interface MetricsSources {
  readonly instance: Instance;
  /** What the data plane counts. */
  readonly figures: DataPlaneFigures;
  readonly rates: Rates;
  readonly pool: PoolSnapshot;
  /** What the workers use, by process id; who cannot be seen is missing. */
  readonly usage: ReadonlyMap<number, ProcessUsage>;
  /** Workers that the kernel has killed for want of memory. */
  readonly outOfMemory: number;
  readonly state: ServingState;
  readonly transport: TransportName;
  /** On the clock of `performance.now()`. */
  readonly startedAt: number;
  readonly recovery: LatencyHistogram;
  readonly suspects: readonly TalliedSuspect[];
  readonly scaling: readonly Omit<PoolScaledEvent, "type">[];
  readonly scalingHeld: Omit<ScalingHeldEvent, "type"> | null;
}

/** Statuses the balancer responds with itself: shown with 0, too. */
const OWN_STATUSES = [
  400,
  405,
  408,
  413,
  414,
  417,
  429,
  431,
  500,
  501,
  502,
  503,
  504,
  505,
] as const;

/** Puts the figures together. */
export function metricsSnapshot(sources: MetricsSources): MetricsSnapshot {
  const { figures, rates, pool } = sources;
  const latency = LatencyHistogram.from(figures.latency);
  const { min, max, desired, ready, spare, restarts, panic } = pool;
  return {
    instance: sources.instance,
    totalRequests: figures.requests,
    averageLatency: roundedMean(latency.sumMs, latency.count),
    latency: {
      ...quantiles(latency),
      max: longest(latency),
    },
    recentLatency: quantiles(rates.recentLatency(latency)),
    requestsPerSecond: rounded(rates.total(figures.requests)),
    inFlight: figures.inFlight,
    state: sources.state,
    transport: sources.transport,
    uptimeSeconds: rounded((performance.now() - sources.startedAt) / 1000),
    generation: pool.generation,
    queue: queueMetrics(figures.queue),
    pool: {
      min,
      max,
      desired,
      ready,
      spare,
      restarts,
      outOfMemory: sources.outOfMemory,
      panic,
    },
    recovery: {
      count: sources.recovery.count,
      ...quantiles(sources.recovery),
      max: longest(sources.recovery),
    },
    output: outputMetrics(pool),
    retries: figures.retries.values().reduce((sum, count) => sum + count, 0),
    suspects: sources.suspects.map(suspectMetrics),
    responses: responsesByClass(figures),
    errors: Object.fromEntries([
      ...OWN_STATUSES.map((status) => [status, 0] as const),
      ...figures.errors,
    ]),
    connections: {
      client: figures.clientConnections,
      upstreamIdle: figures.idleUpstreamConnections,
    },
    eventLoopLag: rounded(figures.eventLoopLagMs),
    controlPlaneLag: rounded(figures.controlPlaneLagMs),
    scaling: sources.scaling.map(scalingMetrics),
    scalingHeld: sources.scalingHeld && scalingHeldMetrics(sources.scalingHeld),
    workers: pool.workers.map((worker) =>
      workerMetrics(worker, {
        rates,
        usage: sources.usage,
        droppedLines: pool.droppedOutput.get(worker.id)?.lines ?? 0,
      })
    ),
  };
}

function suspectMetrics(suspect: TalliedSuspect): SuspectMetrics {
  const { at, method, target, requestId, workerId, status, losses } = suspect;
  return {
    at: new Date(at).toISOString(),
    method,
    target,
    requestId,
    workerId,
    status,
    losses,
  };
}

function quantiles(
  latency: LatencyHistogram,
): MetricsSnapshot["recentLatency"] {
  return {
    p50: rounded(latency.quantile(0.5)),
    p90: rounded(latency.quantile(0.9)),
    p99: rounded(latency.quantile(0.99)),
  };
}

function longest(latency: LatencyHistogram): number | null {
  return latency.count === 0 ? null : rounded(latency.maxMs);
}

function responsesByClass(
  { responses }: DataPlaneFigures,
): MetricsSnapshot["responses"] {
  const byClass = Array.from({ length: 10 }, () => 0);
  for (const { status, count } of responses) {
    byClass[Math.floor(status / 100)]! += count;
  }
  const [, , success = 0, redirect = 0, client = 0, server = 0] = byClass;
  return { "2xx": success, "3xx": redirect, "4xx": client, "5xx": server };
}

function queueMetrics({ waits, ...queue }: QueueFigures): QueueStats {
  const { p50, p99 } = quantiles(LatencyHistogram.from(waits));
  return { ...queue, wait: { p50, p99 } };
}

function outputMetrics(
  { droppedOutput }: PoolSnapshot,
): MetricsSnapshot["output"] {
  let droppedLines = 0;
  let droppedBytes = 0;
  for (const { lines, bytes } of droppedOutput.values()) {
    droppedLines += lines;
    droppedBytes += bytes;
  }
  return { droppedLines, droppedBytes };
}
