/**
 * The loop around the algorithm, and the memory of what it did.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { ScalingSample } from "../../src/autoscaler/algorithm.ts";
import {
  Autoscaler,
  type DeferredRecommendation,
} from "../../src/autoscaler/autoscaler.ts";
import { ScalingHistory } from "../../src/autoscaler/scaling_history.ts";
import { EventEmitter, type ScalingGrounds } from "../../src/events/mod.ts";
import { DEFAULT_DEADLINE_MS, withDeadline } from "../support/deadline.ts";
import { OPTIONS as DEFAULTS } from "./traffic.ts";

const OPTIONS = { ...DEFAULTS, scaleIntervalMs: 10, maxWorkers: 8 };

/** A clock and a counter that move by one period of 2 ms at a thousand requests per second with each sample. */
function steadyTraffic(desired: () => number): {
  clock: () => number;
  sample: () => Omit<ScalingSample, "at">;
  samples: () => number;
} {
  let samples = 0;
  return {
    clock: () => samples * 2,
    samples: () => samples,
    sample: () => ({
      requests: 2 * samples++,
      inFlight: 0,
      queued: 0,
      ready: desired(),
      full: 0,
      desired: desired(),
      memoryCeiling: null,
    }),
  };
}

Deno.test("a decision is passed on with its grounds, its times on the wall clock", async () => {
  const { promise, resolve } = Promise.withResolvers<
    [number, ScalingGrounds]
  >();
  let desired = 1;
  const autoscaler = new Autoscaler(OPTIONS, {
    ...steadyTraffic(() => desired),
    scaleTo: (workers, grounds) => {
      desired = workers;
      resolve([workers, grounds]);
    },
  });
  const startedAt = Date.now();
  autoscaler.start();
  const [workers, grounds] = await withDeadline(
    promise,
    DEFAULT_DEADLINE_MS,
    () => "No decision was passed on",
  );
  await autoscaler.stop();
  assert.equal(workers, 8);
  const { mayShrinkAt, inputs, ...rest } = grounds;
  assert.deepEqual(rest, {
    needed: 10,
    reason: "rate",
    limitedBy: "max-workers",
    mode: "panic",
    mayGrowAt: null,
  });
  assert.equal(inputs.rate, 1_000);
  assert.ok(mayShrinkAt! >= startedAt + OPTIONS.scaleDownDelayMs);
  assert.ok(mayShrinkAt! <= Date.now() + OPTIONS.scaleDownDelayMs);
});

Deno.test("a recommendation that is deferred is told once, and shown while it is held", async () => {
  const told: DeferredRecommendation[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const traffic = steadyTraffic(() => 8);
  const autoscaler = new Autoscaler(OPTIONS, {
    ...traffic,
    sample: () => {
      if (traffic.samples() === 20) resolve();
      return traffic.sample();
    },
    scaleTo: () => assert.fail("scaled"),
    held: (wish) => told.push(wish),
  });
  autoscaler.start();
  await withDeadline(
    promise,
    DEFAULT_DEADLINE_MS,
    () => "There were no 20 samples",
  );
  await autoscaler.stop();
  assert.deepEqual(
    told.map(({ workers, needed, reason, limitedBy }) => [
      workers,
      needed,
      reason,
      limitedBy,
    ]),
    [[8, 10, "rate", "max-workers"]],
  );
  assert.equal(autoscaler.held?.at, told[0]?.at);
});

Deno.test("a pool whose bounds leave no choice is not even sampled", async () => {
  const traffic = steadyTraffic(() => 8);
  const autoscaler = new Autoscaler({ ...OPTIONS, minWorkers: 8 }, {
    ...traffic,
    scaleTo: () => assert.fail("scaled"),
  });
  autoscaler.start();
  await autoscaler.stop();
  assert.equal(traffic.samples(), 0);
});

Deno.test("stopping ends a loop that sleeps", async () => {
  const autoscaler = new Autoscaler(
    { ...OPTIONS, scaleIntervalMs: 3_600_000 },
    { ...steadyTraffic(() => 1), scaleTo: () => {} },
  );
  autoscaler.start();
  await withDeadline(
    autoscaler.stop(),
    DEFAULT_DEADLINE_MS,
    () => "It did not stop",
  );
});

Deno.test("the last twenty changes are remembered, whoever asked for them", () => {
  const events = new EventEmitter();
  const history = new ScalingHistory(events);
  for (let to = 1; to <= 30; to++) {
    events.emit({
      type: "pool-scaled",
      at: to,
      from: to - 1,
      to,
      needed: to,
      reason: to % 2 === 0 ? "command" : "rate",
      limitedBy: null,
      mode: null,
      inputs: {},
      mayGrowAt: null,
      mayShrinkAt: null,
    });
    events.emit({ type: "notice", level: "info", message: "Not a change." });
  }
  assert.deepEqual(
    history.changes.map(({ to }) => to),
    Array.from({ length: 20 }, (_, i) => 11 + i),
  );
  assert.equal(history.changes.at(-1)?.reason, "command");
});
