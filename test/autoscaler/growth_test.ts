/**
 * When the pool grows, how far, and what keeps it from growing.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { ScalingSample } from "../../src/autoscaler/algorithm.ts";
import type { ScalingRecommendation } from "../../src/autoscaler/scaling_recommendation.ts";
import { Traffic } from "./traffic.ts";

Deno.test("a step from one to eight times the load is answered by one decision, within the short window", () => {
  // Wherever between two samples the step falls.
  for (let share = 0; share < 1; share += 0.05) {
    const traffic = new Traffic(1);
    traffic.seconds(60, 90);
    const stepAt = traffic.at + 1_000 * (1 - share);
    traffic.sample(90 * (1 - share) + 720 * share);
    traffic.seconds(60, 720);
    assert.deepEqual(
      traffic.decisions.map(({ from, to }) => ({ from, to })),
      [{ from: 1, to: 8 }],
      `step at ${share} of a sample`,
    );
    const decidedAt = traffic.decisions[0]!.mayShrinkAt - 30_000;
    assert.ok(decidedAt - stepAt <= 2_150, `after ${decidedAt - stepAt} ms`);
  }
});

Deno.test("one sample alone is no burst", () => {
  const traffic = new Traffic(2);
  traffic.seconds(10, 100);
  assert.equal(traffic.sample(150), null);
  assert.equal(traffic.sample(450), null);
  assert.deepEqual(traffic.seconds(10, 100), []);
});

Deno.test("a step that is no burst is answered by one decision too, as soon as both windows ask for more", () => {
  for (let share = 0.05; share < 1; share += 0.05) {
    const traffic = new Traffic(4);
    traffic.seconds(10, 390);
    traffic.sample(390 * (1 - share) + 780 * share);
    const [decision, ...more] = traffic.seconds(60, 780);
    assert.deepEqual(
      [decision?.to, decision?.mode, decision?.reason, decision?.limitedBy],
      [8, "stable", "rate", null],
      `step at ${share} of a sample`,
    );
    assert.equal(more.length, 0);
  }
});

Deno.test("load that comes in pulses is answered by what the long window has of it", () => {
  const traffic = new Traffic(2);
  for (let i = 0; i < 10; i++) {
    traffic.sample(900);
    traffic.sample(0);
  }
  // Two of five samples: with a pulse in the last, it waits for the next.
  assert.deepEqual(traffic.decisions.map(({ to }) => to), [4]);
});

Deno.test("a rise that only the last sample shows is held back until the next", () => {
  const traffic = new Traffic(4);
  traffic.seconds(10, 390);
  const held = traffic.sample(780);
  assert.deepEqual(
    [held?.from, held?.to, held?.limitedBy, held?.mayGrowAt],
    [4, 4, "next-sample", traffic.at + 1_000],
  );
});

Deno.test("the pool does not grow at exactly the rate", () => {
  assert.deepEqual(new Traffic(2).seconds(60, 200), []);
  assert.equal(new Traffic(2).seconds(6, 201)[0]?.to, 3);
});

Deno.test("before the long window is full it decides nothing", () => {
  const traffic = new Traffic(2);
  assert.deepEqual(traffic.seconds(4, 380), []);
  assert.equal(traffic.sample(380)?.to, 4);
});

Deno.test("between two changes that answer no burst lie SCALE_INTERVAL_MS, and what is held back says so", () => {
  const traffic = new Traffic(4);
  traffic.seconds(5, 450);
  assert.equal(traffic.desired, 5);
  const changedAt = traffic.at;
  traffic.sample(800);
  const held = traffic.sample(800);
  assert.deepEqual(
    [held?.from, held?.to, held?.needed, held?.limitedBy, held?.mayGrowAt],
    [5, 5, 8, "interval", changedAt + 5_000],
  );
  traffic.seconds(3, 800);
  assert.equal(traffic.decisions.at(-1)?.to, 8);
  assert.equal(traffic.at, changedAt + 5_000);
});

Deno.test("in a burst the pool goes on growing without waiting", () => {
  const traffic = new Traffic(1);
  traffic.seconds(2, 300);
  assert.equal(traffic.desired, 3);
  traffic.seconds(2, 500);
  assert.equal(traffic.desired, 5);
});

Deno.test("workers that are on their way are not asked for twice", () => {
  const traffic = new Traffic(1);
  traffic.seconds(2, 400);
  assert.equal(traffic.desired, 4);
  for (let i = 0; i < 10; i++) {
    assert.equal(traffic.sample(400, { ready: 1 }), null);
  }
});

Deno.test("MAX_WORKERS limits, by its name or by that of the CPUs it follows from", () => {
  for (const maxWorkersAuto of [false, true]) {
    const limit = maxWorkersAuto ? "cpus" : "max-workers";
    const traffic = new Traffic(2, { maxWorkers: 5, maxWorkersAuto });
    const [decision] = traffic.seconds(2, 900);
    assert.deepEqual(
      [decision?.to, decision?.needed, decision?.limitedBy],
      [5, 9, limit],
    );
    assert.equal(decision?.mayGrowAt, null);
    const held = traffic.sample(900);
    assert.deepEqual([held?.from, held?.to, held?.limitedBy], [5, 5, limit]);
  }
});

Deno.test("memory limits the growth, and takes no worker away", () => {
  const traffic = new Traffic(2);
  traffic.sample(900);
  const decision = traffic.sample(900, { memoryCeiling: 4 });
  assert.deepEqual(
    [decision?.to, decision?.needed, decision?.limitedBy],
    [4, 9, "memory"],
  );
  const held = traffic.sample(900, { memoryCeiling: 1 });
  assert.deepEqual([held?.to, held?.limitedBy], [4, "memory"]);
});

/** Six samples: those of a whole long window. */
function window(
  traffic: Traffic,
  over: Partial<ScalingSample>,
): (ScalingRecommendation | null)[] {
  return Array.from({ length: 6 }, () => traffic.sample(50, over));
}

Deno.test("a queue that stays before busy workers is a reason to grow, by as much as would empty it", () => {
  const verdicts = window(new Traffic(4), { inFlight: 8, queued: 3, full: 4 });
  assert.deepEqual(
    verdicts.map((recommendation) => recommendation?.to ?? null),
    [null, null, null, null, null, 6],
  );
  assert.equal(verdicts.at(-1)?.reason, "queue");
});

Deno.test("workers that stay at their cap are a reason to grow, by one", () => {
  const decision = window(new Traffic(4), { inFlight: 4, full: 4 }).at(-1);
  assert.deepEqual([decision?.to, decision?.reason], [5, "queue"]);
});

Deno.test("a queue doubles the pool at most, and not again before it has stayed for SCALE_INTERVAL_MS", () => {
  const traffic = new Traffic(4);
  window(traffic, { inFlight: 4, queued: 500, full: 4 });
  assert.equal(traffic.desired, 8);
  const still = { inFlight: 8, queued: 400, full: 8 };
  for (let i = 0; i < 4; i++) {
    assert.equal(traffic.sample(50, still)?.limitedBy, "interval");
  }
  assert.equal(traffic.sample(50, still)?.to, 16);
});

Deno.test("a queue is no reason while workers are idle, missing or starting, or when it comes and goes", () => {
  const cases = [
    { inFlight: 3, queued: 9 },
    { inFlight: 9, queued: 9, ready: 3 },
    { inFlight: 0, queued: 9, ready: 0 },
  ];
  for (const over of cases) {
    for (const recommendation of window(new Traffic(4), over)) {
      assert.equal(recommendation?.reason, undefined);
    }
  }
  const traffic = new Traffic(4);
  for (let i = 0; i < 30; i++) {
    const queued = i % 6 === 0 ? 0 : 9;
    const recommendation = traffic.sample(50, { inFlight: 4, queued });
    assert.equal(recommendation, null);
  }
});

Deno.test("a decision carries the figures it rests on", () => {
  const traffic = new Traffic(1);
  traffic.seconds(5, 90);
  traffic.sample(720, { inFlight: 7 });
  assert.deepEqual(traffic.sample(720, { inFlight: 9 })?.inputs, {
    rate: 720,
    ratePerWorker: 720,
    shortRate: 720,
    longRate: (3 * 90 + 2 * 720) / 5,
    ready: 1,
    inFlight: 9,
    queued: 0,
    full: 0,
  });
});
