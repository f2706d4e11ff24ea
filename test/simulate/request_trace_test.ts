/**
 * Requests one by one, as a simulation of dispatch is fed them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parseRequests } from "../../src/simulate/request_trace.ts";
import { TraceError } from "../../src/simulate/trace.ts";

Deno.test("requests are read from CSV, in the order of time and from 0 on", () => {
  assert.deepEqual(parseRequests("x", "at;cpu\n10.5;3;50\n10;40\n", 0), [
    { atMs: 0, cpuMs: 40, waitMs: 0, uploadMs: 0 },
    { atMs: 500, cpuMs: 3, waitMs: 50, uploadMs: 0 },
  ]);
});

Deno.test("of an access log a request began before its line was written, and waits for the share that is given", () => {
  const line = (timestamp: string): string =>
    JSON.stringify({ event: "access", timestamp, durationMs: 40 });
  const log = [
    line("2026-01-01T00:00:00.100Z"),
    JSON.stringify({ event: "worker-ready" }),
    line("2026-01-01T00:00:00.300Z"),
  ];
  assert.deepEqual(parseRequests("x", log.join("\n"), 0.75), [
    { atMs: 0, cpuMs: 10, waitMs: 30, uploadMs: 0 },
    { atMs: 200, cpuMs: 10, waitMs: 30, uploadMs: 0 },
  ]);
});

Deno.test("what cannot be read is named with its line", () => {
  for (const text of ["", "a,b\n", "{}\n", "1,-1\n2,1\n", "a,b\nc,d\n1,1\n"]) {
    assert.throws(() => parseRequests("x", text, 0), TraceError);
  }
  assert.throws(() => parseRequests("x", "0,1\n\n1,-1\n", 0), /line 3: /);
});
