/** How the requests that are over are gathered. */

import assert from "node:assert/strict";
import type { AccessEvent } from "../../src/events/mod.ts";
import { eventOf, rowOf } from "../../src/events/access_row.ts";
import { AccessRows } from "../../src/plane/access_rows.ts";
import { ManualClock, ManualTimers } from "../support/core/manual_clock.ts";

const ACCESS: AccessEvent = {
  type: "access",
  at: 1,
  requestId: "r1",
  clientAddress: "10.0.0.1",
  method: "GET",
  target: "/a",
  status: 200,
  workerId: 2,
  bytesOut: 12,
  durationMs: 1.5,
  protocol: "HTTP/1.1",
  referer: "http://b/",
  userAgent: "curl",
  traceId: "t",
  attempts: 3,
  queueWaitMs: 0.25,
  upstreamMs: null,
};

/** Rows that are gathered, and how many were handed on at a time. */
function gathering(): {
  rows: AccessRows;
  handed: number[];
  clock: ManualClock;
  timers: ManualTimers;
} {
  const handed: number[] = [];
  const rows = new AccessRows((some) => handed.push(some.length));
  const clock = new ManualClock();
  const timers = new ManualTimers(clock);
  rows.gather(timers);
  return { rows, handed, clock, timers };
}

Deno.test("a row is its event", () => {
  assert.deepEqual(eventOf(structuredClone(rowOf(ACCESS))), ACCESS);
});

Deno.test("rows are handed on together, 20 ms after the first, and none twice", () => {
  const { rows, handed, clock, timers } = gathering();
  for (let i = 0; i < 3; i++) rows.add(ACCESS);
  clock.advance(19);
  timers.fire();
  assert.deepEqual(handed, []);
  clock.advance(1);
  timers.fire();
  assert.deepEqual(handed, [3]);
  assert.equal(timers.pending, 0);
});

Deno.test("many are handed on at once, and nothing is left to do", () => {
  const { rows, handed, timers } = gathering();
  for (let i = 0; i < 600; i++) rows.add(ACCESS);
  assert.deepEqual(handed, [256, 256]);
  rows.flush();
  assert.deepEqual(handed, [256, 256, 88]);
  assert.equal(timers.pending, 0);
});
