/**
 * What the default makes of each kind of load, beside the best cap that could
 * have been set, in a model of a pool: no clock, no chance.
 * `bench/dispatch_model.ts` looks for those caps, over fifty seeds.
 *
 * @module
 */

import assert from "node:assert/strict";
import { runCap } from "../../bench/support/compare_caps.ts";
import type {
  Demand,
  DispatchModel,
  DispatchOutcome,
} from "../../src/simulate/dispatch_model.ts";
import { GREATEST_LIMIT } from "../../src/upstream/concurrency/trial.ts";
import {
  attach,
  type Workload,
  WORKLOADS,
} from "../../src/simulate/workloads.ts";
import { twoWorkers } from "./two_workers.ts";

/** Seeds of each load: the first of those fifty. */
const SEEDS = 6;

/** How much worse than the best cap it may be, in throughput and p99. */
const TOLERANCE = 0.15;

/** How much worse with the worst of the seeds, in p99. */
const WORST_TOLERANCE = 0.6;

/** The best cap of each load; 0 is none. */
const BEST: Readonly<Record<string, number>> = {
  "computing": 1,
  "computing (64 clients)": 2,
  "computing (half busy)": 1,
  "computing (uniform)": 2,
  "computing (event loop)": 1,
  "rendering (event loop)": 1,
  "querying (event loop)": 64,
  "waiting": 0,
  "waiting (open)": 64,
  "waiting (900 clients)": 0,
  "quick": 4,
  "quick (open)": 4,
  "rendering": 1,
  "querying": 64,
  "querying (16 clients)": 16,
  "querying (64 clients)": 16,
  "calling": 64,
  "calling (200 clients)": 0,
  "slow worker": 1,
  "collecting garbage": 1,
  "threaded": 4,
  "threaded (64 clients)": 8,
  "threaded (uniform)": 8,
  "threaded (nearly full)": 64,
  "threaded (waiting)": 4,
  "streams": 0,
  "streams (waiting)": 0,
  "uploads": 0,
  "long polls": 0,
  "long polls (64 clients)": 0,
  "changing": 8,
  "changing (much more)": 64,
  "changing (to mixed)": 8,
  "changing (to querying)": 64,
  "changing (starved)": 1,
  "changing (to blocking)": 2,
  "changing (64 clients)": 64,
};

/** Factor by which p99 is worse where CPU times are not known, as that of the half second until a change is noticed. */
const UNTIL_NOTICED: Readonly<Record<string, number>> = {
  "changing (much more)": 6,
  "changing (to mixed)": 5,
};

/** Loads with so many requests that one seed is enough. */
const MANY: ReadonlySet<string> = new Set([
  "waiting",
  "waiting (900 clients)",
  "quick",
  "quick (open)",
  "streams (waiting)",
]);

Deno.test("the best cap of each load is known", () => {
  assert.deepEqual(Object.keys(BEST), Object.keys(WORKLOADS));
});

for (const [name, workload] of Object.entries(WORKLOADS)) {
  Deno.test(`the default comes within 15 % of the best cap, and turns nobody away: ${name}`, () => {
    assertNearBest(name, workload);
  });
}

for (const [name, factor] of Object.entries(UNTIL_NOTICED)) {
  Deno.test(`without CPU times, the default notices within half a second that the work is another: ${name}`, () => {
    const workload = { ...WORKLOADS[name]!, pool: { cpuTimes: false } };
    assertNearBest(name, workload, factor);
  });
}

/** Fails if the default is not as good as the best cap, but for a `factor` of p99. */
function assertNearBest(name: string, workload: Workload, factor = 1): void {
  const seeds = MANY.has(name) ? 1 : SEEDS;
  const ratios: { p99: number; throughput: number }[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const stretch = { ...workload.stretch, seed };
    const auto = runCap(workload, "auto", stretch);
    const best = runCap(workload, BEST[name]!, stretch);
    assert.equal(auto.rejected, 0, `seed ${seed}`);
    ratios.push({
      p99: auto.p99Ms / best.p99Ms,
      throughput: auto.throughput / best.throughput,
    });
  }
  const shown = JSON.stringify(ratios);
  const mean = (of: "p99" | "throughput"): number =>
    ratios.reduce((sum, ratio) => sum + ratio[of], 0) / seeds;
  assert(mean("throughput") >= 1 - TOLERANCE, shown);
  assert(mean("p99") <= factor * (1 + TOLERANCE), shown);
  const worst = Math.max(...ratios.map(({ p99 }) => p99));
  assert(worst <= factor * (1 + WORST_TOLERANCE), shown);
}

/** Two workers with the default, one load after the other. */
function modelOf(name: string, seed = 1): DispatchModel {
  const workload = WORKLOADS[name]!;
  const model = twoWorkers(workload.pool);
  attach(workload, model, seed);
  return model;
}

Deno.test("nothing is held back before anything is known: two hundred at once are served at once", () => {
  const { latenciesMs } = modelOf("waiting").run(60);
  assert.equal(latenciesMs.length, 200);
});

/** Requests beside two hundred clients that poll, and what the mean of the seeds' p99 is at most, in milliseconds: a worker that has nothing but polls is let go on as soon as its CPU time tells. */
const BESIDE_POLLS: Readonly<Record<string, [Demand, number, number]>> = {
  "quick, often": [{ cpuMs: 0.4 }, 3_000, 15],
  "quick": [{ cpuMs: 0.4 }, 1_000, 2],
  "of a millisecond": [{ cpuMs: 1 }, 800, 4],
};

for (const [name, [demand, rate, mostMs]] of Object.entries(BESIDE_POLLS)) {
  Deno.test(`long polls do not take the place of requests that are ${name}`, () => {
    const workload: Workload = {
      ...WORKLOADS["long polls (64 clients)"]!,
      clients: () => 0,
      ratePerSecond: () => rate,
      demand: () => demand,
    };
    const p99s: number[] = [];
    for (let seed = 1; seed <= SEEDS; seed++) {
      const stretch = { ...workload.stretch, seed };
      const { p99Ms, rejected } = runCap(workload, "auto", stretch);
      assert.equal(rejected, 0);
      p99s.push(p99Ms);
    }
    const mean = p99s.reduce((sum, p99Ms) => sum + p99Ms, 0) / SEEDS;
    assert(mean <= mostMs, p99s.join(", "));
  });
}

Deno.test("a new generation starts from the limit of the old one", () => {
  const model = modelOf("computing");
  assert.equal(model.run(20_000).concurrency, 1);
  model.publish(2);
  assert.equal(model.run(1).concurrency, 1);
});

Deno.test("a worker that does one at a time gets no more, in whatever order it serves them", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { concurrency } = modelOf("computing (event loop)", seed).run(40_000);
    assert(
      concurrency >= 1 && concurrency <= 2,
      `seed ${seed}: ${concurrency}`,
    );
  }
});

Deno.test("workers that compute all the time, one request after the other, are given no more in trials", () => {
  const load = WORKLOADS["computing (half busy)"]!;
  const p99MsOf = (cap: number | "auto"): number => {
    let sum = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const stretch = { warmUpMs: 3_000, measuredMs: 20_000, seed };
      sum += runCap(load, cap, stretch).p99Ms;
    }
    return sum / SEEDS;
  };
  const ratio = p99MsOf("auto") / p99MsOf(1);
  assert(ratio < 1.04, `${ratio}`);
});

Deno.test("workers that wait while others wait for them are given no fewer for it", () => {
  const { stretch } = WORKLOADS["calling"]!;
  // The seed of fifty with which they were given ever fewer.
  const seeded = { ...stretch, seed: 41 };
  const { p99Ms } = runCap(WORKLOADS["calling"]!, "auto", seeded);
  assert(p99Ms < 650, `${p99Ms}`);
});

Deno.test("500 open streams count as no work, and requests take turns beside them", () => {
  const model = modelOf("streams");
  const { streams, concurrency } = model.run(20_000);
  assert(streams > 400, `${streams}`);
  assert(concurrency >= 1 && concurrency <= 2, `${concurrency}`);
  for (const { working, inFlight } of model.dispatcher.upstreams) {
    assert(working <= 2 && inFlight > 150, `${working} of ${inFlight}`);
  }
});

Deno.test("slow uploads that begin while one request at a time is served keep nobody waiting, from the first on", () => {
  const model = twoWorkers();
  const uniform = WORKLOADS["computing (uniform)"]!;
  attach({ ...uniform, ratePerSecond: () => 300 }, model, 1);
  const { concurrency } = model.run(10_000);
  assert([1, 2].includes(concurrency), `${concurrency}`);
  for (let i = 0; i < 10; i++) {
    model.request({ cpuMs: 3, uploadMs: 3_000, background: true });
  }
  const { latenciesMs } = model.run(2_000);
  assert(latenciesMs.at(-1)! < 50, `${latenciesMs.at(-1)}`);
});

Deno.test("requests that all wait for minutes are let in, however long nothing is finished", () => {
  const model = twoWorkers();
  attach(WORKLOADS["computing"]!, model, 1);
  assert.equal(model.run(20_000).concurrency, 1);
  for (let i = 0; i < 100; i++) {
    model.request({ cpuMs: 0.1, waitMs: 120_000, background: true });
  }
  model.run(10_000);
  assert(model.dispatcher.queue.depth < 20, `${model.dispatcher.queue.depth}`);
});

Deno.test("no limit is found for requests that wait for something while their workers hardly compute", () => {
  for (const name of ["waiting", "waiting (open)", "streams (waiting)"]) {
    const workload = WORKLOADS[name]!;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const stretch = { ...workload.stretch, seed };
      const { concurrency } = runCap(workload, "auto", stretch);
      assert([0, GREATEST_LIMIT].includes(concurrency), `${name}, ${seed}`);
    }
  }
});

/** What comes of a load when the work changes after eight seconds, in the twelve that follow. */
function afterChange(
  demand: (random: () => number, changed: boolean) => Demand,
  { before, after, seed }: {
    readonly before: number;
    readonly after: number;
    readonly seed: number;
  },
): DispatchOutcome {
  const changeMs = 8_000;
  const model = twoWorkers({ cpuTimes: false });
  const workload: Workload = {
    stretch: { warmUpMs: changeMs, measuredMs: 12_000 },
    demand: (random, now) => demand(random, now >= changeMs),
    ratePerSecond: (now) => now < changeMs ? before : after,
  };
  attach(workload, model, seed);
  model.run(changeMs);
  return model.run(12_000);
}

const computes = (random: () => number): Demand => ({
  cpuMs: random() < 0.9 ? 3 : 40,
});

/** Work that comes after computing: what a request needs, how many come, and what the mean of the seeds' p99 is at most, in milliseconds. */
const CHANGES: Readonly<
  Record<string, readonly [(random: () => number) => Demand, number, number]>
> = {
  "waits for 50 ms": [() => ({ cpuMs: 0.05, waitMs: 50 }), 1_000, 1_200],
  "waits for 500 ms": [() => ({ cpuMs: 1, waitMs: 500 }), 40, 4_500],
  "computes or waits": [
    (random) => random() < 0.5 ? { cpuMs: 3 } : { cpuMs: 0.05, waitMs: 50 },
    250,
    400,
  ],
};
for (const [name, [next, after, mostMs]] of Object.entries(CHANGES)) {
  Deno.test(`without CPU times, after little to compute comes work that ${name}: the limit is forgotten, and nobody is turned away`, () => {
    let sumMs = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { latenciesMs, rejectionsMs } = afterChange(
        (random, changed) => changed ? next(random) : computes(random),
        { before: 60, after, seed },
      );
      assert.equal(rejectionsMs.length, 0);
      sumMs += latenciesMs[Math.floor(0.99 * latenciesMs.length)]!;
    }
    assert(sumMs / SEEDS < mostMs, `${sumMs / SEEDS}`);
  });
}
