/**
 * When the pool shrinks, how far, and what makes the wait begin anew.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Traffic } from "./traffic.ts";

/** The sizes after each second. */
function sizes(traffic: Traffic, seconds: number, rate: number): number[] {
  return Array.from({ length: seconds }, () => {
    traffic.sample(rate);
    return traffic.desired;
  });
}

Deno.test("the pool shrinks only after the rate was low for the whole delay, by half at most", () => {
  const expected = [
    ...Array(29).fill(16),
    ...Array(30).fill(8),
    ...Array(30).fill(4),
    ...Array(30).fill(2),
    ...Array(31).fill(1),
  ];
  const traffic = new Traffic(16);
  assert.deepEqual(sizes(traffic, 150, 0), expected);
  assert.deepEqual(
    traffic.decisions.map(({ reason, limitedBy }) => `${reason} ${limitedBy}`),
    ["idle half", "idle half", "idle half", "idle half"],
  );
});

Deno.test("the pool shrinks to what the rate needs, and stays there", () => {
  const traffic = new Traffic(8);
  const [decision, ...more] = traffic.seconds(300, 65);
  assert.deepEqual(
    [decision?.to, decision?.limitedBy, more.length],
    [7, null, 0],
  );
});

Deno.test("the highest rate of the delay counts, not the last", () => {
  const traffic = new Traffic(8);
  traffic.seconds(15, 65);
  const [decision] = traffic.seconds(20, 0);
  assert.equal(decision?.to, 7);
});

Deno.test("a peak counts for as long as the delay, and not for ever", () => {
  const traffic = new Traffic(8);
  traffic.seconds(100, 79);
  assert.deepEqual(traffic.seconds(29, 15), []);
  traffic.seconds(120, 15);
  assert.equal(traffic.desired, 2);
});

Deno.test("the end of the busy time is no peak: the first step takes half", () => {
  for (let share = 0; share < 1; share += 0.1) {
    const traffic = new Traffic(8);
    traffic.seconds(60, 750);
    traffic.sample(750 * share);
    const [decision] = traffic.seconds(35, 0);
    assert.deepEqual([decision?.from, decision?.to], [8, 4], `${share}`);
  }
});

Deno.test("while the delay lasts, the recommendation and its time are told", () => {
  const traffic = new Traffic(8);
  assert.equal(traffic.seconds(4, 0).length, 0);
  const held = traffic.sample(0);
  assert.deepEqual(
    [held?.from, held?.to, held?.needed, held?.limitedBy, held?.mayShrinkAt],
    [8, 8, 0, "down-delay", 30_000],
  );
});

Deno.test("a busy long window starts the delay anew", () => {
  const traffic = new Traffic(8);
  traffic.seconds(25, 0);
  traffic.sample(600);
  assert.deepEqual(traffic.seconds(29, 0), []);
  assert.equal(traffic.seconds(1, 0)[0]?.to, 4);
});

Deno.test("requests that wait keep the pool from shrinking", () => {
  const traffic = new Traffic(8);
  for (let i = 0; i < 100; i++) traffic.sample(0, { queued: 1 });
  assert.equal(traffic.desired, 8);
});

Deno.test("the pool never shrinks below MIN_WORKERS, which is named", () => {
  const traffic = new Traffic(4, { minWorkers: 3 });
  const [decision, ...more] = traffic.seconds(200, 0);
  assert.deepEqual(
    [decision?.to, decision?.limitedBy, more.length],
    [3, "min-workers", 0],
  );
  assert.equal(traffic.sample(0), null);
});

Deno.test("nothing shrinks in panic, however short the delay", () => {
  const traffic = new Traffic(1, { scaleDownDelayMs: 0, scaleDownRate: 90 });
  traffic.seconds(2, 800);
  assert.equal(traffic.desired, 8);
  const burstAt = traffic.at;
  assert.equal(traffic.decisions[0]?.mayShrinkAt, burstAt + 5_000);
  const held = [1, 2, 3, 4].map(() => traffic.sample(0));
  assert.equal(held.at(-1)?.limitedBy, "panic");
  assert.equal(traffic.desired, 8);
  traffic.sample(0);
  assert.equal(traffic.desired, 4);
});

Deno.test("a window that was slept through decides nothing and starts the delay anew", () => {
  const traffic = new Traffic(8);
  traffic.seconds(29, 0);
  assert.equal(traffic.sample(0, {}, 3_600_000), null);
  assert.deepEqual(traffic.seconds(29, 0), []);
  assert.equal(traffic.seconds(1, 0)[0]?.to, 4);
});

Deno.test("a clock that stands still or counters that run backwards decide nothing", () => {
  const traffic = new Traffic(2);
  traffic.seconds(10, 100);
  assert.equal(traffic.sample(1_000_000, {}, 0), null);
  assert.equal(traffic.sample(1_000, { requests: -1 }), null);
});

Deno.test("a command counts as a decision: the delay starts anew", () => {
  const traffic = new Traffic(8);
  traffic.seconds(29, 0);
  traffic.desired = 12;
  assert.equal(traffic.sample(0), null);
  const commandedAt = traffic.at;
  assert.deepEqual(traffic.seconds(29, 0), []);
  const decision = traffic.sample(0);
  assert.deepEqual([decision?.from, decision?.to], [12, 6]);
  assert.equal(traffic.at, commandedAt + 30_000);
});

Deno.test("a command counts as a decision: the long window starts anew, but a burst is answered", () => {
  const traffic = new Traffic(8);
  traffic.seconds(60, 700);
  traffic.desired = 5;
  traffic.sample(700);
  assert.deepEqual(traffic.seconds(4, 700), []);
  assert.equal(traffic.sample(700)?.to, 7);
  traffic.desired = 2;
  traffic.sample(700);
  assert.equal(traffic.sample(700), null);
  const decision = traffic.sample(700);
  assert.deepEqual([decision?.to, decision?.mode], [7, "panic"]);
});
