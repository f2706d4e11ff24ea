/**
 * What becomes of a load under a rule.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type RuleDecision, RULES } from "../../src/simulate/rules.ts";
import { shapeTrace } from "../../src/simulate/shapes.ts";
import {
  simulate,
  type Simulation,
  type SimulationOptions,
} from "../../src/simulate/simulate.ts";
import { traceOf } from "../../src/simulate/trace.ts";
import { WorkerModel } from "../../src/simulate/worker_model.ts";

const OPTIONS: SimulationOptions = {
  minWorkers: 1,
  maxWorkers: 16,
  maxWorkersAuto: false,
  scaleUpRate: 100,
  scaleDownRate: 10,
  scaleIntervalMs: 5_000,
  scaleDownDelayMs: 30_000,
  poolSize: 1,
  workerConcurrency: 0,
  capacity: 125,
  startupMs: 500,
};

function run(
  load: string,
  rule: string,
  over: Partial<SimulationOptions> = {},
): Simulation {
  const options = { ...OPTIONS, ...over };
  return simulate(shapeTrace(load)!, RULES[rule]!.create(options), options);
}

Deno.test("workers serve what they can, first come first served, and the rest waits", () => {
  const model = new WorkerModel(1, 100, { capacity: 100, startupMs: 250 });
  // 20 requests come in a tick, 10 are served.
  model.advance(200);
  assert.deepEqual([model.backlog, model.utilisation], [10, 1]);
  // Two more workers, ready in the fourth tick from now.
  model.scaleTo(3);
  model.advance(0);
  assert.deepEqual([model.ready, model.backlog], [1, 0]);
  model.advance(50);
  assert.deepEqual([model.backlog, model.utilisation], [0, 0.5]);
  model.advance(200);
  assert.equal(model.ready, 3);
  model.advance(300);
  assert.equal(model.backlog, 10);
  model.advance(300);
  const totals = model.totals();
  assert.deepEqual(
    [totals.requests, totals.waited, totals.longestWaitMs, totals.p99WaitMs],
    [105, 40, 100, 100],
  );
  assert.equal(Math.round(totals.workerSeconds * 10), 1 + 5 * 3);
  assert.equal(Math.round(totals.shortOfCapacityS * 10), 2);
});

Deno.test("those that still wait at the end count, with their wait so far", () => {
  const model = new WorkerModel(1, 100, { capacity: 10, startupMs: 0 });
  for (let i = 0; i < 10; i++) model.advance(100);
  const { requests, waited, longestWaitMs } = model.totals();
  assert.deepEqual([Math.round(requests), Math.round(waited)], [100, 99]);
  assert.equal(longestWaitMs, 900);
});

Deno.test("workers that are not ready yet are the first to go", () => {
  const model = new WorkerModel(2, 100, { capacity: 10, startupMs: 1_000 });
  model.scaleTo(4);
  model.scaleTo(2);
  assert.equal(model.ready, 2);
  model.scaleTo(1);
  assert.equal(model.ready, 1);
});

Deno.test("a step from one to eight times the load: one decision of ours, seven one at a time, and Watt's take two minutes", () => {
  const figures = Object.keys(RULES).map((rule) => {
    const { decisions, shortOfCapacityS, waited } = run("step", rule);
    return {
      rule,
      changes: decisions.length,
      eightAtS: decisions.find(({ to }) => to === 8)!.atS,
      shortOfCapacityS,
      // To tens: what is left is rounding.
      waited: Math.round(waited / 10) * 10,
    };
  });
  assert.deepEqual(figures, [
    {
      rule: "prefork-pool",
      changes: 1,
      eightAtS: 32,
      shortOfCapacityS: 2.5,
      waited: 5_480,
    },
    {
      rule: "one-at-a-time",
      changes: 7,
      eightAtS: 65,
      shortOfCapacityS: 25.5,
      waited: 45_990,
    },
    {
      rule: "watt",
      changes: 9,
      eightAtS: 153,
      shortOfCapacityS: 83.5,
      waited: 127_520,
    },
  ]);
});

Deno.test("the same load gives the same result, to the last figure", () => {
  assert.deepEqual(
    run("flash-crowd", "prefork-pool"),
    run("flash-crowd", "prefork-pool"),
  );
});

Deno.test("no shape makes the pool flap, and more workers cost more", () => {
  for (const load of ["step", "spike", "sawtooth", "flash-crowd", "daily"]) {
    const ours = run(load, "prefork-pool");
    assert.equal(ours.flaps, 0, load);
    assert.ok(ours.mostWorkers <= OPTIONS.maxWorkers);
    const fixed = run(load, "prefork-pool", { minWorkers: 16, poolSize: 16 });
    assert.ok(fixed.workerSeconds > ours.workerSeconds, load);
  }
});

Deno.test("with a cap the queue is seen, and the pool grows by it", () => {
  // Slower than SCALE_UP_RATE would have it: the rate alone never asks for more.
  const load = "step:10..60@10s/60s";
  const slow = { capacity: 25 };
  const blind = run(load, "prefork-pool", slow);
  assert.deepEqual(blind.decisions, []);
  const seeing = run(load, "prefork-pool", { ...slow, workerConcurrency: 1 });
  assert.match(seeing.decisions[0]!.reason, /^queue/);
  assert.ok(seeing.waited < blind.waited);
});

Deno.test("Watt's rule removes a worker after a minute of idleness, at its next look", () => {
  const points = [{ atS: 0, rate: 0 }, { atS: 200, rate: 0 }];
  const options = { ...OPTIONS, poolSize: 4 };
  const { decisions } = simulate(
    traceOf("idle", points),
    RULES["watt"]!.create(options),
    options,
  );
  assert.deepEqual(
    decisions.map(({ atS, to }) => [atS, to]),
    [[60, 3], [120, 2], [180, 1]],
  );
});

Deno.test("a change that is taken back within a minute is a flap, a later one is not", () => {
  const changes = new Map([[10, 4], [60, 2], [130, 4], [140, 5], [250, 1]]);
  const fickle = {
    periodMs: 1_000,
    look: ({ at }: { readonly at: number }): RuleDecision | null => {
      const to = changes.get(at / 1_000);
      return to === undefined ? null : { to, reason: "mood" };
    },
  };
  const points = [{ atS: 0, rate: 1 }, { atS: 150, rate: 1 }];
  const { flaps, decisions } = simulate(
    traceOf("steady", points),
    fickle,
    OPTIONS,
  );
  assert.deepEqual([flaps, decisions.length], [1, 5]);
});
