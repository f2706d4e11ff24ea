/**
 * More than can be served, with nothing set: what comes of it in a model of a
 * pool.
 *
 * @module
 */

import assert from "node:assert/strict";
import type {
  Demand,
  DispatchModel,
  DispatchModelOptions,
  DispatchOutcome,
} from "../../src/simulate/dispatch_model.ts";
import { quantile } from "../../bench/support/compare_caps.ts";
import { unevenMachine } from "../../bench/support/uneven_machine.ts";
import {
  attach,
  type Workload,
  WORKLOADS,
} from "../../src/simulate/workloads.ts";
import { twoWorkers } from "./two_workers.ts";

/** Requests of the computing load that two workers serve in a second. */
const CAPACITY = 298;

/** How long clients wait, in milliseconds. */
const PATIENCE_MS = 1_000;

/** How long a usual load lasts, in milliseconds. */
const USUAL_MS = 6_000;

/** Machines that are uneven in a way of their own each. */
const SEEDS = 20;

/** A pool that starts under so many times the capacity. */
function modelOf(
  factor: number,
  options: Partial<DispatchModelOptions> = {},
  seed = 5,
): DispatchModel {
  const model = twoWorkers({ patienceMs: PATIENCE_MS, ...options });
  const ratePerSecond = (): number => factor * CAPACITY;
  attach({ ...WORKLOADS["computing"]!, ratePerSecond }, model, seed);
  return model;
}

/** What comes of so many times the capacity, once the overload is known. */
function overload(
  factor: number,
  options: Partial<DispatchModelOptions> = {},
): DispatchOutcome {
  const model = modelOf(factor, options);
  model.run(10_000);
  return model.run(20_000);
}

for (const factor of [1.2, 2]) {
  Deno.test(`at ${100 * factor} % those that are let in are served in time, and the others are told at once`, () => {
    const found = overload(factor);
    // As HAProxy: one request a worker, and a queue of 300 ms at most.
    const set = overload(factor, {
      workerConcurrency: 1,
      queueTimeoutMs: 300,
    });
    const served = found.latenciesMs.length / set.latenciesMs.length;
    assert(served >= 0.98, `${served}`);
    assert(quantile(found, 0.99) < PATIENCE_MS, `${quantile(found, 0.99)}`);
    const arrived = 20 * factor * CAPACITY;
    assert(found.givenUp <= 0.02 * arrived, `${found.givenUp}`);
    const told = quantile({ latenciesMs: found.rejectionsMs }, 0.99);
    assert(told < 5, `${told}`);
  });
}

Deno.test("as long as all clients wait nobody is turned away, however many there are", () => {
  const model = twoWorkers();
  attach(
    { ...WORKLOADS["computing (64 clients)"]!, clients: () => 5_000 },
    model,
    1,
  );
  const { rejectionsMs, latenciesMs } = model.run(60_000);
  assert.equal(rejectionsMs.length, 0);
  assert(latenciesMs.length > 0.95 * 60 * CAPACITY, `${latenciesMs.length}`);
});

for (const [factor, patienceMs] of [[1.2, 1_000], [2, 1_000], [2, 2_000]]) {
  Deno.test(`a pool that starts under ${100 * factor!} % of its capacity serves as many as with one request a worker, of clients that wait ${patienceMs} ms`, () => {
    let served = 0;
    let servedIfSet = 0;
    for (let seed = 1; seed <= 10; seed++) {
      const cold = (options: Partial<DispatchModelOptions> = {}): number =>
        modelOf(factor!, { patienceMs: patienceMs!, ...options }, seed)
          .run(10_000).latenciesMs.length;
      served += cold();
      // As HAProxy: one request a worker, and a queue of 300 ms at most.
      servedIfSet += cold({ workerConcurrency: 1, queueTimeoutMs: 300 });
    }
    assert(served >= 0.98 * servedIfSet, `${served / servedIfSet}`);
  });
}

/** What part of the clients give up when a usual load becomes twice the capacity, on a machine that is not always as fast. */
function abandonedRatio(
  workload: Workload,
  { seed, clients, workers, patienceMs }: {
    readonly seed: number;
    readonly clients: number;
    readonly workers: "alike" | "each";
    readonly patienceMs: number;
  },
): number {
  const isUsual = (now: number): boolean => now < USUAL_MS;
  const model = twoWorkers({
    ...workload.pool,
    slowness: unevenMachine(seed, { workers }),
    patienceMs,
  });
  const load: Workload = {
    ...workload,
    clients: (now) => isUsual(now) ? clients : 0,
    ratePerSecond: (now) => isUsual(now) ? 0 : 2 * CAPACITY,
  };
  attach(load, model, seed);
  model.run(USUAL_MS);
  const { latenciesMs, rejectionsMs, givenUp } = model.run(5_000);
  return givenUp / (latenciesMs.length + rejectionsMs.length + givenUp);
}

for (const name of ["computing", "computing (event loop)"]) {
  for (const workers of ["alike", "each"] as const) {
    for (const patienceMs of [1_000, 2_000]) {
      for (const clients of [2, 16]) {
        Deno.test(`on an uneven machine few of the clients that wait ${patienceMs} ms give up when what ${clients} ask becomes too much: ${name}, ${workers}`, () => {
          const ratios = Array.from(
            { length: SEEDS },
            (_, index) =>
              abandonedRatio(WORKLOADS[name]!, {
                seed: index + 1,
                clients,
                workers,
                patienceMs,
              }),
          );
          const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / SEEDS;
          // Until the next look nobody knows: 0.5 % at such a rate.
          assert(mean <= 0.022, `${mean}: ${ratios}`);
          assert(Math.max(...ratios) <= 0.07, `${ratios}`);
        });
      }
    }
  }
}

Deno.test("a pool that starts under five times its capacity comes out of what it was given before it knew", () => {
  const model = modelOf(5);
  model.run(12_000);
  const { latenciesMs, givenUp } = model.run(10_000);
  assert(latenciesMs.length > 0.9 * 10 * CAPACITY, `${latenciesMs.length}`);
  assert(givenUp < 0.02 * 50 * CAPACITY, `${givenUp}`);
});

/** What comes of a pool that was busy with `clients` that wait for their responses, then has twice what it can serve, of clients that wait for ever. */
function suddenly(clients: number, seed: number): DispatchOutcome {
  const since = 6_000;
  const model = twoWorkers();
  attach(
    {
      ...WORKLOADS["computing (event loop)"]!,
      clients: (now) => now < since ? clients : 0,
      ratePerSecond: (now) => now < since ? 0 : 2 * CAPACITY,
    },
    model,
    seed,
  );
  model.run(since);
  return model.run(8_000);
}

for (const clients of [2, 16]) {
  Deno.test(`where twice as many come as can be served, after ${clients} clients, those that are too many are told at once, although nobody gives up`, () => {
    for (let seed = 1; seed <= 5; seed++) {
      const found = suddenly(clients, seed);
      assert(found.latenciesMs.length > 0.9 * 8 * CAPACITY, `${seed}`);
      assert(quantile(found, 0.99) < 2_000, `${quantile(found, 0.99)}`);
      // Once it is known, the queue is no longer than it needs to be.
      assert(quantile(found, 0.5) < 600, `${quantile(found, 0.5)}`);
      const told = { latenciesMs: found.rejectionsMs };
      assert(found.rejectionsMs.length > 0.6 * 8 * CAPACITY, `${seed}`);
      assert(quantile(told, 0.99) < 5, `${quantile(told, 0.99)}`);
    }
  });
}

Deno.test("a burst that is over is worked off, however long it takes, although more have come than are served in ten seconds", () => {
  const model = twoWorkers();
  attach(
    {
      ...WORKLOADS["computing"]!,
      // The usual load, then thousands in a second, then the usual load.
      ratePerSecond: (now) => now >= 10_000 && now < 11_000 ? 4_000 : 150,
    },
    model,
    3,
  );
  const { rejectionsMs } = model.run(60_000);
  assert.equal(rejectionsMs.length, 0);
});

Deno.test("the queue may be longer than MAX_QUEUE where the limit was found, and workers get no more for that", () => {
  const model = twoWorkers({ maxQueue: 10 });
  attach(
    { ...WORKLOADS["computing (64 clients)"]!, clients: () => 1_000 },
    model,
    1,
  );
  const { rejectionsMs } = model.run(20_000);
  assert.equal(rejectionsMs.length, 0);
  const { queue, upstreams } = model.dispatcher;
  assert(queue.depth > 500, `${queue.depth}`);
  for (const { inFlight } of upstreams) assert(inFlight < 20, `${inFlight}`);
});

/** Of no account: the test runs the model itself. */
const STRETCH = { warmUpMs: 0, measuredMs: 0 } as const;

Deno.test("clients that give up what waits for something else in a worker have nobody turned away", () => {
  for (let seed = 1; seed <= 6; seed++) {
    const model = twoWorkers({ threads: "event-loop", patienceMs: 700 });
    const demand = (random: () => number): Demand =>
      random() < 0.35
        ? { cpuMs: 3 }
        : { cpuMs: 0.2, waitMs: 1_500, background: true };
    attach({ demand, ratePerSecond: () => 230, stretch: STRETCH }, model, seed);
    const { rejectionsMs, latenciesMs } = model.run(15_000);
    assert.equal(rejectionsMs.length, 0, `seed ${seed}`);
    assert(latenciesMs.length > 0.8 * 0.35 * 230 * 15, `${latenciesMs.length}`);
  }
});
