/**
 * What WORKER_CONCURRENCY=auto finds, beside every fixed cap, in a model of a
 * pool: no clock, no chance.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  type Demand,
  type ModelOptions,
  type Outcome,
  WorkerModel,
} from "./worker_model.ts";

const FIXED_CAPS = [1, 2, 4, 8, 16, 32, 64, 0];

/** How much worse than the best fixed cap it may be, in throughput and p99. */
const TOLERANCE = 0.15;

const computing = (): Demand => ({ cpuMs: 3, waitMs: 0 });
const waiting = (): Demand => ({ cpuMs: 0.05, waitMs: 50 });
const mixed = (random: () => number): Demand => ({
  cpuMs: random() < 0.9 ? 3 : 40,
  waitMs: 0,
});
/** Two milliseconds of work between queries of up to 40 ms: best at about 14. */
const querying = (random: () => number): Demand => ({
  cpuMs: 2,
  waitMs: 40 * random(),
});

/** A pool of two with `auto`, and what it is given to do. */
function model(options: Partial<ModelOptions>): WorkerModel {
  return new WorkerModel({
    workers: 2,
    workerConcurrency: "auto",
    demand: computing,
    seed: 1,
    ...options,
  });
}

/** What a cap brings once the search has had ten seconds. */
function settled(
  workerConcurrency: ModelOptions["workerConcurrency"],
  options: Partial<ModelOptions>,
): Outcome {
  const pool = model({ workerConcurrency, ...options });
  pool.run(10_000);
  return pool.run(10_000);
}

function clients(count: number): Pick<ModelOptions, "clients"> {
  return { clients: () => count };
}

/** Requests per second that are 70 % of what the pool can do, in Poisson's way. */
function rate(perSecond: number): Pick<ModelOptions, "ratePerSecond"> {
  return { ratePerSecond: () => perSecond };
}

/** The work, the load, and where the limit is to end. */
const CASES: readonly [string, Partial<ModelOptions>, number, number][] = [
  ["pure CPU, 64 clients", { demand: computing, ...clients(64) }, 1, 2],
  ["pure CPU, open", { demand: computing, ...rate(466) }, 1, 8],
  ["pure waiting, 64 clients", { demand: waiting, ...clients(64) }, 32, 64],
  ["pure waiting, 200 clients", { demand: waiting, ...clients(200) }, 100, 200],
  ["pure waiting, open", { demand: waiting, ...rate(420) }, 14, 64],
  ["mixed CPU, 64 clients", { demand: mixed, ...clients(64) }, 1, 4],
  ["mixed CPU, open", { demand: mixed, ...rate(208) }, 1, 4],
  [
    "mixed CPU, open, four workers",
    { demand: mixed, workers: 4, ...rate(416) },
    1,
    2,
  ],
  ["mixed CPU, a quiet time", { demand: mixed, ...rate(149) }, 1, 2],
  ["CPU and waiting, 16 clients", { demand: querying, ...clients(16) }, 8, 32],
  ["CPU and waiting, open", { demand: querying, ...rate(700) }, 10, 32],
];

for (const [name, load, least, most] of CASES) {
  Deno.test(`auto comes within 15 % of the best fixed cap: ${name}`, () => {
    const auto = settled("auto", load);
    const fixed = FIXED_CAPS.map((cap) => settled(cap, load));
    const throughput = Math.max(...fixed.map((outcome) => outcome.throughput));
    // Of caps that serve nearly all that can be served: others have no latency to compare.
    const p99Ms = Math.min(
      ...fixed.filter((outcome) => outcome.throughput > 0.93 * throughput)
        .map((outcome) => outcome.p99Ms),
    );
    const shown = JSON.stringify({ auto, throughput, p99Ms });
    assert(auto.throughput >= (1 - TOLERANCE) * throughput, shown);
    assert(auto.p99Ms <= (1 + TOLERANCE) * p99Ms, shown);
    assert(auto.limit >= least && auto.limit <= most, shown);
  });
}

Deno.test("auto does not depend on the luck of one seed", () => {
  for (let seed = 2; seed < 12; seed++) {
    const cpu = settled("auto", { demand: mixed, ...clients(64), seed });
    assert(cpu.limit <= 3.5, `seed ${seed}: ${cpu.limit}`);
    const wait = settled("auto", { demand: waiting, ...clients(64), seed });
    assert(wait.limit >= 31, `seed ${seed}: ${wait.limit}`);
  }
});

Deno.test("auto follows when computing turns into waiting, and back", () => {
  const pool = model({
    ...clients(64),
    demand: (_random, now) =>
      now > 10_000 && now < 30_000 ? waiting() : computing(),
  });
  assert(pool.run(10_000).throughput > 0.93 * 666);
  pool.run(4_000);
  assert(pool.run(16_000).throughput > 0.95 * 1_275);
  pool.run(2_000);
  const { limit, throughput } = pool.run(8_000);
  assert(limit <= 2 && throughput > 0.93 * 666, `${limit} ${throughput}`);
});

Deno.test("auto learns nothing from idle times: a burst of waiting requests is let in within a second", () => {
  const pool = model({
    demand: waiting,
    clients: (now) => now < 60_000 ? 1 : 64,
  });
  const idle = pool.run(60_000);
  assert.equal(idle.limit, 8);
  pool.run(1_000);
  assert(pool.run(5_000).throughput > 0.95 * 1_275);
});

Deno.test("auto does not keep a limit that idle times left high", () => {
  const pool = model({
    demand: (_random, now) => now < 30_000 ? waiting() : computing(),
    clients: (now) => now < 10_000 || now > 30_000 ? 64 : 1,
  });
  assert(pool.run(10_000).limit > 20);
  assert(pool.run(20_000).limit > 20);
  pool.run(6_000);
  assert(pool.run(5_000).limit <= 2);
});

Deno.test("auto does not starve requests that all wait for minutes", () => {
  const pool = model({
    demand: () => ({ cpuMs: 0.1, waitMs: 120_000 }),
    ...clients(100),
  });
  pool.run(6_000);
  // The queue is empty: all of them have a worker.
  assert.equal(pool.dispatcher.queue.depth, 0);
});

Deno.test("auto keeps to its bounds under the slowest and the most work", () => {
  const slow = model({
    demand: () => ({ cpuMs: 500, waitMs: 0 }),
    ...clients(20),
  });
  const many = model({ demand: waiting, ...clients(900) });
  for (let second = 0; second < 30; second++) {
    slow.run(1_000);
    many.run(1_000);
    for (const pool of [slow, many]) {
      const { concurrency } = pool.dispatcher.queue;
      assert(concurrency >= 1 && concurrency <= 256);
      for (const { inFlight } of pool.dispatcher.upstreams) {
        assert(inFlight <= 256);
      }
    }
  }
  assert(many.dispatcher.queue.concurrency > 200);
});
