/**
 * The parts of WORKER_CONCURRENCY=auto: what is measured, what it means, and
 * when it is tried again.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Collapse } from "../../src/upstream/concurrency/collapse.ts";
import { Crowding } from "../../src/upstream/concurrency/crowding.ts";
import {
  crowdedOut,
  lowered,
  type Trial,
} from "../../src/upstream/concurrency/trial.ts";
import { Verdicts } from "../../src/upstream/concurrency/verdicts.ts";
import { LatencySample } from "../../src/upstream/concurrency/latency_sample.ts";
import { FIRST_PAUSE_MS, Pace } from "../../src/upstream/concurrency/pace.ts";
import { Surge } from "../../src/upstream/concurrency/surge.ts";
import { WorkProfile } from "../../src/upstream/concurrency/work_profile.ts";
import {
  elasticityOf,
  hasDrifted,
} from "../../src/upstream/concurrency/elasticity.ts";

/** Requests that each had a worker for so long, with so many others. */
function sample(
  latenciesMs: readonly number[],
  concurrency: number,
  cap = concurrency,
): LatencySample {
  const made = new LatencySample(0, cap);
  const samples = latenciesMs.map(() => made.take(concurrency, 0));
  samples.forEach((sample, at) => made.give(sample, latenciesMs[at]!));
  return made;
}

function alike(ms: number, concurrency: number): LatencySample {
  return sample(new Array(16).fill(ms), concurrency);
}

Deno.test("a sample knows the mean latency and concurrency of its requests", () => {
  const made = sample([10, 20, 30], 4, 8);
  assert.equal(made.meanMs, 20);
  assert.equal(made.concurrency, 4);
  assert.equal(made.bound, 0);
  assert.equal(sample([10], 8).bound, 1);
});

Deno.test("the more alike requests are, the fewer are precise enough", () => {
  const mixed = Array.from({ length: 100 }, (_, at) => at % 10 ? 3 : 400);
  assert(!sample(new Array(15).fill(5), 1).precise);
  assert(alike(5, 1).precise);
  assert(!sample(mixed.slice(0, 99), 1).precise);
  // A hundred are enough, whatever they are like.
  assert(sample(mixed, 1).precise);
});

Deno.test("a sample is complete when all that were taken are back", () => {
  const made = new LatencySample(0, 1);
  const samples = Array.from({ length: 17 }, () => made.take(1, 0));
  for (const sample of samples.slice(0, 16)) made.give(sample, 5);
  assert(made.precise && !made.complete);
  made.give(samples[16]!, 500);
  assert(made.complete);
  assert(made.meanMs > 30);
});

Deno.test("latency that does not grow with concurrency has no elasticity, one that is proportional has 1", () => {
  const fewer = alike(10, 8);
  const elasticity = (more: LatencySample) => elasticityOf(fewer, more)?.value;
  assert.equal(elasticity(alike(10, 16)), 0);
  assert.equal(elasticity(alike(9, 16)), 0);
  assert.equal(elasticity(alike(20, 16)), 1);
  assert.equal(elasticity(alike(25, 16)), 1);
  assert(Math.abs(elasticity(alike(10 * Math.SQRT2, 16))! - 0.5) < 1e-9);
  // Whatever the contrast: three times as slow with three times as many.
  assert.equal(elasticity(alike(30, 24)), 1);
});

Deno.test("the less alike requests are, and the fewer, the less is known of the elasticity", () => {
  const mixed = (count: number) =>
    Array.from({ length: count }, (_, at) => at % 10 ? 3 : 40);
  const error = (latenciesMs: readonly number[], concurrency = 1) =>
    elasticityOf(
      sample(latenciesMs, concurrency),
      sample(latenciesMs, 2 * concurrency),
    )!.error;
  assert.equal(error(new Array(16).fill(3)), 0);
  assert(error(mixed(100)) > 0.2 && error(mixed(100)) < 0.6);
  assert(Math.abs(error(mixed(400)) - error(mixed(100)) / 2) < 1e-9);
  // Those at one worker are slow together: with four at once, a fourth counts.
  assert(Math.abs(error(mixed(100), 4) - 2 * error(mixed(100))) < 1e-9);
});

Deno.test("too few requests, or no difference in concurrency, say nothing", () => {
  const fewer = alike(10, 8);
  const fifteen = sample(new Array(15).fill(10), 16);
  assert.equal(elasticityOf(fewer, new LatencySample(0, 16)), null);
  assert.equal(elasticityOf(new LatencySample(0, 8), alike(10, 16)), null);
  assert.equal(elasticityOf(fewer, fifteen), null);
  assert.equal(elasticityOf(fewer, alike(10, 9)), null);
  assert.equal(elasticityOf(fewer, alike(10, 4)), null);
  // Quicker than the clock can tell.
  assert.equal(elasticityOf(alike(0, 8), alike(0, 16)), null);
});

Deno.test("latency has drifted when concurrency does not explain it", () => {
  const known = alike(10, 4);
  assert(!hasDrifted(known, alike(10, 4)));
  assert(!hasDrifted(known, alike(14, 4)));
  assert(hasDrifted(known, alike(16, 4)));
  assert(hasDrifted(known, alike(6, 4)));
  // Twice as busy: twice as slow, or just as slow, may both be the same work.
  assert(!hasDrifted(known, alike(20, 8)));
  assert(!hasDrifted(known, alike(10, 8)));
  assert(hasDrifted(known, alike(31, 8)));
  assert(!hasDrifted(known, alike(5, 2)));
  assert(hasDrifted(known, alike(3, 2)));
});

Deno.test("what comes to nothing is tried ever more rarely, until things change", () => {
  const pace = new Pace(1_000);
  assert(pace.due(0));
  pace.wait(0);
  assert(!pace.due(FIRST_PAUSE_MS - 1) && pace.due(FIRST_PAUSE_MS));
  pace.wait(1_000);
  assert.equal(pace.nextAt, 1_000 + 2 * FIRST_PAUSE_MS);
  for (let i = 0; i < 5; i++) pace.wait(2_000);
  assert.equal(pace.nextAt, 3_000);
  pace.reset(4_000);
  assert(pace.due(4_000));
  pace.retire(5_000);
  assert.equal(pace.nextAt, 6_000);
  pace.repeat(6_000);
  assert.equal(pace.nextAt, 6_000 + FIRST_PAUSE_MS);
});

/** Requests of which each was served in the place that is given, 0 being that of the oldest. */
function served(places: readonly number[]): LatencySample {
  const made = sample(places.map((_, at) => at % 10 ? 3 : 40), 4);
  for (const place of places) made.noteOrder(place);
  return made;
}

Deno.test("the order in which requests are served tells how many a worker does at once", () => {
  const cycle = (...places: readonly number[]): number[] =>
    Array.from({ length: 100 }, (_, at) => places[at % places.length]!);
  assert.equal(served(cycle(0)).parallelism, 1);
  assert.equal(served(cycle(0, 1)).parallelism, 2);
  assert.equal(served(cycle(0, 1, 2, 3)).parallelism, 4);
  // Two that came together may change places.
  assert.equal(served([1, 1, ...cycle(0)]).parallelism, 1);
  assert(served(cycle(0)).inTurn);
  assert(!served(cycle(0, 1)).inTurn);
  // Of requests that are alike the order says nothing.
  const same = alike(5, 4);
  for (let i = 0; i < 16; i++) same.noteOrder(0);
  assert(!same.inTurn);
});

Deno.test("the order tells nothing where requests take the longer the more there are", () => {
  const parallelism = (latencyMs: (concurrency: number) => number): number => {
    const work = new WorkProfile();
    for (let look = 0; look < 4; look++) {
      const made = new LatencySample(0, 4);
      for (let at = 0; at < 100; at++) {
        const concurrency = 1 + at % 4;
        made.give(made.take(concurrency, 0), latencyMs(concurrency));
        made.noteOrder(at % 3);
      }
      work.note(made, false);
    }
    return work.parallelism;
  };
  assert.equal(parallelism(() => 5), 3);
  assert.equal(parallelism((concurrency) => 5 * concurrency), 1);
});

Deno.test("a request that turned out to be no work leaves the sample", () => {
  const made = new LatencySample(0, 2);
  const [stream, other] = [made.take(2, 0), made.take(1, 0)];
  made.drop(stream);
  made.give(other, 5);
  assert.deepEqual([made.taken, made.count, made.concurrency], [1, 1, 1]);
  assert.equal(made.bound, 0);
});

Deno.test("most that are abandoned are a collapse, and a few are not", () => {
  const collapse = new Collapse();
  const look = (now: number, finished: number, abandoned: number): boolean =>
    collapse.look({ now, finished, abandoned });
  assert(!look(0, 0, 0));
  assert(!look(500, 0, 100));
  assert(look(1_000, 5, 100));
  assert(!look(2_000, 105, 150));
  assert(!look(3_000, 105, 155));
});

/** What a surge advises while workers finish so many requests in each sweep. */
function advice(
  finishedEach: (surging: boolean) => number,
  { expectedMs = 5, mayBeHeld = false } = {},
): string[] {
  const surge = new Surge();
  const said: string[] = [];
  let finished = 0;
  let surging = false;
  for (let now = 0; now < 3_000; now += 100) {
    const word = surge.look({
      now,
      queued: 100,
      working: surging ? 8 : 2,
      allowed: 2,
      finished,
      expectedMs,
      mayBeHeld,
    });
    if (word === "none") {
      finished += finishedEach(surging);
      continue;
    }
    said.push(word);
    surging = word === "begin" || word === "confirm";
    if (word === "forget") return said;
    finished += finishedEach(surging);
  }
  return said;
}

Deno.test("where requests wait for long it is tried whether more at once take as long, although nothing is known of them", () => {
  const unknown = { expectedMs: 0, mayBeHeld: true };
  const waiting = advice((surging) => surging ? 16 : 4, unknown);
  assert.deepEqual(waiting.slice(0, 3), ["begin", "confirm", "raise"]);
  const computing = advice(() => 6, unknown);
  assert.equal(computing[0], "begin");
  assert(computing.slice(1).every((word) => word !== "confirm"));
  assert(computing.includes("in-vain"));
  // A quarter of a second is no long wait, and what is known to be right is not tried.
  assert.deepEqual(advice(() => 40, unknown), []);
  assert.deepEqual(advice(() => 6, { expectedMs: 0 }), []);
});

Deno.test("a surge forgets a limit where more at once take as long, and nowhere else", () => {
  // 40 in a sweep are what two workers should finish.
  assert.deepEqual(advice(() => 40), []);
  // They wait for 50 ms: four times as many are finished in the same time.
  const waiting = advice((surging) => surging ? 16 : 4);
  assert.deepEqual(waiting.slice(0, 2), ["begin", "confirm"]);
  // The work is heavier, and as many are finished.
  const heavier = advice(() => 4);
  assert(heavier.length > 0 && !heavier.includes("confirm"), `${heavier}`);
});

/** Requests of which the n-th had n others at its worker. */
function rising(latencyMs: (concurrency: number) => number): LatencySample {
  const made = new LatencySample(0, 256);
  for (let concurrency = 1; concurrency <= 24; concurrency++) {
    made.give(made.take(concurrency, 0), latencyMs(concurrency));
  }
  return made;
}

Deno.test("where requests took the longer the more there were, it takes no trial to know", () => {
  assert.equal(crowdedOut(rising((n) => 7 * n), null, 1), 4);
  // Never fewer than a worker does at once.
  assert.equal(crowdedOut(rising((n) => 7 * n), null, 8), 8);
  assert.equal(crowdedOut(rising(() => 50), null, 1), null);
  assert.equal(crowdedOut(rising((n) => 20 * Math.sqrt(n)), null, 1), null);
  // Where there is no difference, those from before tell.
  const before = alike(30, 4);
  assert.equal(crowdedOut(sample(Array(24).fill(240), 32), before, 1), 4);
  assert.equal(crowdedOut(sample(Array(24).fill(30), 32), before, 1), null);
  assert.equal(crowdedOut(sample(Array(24).fill(960), 32), before, 1), null);
});

Deno.test("more and more at workers that finish no more are too many, whatever the order, if they wait for each other", () => {
  const found = (
    rate: (working: number) => number,
    inTurn = (working: number): number => working,
  ): number | null => {
    const crowding = new Crowding();
    let finished = 0;
    for (let tick = 0; tick < 20; tick++) {
      const working = 10 + 20 * tick;
      finished += rate(working);
      const limit = crowding.look({
        now: 100 * tick,
        working,
        inTurn: inTurn(working),
        workers: 2,
        finished,
        cpuMs: 0,
      });
      if (limit !== null) return limit;
    }
    return null;
  };
  const limit = found(() => 30);
  assert(limit !== null && limit >= 5 && limit <= 30, `${limit}`);
  assert.equal(found((working) => working), null);
  // Others overtake what comes on top: that waits for something else.
  assert.equal(found(() => 30, () => 10), null);
});

Deno.test("a crowd is given as many as keep its workers busy, and not as few as there were before", () => {
  const crowding = new Crowding();
  let limit: number | null = null;
  let finished = 0;
  // Twenty milliseconds each, at most sixteen at once: 70 % busy, and then full.
  for (let tick = 0; tick < 20 && limit === null; tick++) {
    const full = tick >= 5;
    const working = full ? 150 : 22;
    finished += full ? 160 : 110;
    limit = crowding.look({
      now: 100 * tick,
      working,
      inTurn: working,
      workers: 2,
      finished,
      cpuMs: 0,
    });
  }
  assert(limit !== null && limit >= 16 && limit <= 32, `${limit}`);
});

/** What is made of workers that have two each, and then ever more, of which they finish now and compute so much. */
function crowdOf(
  { finished, cpuMs }: {
    readonly finished: (working: number) => number;
    readonly cpuMs: (working: number) => number;
  },
): number | null {
  const crowding = new Crowding();
  const ever = { finished: 0, cpuMs: 0 };
  for (let tick = 0; tick < 30; tick++) {
    const working = tick < 10 ? 4 : 4 + 12 * (tick - 9);
    ever.finished += finished(working);
    ever.cpuMs += cpuMs(working);
    const limit = crowding.look({
      now: 100 * tick,
      working,
      inTurn: working,
      workers: 2,
      ...ever,
    });
    if (limit !== null) return limit;
  }
  return null;
}

Deno.test("workers that compute all the time are given no crowd, whatever a few of its requests take", () => {
  const some = (working: number): number => working > 4 ? 12 : 30;
  assert.equal(crowdOf({ finished: () => 30, cpuMs: () => 190 }), 3);
  assert.equal(crowdOf({ finished: some, cpuMs: () => 190 }), 3);
  // Others have the CPU, but as much is computed for a response.
  const starved = (working: number): number => working > 4 ? 76 : 190;
  assert.equal(crowdOf({ finished: some, cpuMs: starved }), 3);
});

Deno.test("workers that compute more where they have more, or less for each response, are given a crowd", () => {
  const growing = (working: number): number => 30 * working;
  assert.equal(crowdOf({ finished: growing, cpuMs: growing }), null);
  assert.equal(
    crowdOf({
      finished: (working) => working > 4 ? 10 * working : 30,
      cpuMs: (working) => working > 4 ? 1.5 * working : 190,
    }),
    null,
  );
});

Deno.test("trials that agree say more than each of them, and are forgotten together", () => {
  const verdicts = new Verdicts();
  const one = { value: 0.6, error: 0.8 };
  assert.deepEqual(verdicts.include("up", one), one);
  let all = one;
  for (let trial = 0; trial < 10; trial++) all = verdicts.include("up", one);
  assert(Math.abs(all.value - 0.6) < 1e-9 && all.error < 0.4, `${all.error}`);
  // What is new counts, all the same.
  for (let trial = 0; trial < 10; trial++) {
    all = verdicts.include("up", { value: 1, error: 0.8 });
  }
  assert(all.value > 0.9, `${all.value}`);
  assert.deepEqual(verdicts.include("down", one), one);
  verdicts.reset();
  assert.deepEqual(verdicts.include("up", one), one);
  // What is exact is no division by zero.
  const exact = { value: 0, error: 0 };
  verdicts.reset();
  verdicts.include("up", exact);
  assert.deepEqual(verdicts.include("up", exact).value, 0);
});

Deno.test("a limit is lowered only where others would not wait the longer for it", () => {
  const fewer = (from: number, value: number): number => {
    const trial: Trial = {
      base: sample(Array(100).fill(40), from),
      trial: sample(Array(100).fill(20), from / 2),
      direction: "down",
      size: 100,
      deadline: Infinity,
    };
    return lowered(from, { value, error: 0.1 }, { ...trial, least: 1 });
  };
  assert.equal(fewer(8, 1), 5);
  assert.equal(fewer(8, 0.6), 7);
  assert.equal(fewer(8, 0.45), 8);
  assert.equal(fewer(32, 1), 20);
  assert.equal(fewer(32, 0.6), 32);
});
