/** What several threads of the data plane have counted, one after the other. */

import assert from "node:assert/strict";
import {
  addFigures,
  emptyFigures,
  ofThePast,
} from "../../src/plane/add_figures.ts";
import type { DataPlaneFigures } from "../../src/plane/contract.ts";
import { LatencyHistogram } from "../../src/shared/latency_histogram.ts";

/** A thread that has had requests of so many milliseconds, by one worker. */
function counted(durations: readonly number[]): DataPlaneFigures {
  const latency = new LatencyHistogram();
  for (const duration of durations) latency.record(duration);
  const empty = emptyFigures(100);
  return {
    ...empty,
    requests: durations.length,
    inFlight: 3,
    streams: 1,
    clientConnections: 2,
    retries: new Map([["connect-failed", 1]]),
    latency: latency.figures(),
    responses: [
      { workerId: 0, status: 200, count: durations.length },
      { workerId: 1, status: 200, count: 1 },
      { workerId: null, status: 503, count: 1 },
    ],
    errors: new Map([[503, 1]]),
    queue: { ...empty.queue, depth: 2, rejected: 1, waits: latency.figures() },
    upstreams: new Map([[7, {
      inFlight: 3,
      streams: 1,
      requests: durations.length,
      failures: 1,
      serverErrors: 1,
      latencySumMs: 5,
    }]]),
  };
}

Deno.test("what a thread has counted that is gone goes on to be counted", () => {
  const past = ofThePast(counted([1, 2, 300]));
  const sum = addFigures(past, counted([4]));
  const { latency, queue } = sum;
  assert.equal(sum.requests, 4);
  assert.deepEqual([latency.count, latency.sumMs, latency.maxMs], [
    4,
    307,
    300,
  ]);
  assert.equal(LatencyHistogram.from(latency).countWithin(4), 3);
  assert.deepEqual([queue.rejected, queue.waits.count], [2, 4]);
  assert.deepEqual([...sum.retries], [["connect-failed", 2]]);
  assert.deepEqual([...sum.errors], [[503, 2]]);
  assert.deepEqual(sum.responses, [
    { workerId: 0, status: 200, count: 4 },
    { workerId: 1, status: 200, count: 2 },
    { workerId: null, status: 503, count: 2 },
  ]);
  assert.deepEqual(sum.upstreams.get(7), {
    inFlight: 3,
    streams: 1,
    requests: 4,
    failures: 2,
    serverErrors: 2,
    latencySumMs: 10,
  });
});

Deno.test("what a thread had under way that is gone is not under way any more", () => {
  const past = ofThePast(counted([1]));
  const { inFlight, streams, clientConnections, queue, upstreams } = past;
  assert.deepEqual([inFlight, streams, clientConnections, queue.depth], [
    0,
    0,
    0,
    0,
  ]);
  const upstream = upstreams.get(7)!;
  assert.deepEqual([upstream.inFlight, upstream.streams], [0, 0]);
  assert.equal(upstream.requests, 1);
});
