/** Timers, by when they are due. */

import assert from "node:assert/strict";
import { TimerQueue } from "../../../src/transport/epoll/timer_queue.ts";
import { Random } from "../../fuzz/random.ts";

const SEED = 2026;

/** Calls back all that is due. */
function fire(queue: TimerQueue, now: number): void {
  for (const callback of queue.due(now)) callback();
}

Deno.test("timers go off by when they are due, and in the order they were set", () => {
  const queue = new TimerQueue();
  const fired: string[] = [];
  for (const [dueAt, name] of [[30, "c"], [10, "a"], [30, "d"], [20, "b"]]) {
    queue.add(Number(dueAt), () => fired.push(String(name)));
  }
  assert.equal(queue.nextAt, 10);
  fire(queue, 29);
  assert.deepEqual(fired, ["a", "b"]);
  fire(queue, 30);
  assert.deepEqual(fired, ["a", "b", "c", "d"]);
  assert.equal(queue.nextAt, Infinity);
});

Deno.test("a timer that was cancelled does not go off, also when the one before it cancels it", () => {
  const queue = new TimerQueue();
  const fired: string[] = [];
  const first = queue.add(10, () => fired.push("first"));
  queue.add(20, () => {
    fired.push("second");
    third.cancel();
    first.cancel();
  });
  const third = queue.add(20, () => fired.push("third"));
  first.cancel();
  first.cancel();
  assert.equal(queue.nextAt, 20);
  fire(queue, 100);
  assert.deepEqual(fired, ["second"]);
});

Deno.test("a timer that is set by another goes off the next time at the earliest", () => {
  const queue = new TimerQueue();
  let count = 0;
  const again = (): void => {
    count++;
    queue.add(10, again);
  };
  again();
  fire(queue, 10);
  assert.equal(count, 2);
  fire(queue, 10);
  assert.equal(count, 3);
});

Deno.test("thousands of timers, set and cancelled at random, go off as a sorted list has them", () => {
  const random = new Random(SEED, 0);
  const queue = new TimerQueue();
  let expected: { dueAt: number; order: number }[] = [];
  const fired: number[] = [];
  let now = 0;
  for (let order = 0; order < 20_000; order++) {
    const dueAt = now + random.below(1000);
    const entry = { dueAt, order };
    const timer = queue.add(dueAt, () => fired.push(order));
    if (random.below(3) > 0) timer.cancel();
    else expected.push(entry);
    if (random.below(20) > 0) continue;
    now += random.below(100);
    const due = expected.filter((entry) => entry.dueAt <= now)
      .sort((a, b) => a.dueAt - b.dueAt || a.order - b.order);
    expected = expected.filter((entry) => entry.dueAt > now);
    fired.length = 0;
    fire(queue, now);
    assert.deepEqual(fired, due.map(({ order }) => order));
  }
});
