/**
 * The figures of a pool that was never run, for tests of those that show
 * them.
 *
 * @module
 */

import type {
  MetricsSnapshot,
  WorkerMetrics,
} from "../../src/metrics/metrics_snapshot.ts";

const QUEUE = {
  depth: 2,
  limit: 1024,
  rejected: 3,
  timedOut: 4,
  concurrency: 0,
  adaptive: false,
  wait: { p50: null, p99: 250 },
};

/** A worker that has done a little; what differs is given. */
export function workerMetrics(
  worker: Partial<WorkerMetrics> = {},
): WorkerMetrics {
  return {
    id: 0,
    port: 8081,
    requests: 12,
    ready: true,
    spare: false,
    former: false,
    pid: 4711,
    state: "ready",
    inFlight: 1,
    requestsPerSecond: 2.5,
    averageLatency: 3.25,
    failures: 0,
    restarts: 0,
    uptimeSeconds: 61,
    generation: 1,
    droppedLines: 0,
    rssBytes: null,
    cpuSeconds: null,
    ...worker,
  };
}

/** A pool of one worker; what differs is given. */
export function metricsSnapshot(
  metrics: Partial<MetricsSnapshot> = {},
): MetricsSnapshot {
  return {
    instance: { id: "of-a-test", pid: 4710, name: null, version: "0.0.0" },
    totalRequests: 12,
    averageLatency: 3.25,
    latency: { p50: 3, p90: 5, p99: 8, max: 9 },
    recentLatency: { p50: 2, p90: 4, p99: 6 },
    requestsPerSecond: 2.5,
    inFlight: 1,
    state: "serving",
    transport: "deno",
    uptimeSeconds: 3661,
    generation: 1,
    queue: QUEUE,
    pool: {
      min: 1,
      max: 16,
      desired: 1,
      ready: 1,
      spare: 0,
      restarts: 5,
      outOfMemory: 0,
      panic: false,
    },
    recovery: { count: 5, p50: 40, p90: 50, p99: 60, max: 61 },
    output: { droppedLines: 0, droppedBytes: 0 },
    retries: 6,
    suspects: [],
    responses: { "2xx": 10, "3xx": 0, "4xx": 1, "5xx": 1 },
    errors: { "502": 1, "503": 0 },
    connections: { client: 7, upstreamIdle: 8 },
    eventLoopLag: 9,
    controlPlaneLag: 3,
    scaling: [],
    scalingHeld: null,
    workers: [workerMetrics()],
    ...metrics,
  };
}
