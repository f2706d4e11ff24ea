/**
 * What holds for any traffic.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  decideScale,
  INITIAL_SCALING,
  type ScalingSample,
  type ScalingState,
} from "../../src/autoscaler/algorithm.ts";
import { isDecision } from "../../src/autoscaler/scaling_recommendation.ts";
import { Random } from "../fuzz/random.ts";
import { OPTIONS, Traffic } from "./traffic.ts";

const SEEDS = 200;
const SAMPLES = 300;

/** A rate that wanders, jumps and rests, in requests per second. */
function nextRate(random: Random, rate: number): number {
  switch (random.below(12)) {
    case 0:
      return random.below(3_000);
    case 1:
      return 0;
    default:
      return rate * (0.9 + random.below(200) / 1_000);
  }
}

/** Samples with queues, missing workers, jumps of the clock and commands. */
function* samples(random: Random): Generator<Omit<ScalingSample, "desired">> {
  let [at, requests, rate] = [0, 0, 100];
  for (let i = 0; i < SAMPLES; i++) {
    rate = nextRate(random, rate);
    const elapsedMs = random.below(50) === 0
      ? random.below(1_000_000)
      : 900 + random.below(200);
    at += elapsedMs;
    requests += rate * elapsedMs / 1_000;
    const ready = random.below(20);
    const inFlight = random.below(40);
    yield {
      at,
      requests,
      inFlight,
      queued: random.below(4) === 0 ? random.below(100) : 0,
      ready,
      full: random.below(ready + 1),
      memoryCeiling: random.below(3) === 0 ? random.below(30) : null,
    };
  }
}

Deno.test("whatever comes, the number stays within the bounds, memory's included, and shrinks by half at most, and never in panic", () => {
  const options = { ...OPTIONS, minWorkers: 2, scaleDownDelayMs: 3_000 };
  let decisions = 0;
  for (let seed = 0; seed < SEEDS; seed++) {
    const random = new Random(seed, 0);
    let state: ScalingState = INITIAL_SCALING;
    let desired = 4;
    for (const figures of samples(random)) {
      if (random.below(40) === 0) desired = 2 + random.below(15);
      const step = decideScale(state, { ...figures, desired }, options);
      state = step.state;
      const { recommendation } = step;
      if (recommendation === null) continue;
      const { to, from, mode, needed, limitedBy } = recommendation;
      assert.equal(from, desired);
      assert.ok(to >= 2 && to <= 16, `seed ${seed}: ${to} workers`);
      assert.ok(to >= Math.ceil(from / 2), `seed ${seed}: ${from} to ${to}`);
      if (to > from) assert.ok(to <= (figures.memoryCeiling ?? Infinity));
      if (mode === "panic") assert.ok(to >= from, `seed ${seed}`);
      assert.equal(limitedBy === null, to === needed, `seed ${seed}`);
      assert.ok(recommendation.mayShrinkAt >= figures.at);
      assert.ok((recommendation.mayGrowAt ?? Infinity) >= figures.at);
      for (const value of Object.values(recommendation.inputs)) {
        assert.ok(Number.isFinite(value) && value >= 0);
      }
      if (isDecision(recommendation)) decisions++;
      desired = to;
    }
  }
  assert.ok(decisions > SEEDS, `${decisions} decisions show little`);
});

Deno.test("a higher steady rate never leads to fewer workers, at no time", () => {
  for (let seed = 0; seed < SEEDS; seed++) {
    const random = new Random(seed, 1);
    const workers = 1 + random.below(16);
    const rate = random.below(2_000);
    const lower = new Traffic(workers);
    const higher = new Traffic(workers);
    for (let second = 0; second < 200; second++) {
      lower.sample(rate);
      higher.sample(rate + random.below(500));
      assert.ok(higher.desired >= lower.desired, `seed ${seed}`);
    }
  }
});

Deno.test("from any number of workers, a steady load is settled upon without turning back", () => {
  for (let seed = 0; seed < SEEDS; seed++) {
    const random = new Random(seed, 2);
    const scaleDownRate = 1 + random.below(99);
    const rate = random.below(2_000);
    const traffic = new Traffic(1 + random.below(16), { scaleDownRate });
    traffic.seconds(400, rate);
    const directions = new Set(
      traffic.decisions.map(({ from, to }) => Math.sign(to - from)),
    );
    assert.ok(directions.size <= 1, `seed ${seed}: up and down at ${rate}/s`);
    assert.deepEqual(traffic.seconds(200, rate), [], `seed ${seed}: unsettled`);
  }
});

Deno.test("random arrivals at a steady rate make it settle too", () => {
  for (let seed = 0; seed < 20; seed++) {
    const random = new Random(seed, 3);
    const traffic = new Traffic(4);
    for (let second = 0; second < 600; second++) {
      // Within three standard deviations of a Poisson process of 350/s.
      traffic.sample(350 + (random.below(113) - 56));
    }
    assert.deepEqual(traffic.decisions, [], `seed ${seed}`);
  }
});
