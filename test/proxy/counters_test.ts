/** What is counted of requests. */

import assert from "node:assert/strict";
import { Counters } from "../../src/proxy/core/counters.ts";

Deno.test("responses are counted by worker and status, those of no worker apart", () => {
  const counters = new Counters();
  counters.record(200, 1, 2);
  counters.record(200, 1, 2);
  counters.record(502, 1, 2);
  counters.record(200, 1, 0);
  counters.record(503, 1, null);
  counters.record(0, 1, 0);
  assert.deepEqual([...counters.responses()], [
    { workerId: null, status: 503, count: 1 },
    { workerId: 0, status: 0, count: 1 },
    { workerId: 0, status: 200, count: 1 },
    { workerId: 2, status: 200, count: 2 },
    { workerId: 2, status: 502, count: 1 },
  ]);
  assert.equal(counters.requests, 6);
  assert.equal(counters.latency.count, 6);
});

Deno.test("responses of our own are counted by status", () => {
  const counters = new Counters();
  counters.recordError(502);
  assert.equal(counters.errorsByStatus().get(502), 1);
  assert.equal(counters.errorsByStatus().get(503), undefined);
  // Whoever records an error records the request as well.
  assert.equal(counters.requests, 0);
});
