/** How late regular ticks were. */

import assert from "node:assert/strict";
import { EventLoopLag } from "../../src/shared/event_loop_lag.ts";

/** Of ticks that are expected every 100 ms from 0 on. */
function lagAfter(...ticks: readonly number[]): number {
  const lag = new EventLoopLag(100, 0);
  for (const now of ticks) lag.tick(now);
  return lag.worstMs;
}

Deno.test("ticks in time are not late", () => {
  assert.equal(lagAfter(), 0);
  assert.equal(lagAfter(100), 0);
  assert.equal(lagAfter(100, 200, 300), 0);
});

Deno.test("the first tick can be late, too", () => {
  assert.equal(lagAfter(150), 50);
});

Deno.test("a tick ahead of time is not late", () => {
  assert.equal(lagAfter(90, 180, 280), 0);
});

Deno.test("the worst is told, not the last", () => {
  assert.equal(lagAfter(100, 350, 450), 150);
});

Deno.test("it is told for ten seconds at least, and for twenty at most", () => {
  const until = (end: number): number[] =>
    Array.from({ length: end / 100 }, (_, index) => 1_000 + index * 100);
  assert.equal(lagAfter(100, 900, ...until(9_000)), 700);
  assert.equal(lagAfter(100, 900, ...until(20_000)), 0);
});
