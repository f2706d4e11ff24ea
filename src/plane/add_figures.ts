/**
 * Adding up what several threads of the data plane have counted, one after
 * the other. Pure.
 *
 * @module
 */

import {
  type HistogramFigures,
  LatencyHistogram,
} from "../shared/latency_histogram.ts";
import type {
  DataPlaneFigures,
  ResponseCount,
  UpstreamFigures,
} from "./contract.ts";
import { NO_FIGURES } from "./contract.ts";

/** Of a data plane that has had nothing to do; `queueLimit` requests may wait. */
export function emptyFigures(queueLimit: number): DataPlaneFigures {
  const nothing = new LatencyHistogram().figures();
  return {
    requests: 0,
    inFlight: 0,
    streams: 0,
    retries: new Map(),
    clientConnections: 0,
    idleUpstreamConnections: 0,
    eventLoopLagMs: 0,
    controlPlaneLagMs: 0,
    latency: nothing,
    responses: [],
    errors: new Map(),
    queue: {
      depth: 0,
      limit: queueLimit,
      rejected: 0,
      timedOut: 0,
      concurrency: 0,
      adaptive: false,
      waits: nothing,
    },
    upstreams: new Map(),
  };
}

/** What is left of `figures` when whoever has counted them is gone: what was under way is not. */
export function ofThePast(figures: DataPlaneFigures): DataPlaneFigures {
  const upstreams = [...figures.upstreams].map(([key, upstream]) =>
    [key, { ...upstream, inFlight: 0, streams: 0 }] as const
  );
  return {
    ...figures,
    inFlight: 0,
    streams: 0,
    clientConnections: 0,
    idleUpstreamConnections: 0,
    eventLoopLagMs: 0,
    controlPlaneLagMs: 0,
    queue: { ...figures.queue, depth: 0 },
    upstreams: new Map(upstreams),
  };
}

/** What there is `now`, and what was counted in the `past`. */
export function addFigures(
  past: DataPlaneFigures,
  now: DataPlaneFigures,
): DataPlaneFigures {
  if (past.requests === 0) return now;
  return {
    ...now,
    requests: past.requests + now.requests,
    retries: addCounts(past.retries, now.retries),
    latency: addHistograms(past.latency, now.latency),
    responses: addResponses(past.responses, now.responses),
    errors: addCounts(past.errors, now.errors),
    queue: {
      ...now.queue,
      rejected: past.queue.rejected + now.queue.rejected,
      timedOut: past.queue.timedOut + now.queue.timedOut,
      waits: addHistograms(past.queue.waits, now.queue.waits),
    },
    upstreams: new Map(
      [...now.upstreams].map(([key, upstream]) => [
        key,
        addUpstreams(past.upstreams.get(key) ?? NO_FIGURES, upstream),
      ]),
    ),
  };
}

function addUpstreams(
  past: UpstreamFigures,
  now: UpstreamFigures,
): UpstreamFigures {
  return {
    ...now,
    requests: past.requests + now.requests,
    failures: past.failures + now.failures,
    serverErrors: past.serverErrors + now.serverErrors,
    latencySumMs: past.latencySumMs + now.latencySumMs,
  };
}

function addHistograms(
  past: HistogramFigures,
  now: HistogramFigures,
): HistogramFigures {
  return {
    count: past.count + now.count,
    sumMs: past.sumMs + now.sumMs,
    maxMs: Math.max(past.maxMs, now.maxMs),
    buckets: now.buckets.map((count, index) => count + past.buckets[index]!),
  };
}

function addResponses(
  past: readonly ResponseCount[],
  now: readonly ResponseCount[],
): readonly ResponseCount[] {
  const sums = new Map<string, ResponseCount>();
  for (const response of [...past, ...now]) {
    const key = `${response.workerId} ${response.status}`;
    const count = response.count + (sums.get(key)?.count ?? 0);
    sums.set(key, { ...response, count });
  }
  return [...sums.values()];
}

function addCounts<K>(
  past: ReadonlyMap<K, number>,
  now: ReadonlyMap<K, number>,
): ReadonlyMap<K, number> {
  const sums = new Map(past);
  for (const [key, count] of now) sums.set(key, count + (sums.get(key) ?? 0));
  return sums;
}
