/**
 * The loop around the algorithm.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Autoscaler } from "../../src/autoscaler/autoscaler.ts";
import { withDeadline } from "../support/deadline.ts";

const OPTIONS = {
  minWorkers: 1,
  maxWorkers: 8,
  scaleUpRate: 100,
  scaleDownRate: 10,
  scaleIntervalMs: 5,
  scaleDownDelayMs: 30_000,
};

/** A clock and a counter that move by one interval at a thousand requests per second with each sample. */
function steadyTraffic(): {
  clock: () => number;
  sample: () => {
    requests: number;
    inFlight: number;
    queued: number;
    ready: number;
    desired: number;
  };
  samples: () => number;
} {
  let samples = 0;
  return {
    clock: () => samples * 5,
    samples: () => samples,
    sample: () => ({
      requests: 5 * samples++,
      inFlight: 0,
      queued: 0,
      ready: 1,
      desired: 1,
    }),
  };
}

Deno.test("decisions are passed on, and kept with what became of them", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const autoscaler = new Autoscaler(OPTIONS, {
    ...steadyTraffic(),
    scaleTo: (workers, reason) => {
      assert.deepEqual([workers, reason], [8, "rate"]);
      resolve();
      return 6;
    },
  });
  autoscaler.start();
  await withDeadline(promise, 5_000, () => "No decision was passed on");
  await autoscaler.stop();
  const [decision] = autoscaler.decisions;
  assert.deepEqual(
    [decision?.from, decision?.to, decision?.reason],
    [1, 6, "rate"],
  );
  assert.equal(decision?.inputs.rate, 1_000);
});

Deno.test("only the last decisions are kept", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let decisions = 0;
  const autoscaler = new Autoscaler({ ...OPTIONS, scaleIntervalMs: 5 }, {
    ...steadyTraffic(),
    scaleTo: () => {
      if (++decisions === 30) resolve();
      return decisions;
    },
  });
  autoscaler.start();
  await withDeadline(promise, 5_000, () => "There were no 30 decisions");
  await autoscaler.stop();
  assert.deepEqual(
    autoscaler.decisions.map((decision) => decision.to),
    Array.from({ length: 20 }, (_, i) => decisions - 19 + i),
  );
});

Deno.test("a pool whose bounds leave no choice is not even sampled", async () => {
  const traffic = steadyTraffic();
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
    { ...steadyTraffic(), scaleTo: () => 1 },
  );
  autoscaler.start();
  await withDeadline(autoscaler.stop(), 5_000, () => "It did not stop");
});
