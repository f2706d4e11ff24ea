/**
 * How many workers the traffic needs.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  decideScale,
  INITIAL_SCALING,
  type ScalingDecision,
  type ScalingOptions,
  type ScalingSample,
} from "../../src/autoscaler/algorithm.ts";

const OPTIONS: ScalingOptions = {
  minWorkers: 2,
  maxWorkers: 16,
  scaleUpRate: 100,
  scaleDownRate: 10,
  scaleIntervalMs: 5_000,
  scaleDownDelayMs: 30_000,
};

/** Traffic that is fed to the algorithm, interval by interval. */
class Traffic {
  readonly #options: ScalingOptions;
  #state = INITIAL_SCALING;
  #at = 0;
  #requests = 0;
  desired: number;

  constructor(desired: number, options: Partial<ScalingOptions> = {}) {
    this.desired = desired;
    this.#options = { ...OPTIONS, ...options };
    this.#feed({}, 0, 0);
  }

  /** One interval at `rate` requests per second; a decision is carried out at once. */
  interval(
    rate: number,
    over: Partial<ScalingSample> = {},
    ms = this.#options.scaleIntervalMs,
  ): ScalingDecision | null {
    return this.#feed(over, ms, rate * ms / 1_000);
  }

  #feed(
    over: Partial<ScalingSample>,
    ms: number,
    requests: number,
  ): ScalingDecision | null {
    this.#at += ms;
    this.#requests += requests;
    const { desired } = this;
    const step = decideScale(this.#state, {
      at: this.#at,
      requests: this.#requests,
      inFlight: 0,
      queued: 0,
      ready: desired,
      desired,
      ...over,
    }, this.#options);
    this.#state = step.state;
    this.desired = step.decision?.to ?? desired;
    return step.decision;
  }
}

Deno.test("the pool grows at once to the number the rate needs", () => {
  const decision = new Traffic(2).interval(850);
  assert.deepEqual([decision?.to, decision?.reason], [9, "rate"]);
  assert.deepEqual(
    [decision?.inputs.rate, decision?.inputs.ratePerWorker],
    [850, 425],
  );
});

Deno.test("the pool does not grow at exactly the rate, nor beyond the most", () => {
  assert.equal(new Traffic(2).interval(200), null);
  assert.equal(new Traffic(2).interval(201)?.to, 3);
  assert.equal(new Traffic(2).interval(100_000)?.to, 16);
  assert.equal(new Traffic(16).interval(100_000), null);
});

Deno.test("workers that are on their way are not asked for twice", () => {
  const traffic = new Traffic(2);
  assert.equal(traffic.interval(400)?.to, 4);
  assert.equal(traffic.interval(400, { ready: 2 }), null);
  assert.equal(traffic.interval(600, { ready: 2 })?.to, 6);
});

Deno.test("a queue before busy workers is a reason to grow, by as much as would empty it", () => {
  const traffic = new Traffic(4);
  const decision = traffic.interval(50, { inFlight: 8, queued: 3 });
  assert.deepEqual([decision?.to, decision?.reason], [6, "queue"]);
});

Deno.test("a queue doubles the pool at most", () => {
  const decision = new Traffic(4).interval(50, { inFlight: 4, queued: 500 });
  assert.equal(decision?.to, 8);
});

Deno.test("a queue is no reason while workers are idle, missing or starting", () => {
  const traffic = new Traffic(4);
  assert.equal(traffic.interval(50, { inFlight: 3, queued: 9 }), null);
  assert.equal(
    traffic.interval(50, { inFlight: 9, queued: 9, ready: 3 }),
    null,
  );
  assert.equal(
    traffic.interval(50, { inFlight: 0, queued: 9, ready: 0 }),
    null,
  );
});

Deno.test("the pool shrinks only after the rate was low for the whole delay, by half at most", () => {
  const traffic = new Traffic(16);
  const sizes = Array.from({ length: 20 }, () => {
    traffic.interval(0);
    return traffic.desired;
  });
  assert.deepEqual(sizes, [
    ...Array(5).fill(16),
    ...Array(6).fill(8),
    ...Array(6).fill(4),
    ...Array(3).fill(2),
  ]);
});

Deno.test("the pool shrinks to what the rate needs", () => {
  const traffic = new Traffic(8);
  for (let i = 0; i < 6; i++) traffic.interval(65);
  assert.equal(traffic.desired, 7);
  for (let i = 0; i < 20; i++) traffic.interval(65);
  assert.equal(traffic.desired, 7);
});

Deno.test("one busy interval starts the delay anew", () => {
  const traffic = new Traffic(8);
  for (let i = 0; i < 5; i++) traffic.interval(0);
  traffic.interval(400);
  for (let i = 0; i < 5; i++) traffic.interval(0);
  assert.equal(traffic.desired, 8);
  traffic.interval(0);
  assert.equal(traffic.desired, 4);
});

Deno.test("requests that wait keep the pool from shrinking", () => {
  const traffic = new Traffic(8);
  for (let i = 0; i < 20; i++) traffic.interval(0, { queued: 1 });
  assert.equal(traffic.desired, 8);
});

Deno.test("the pool never shrinks below the fewest", () => {
  const traffic = new Traffic(3);
  for (let i = 0; i < 50; i++) traffic.interval(0);
  assert.equal(traffic.desired, 2);
});

Deno.test("a window that was slept through decides nothing and starts the delay anew", () => {
  const traffic = new Traffic(8);
  for (let i = 0; i < 5; i++) traffic.interval(0);
  assert.equal(traffic.interval(0, {}, 3_600_000), null);
  for (let i = 0; i < 5; i++) assert.equal(traffic.interval(0), null);
  assert.equal(traffic.interval(0)?.to, 4);
});

Deno.test("a clock that stands still or counters that run backwards decide nothing", () => {
  const traffic = new Traffic(2);
  assert.equal(traffic.interval(1_000, {}, 0), null);
  assert.equal(traffic.interval(1_000, { requests: -1 }), null);
});
