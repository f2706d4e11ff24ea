/**
 * Random walks through everything that can happen to a pool, with the rules
 * that must hold whatever happens.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { StaffingOptions } from "../../src/pool/goal.ts";
import {
  check,
  checkClaims,
  checkGenerationEvents,
  checkPanicEvents,
  checkSuspicions,
  EndRules,
  TieRules,
} from "./model_rules.ts";
import {
  ModelClaim,
  type ModelProcess,
  ModelWorld,
  specCalled,
} from "./model_world.ts";

/** Events of one walk. */
const EVENTS = 3_000;

/** The seeds that are asked for. */
const ASKED_SEEDS = askedSeeds();

/** Most workers wanted. */
const MAX_WORKERS = 6;

/**
 * Passes after which nothing changes while nothing happens. A reload may fail,
 * end, and be followed by the next, each seen a pass later.
 */
const PASSES_TO_REST = 6;

/** Rounds in which a world that lets everything succeed must come to rest. */
const ROUNDS_TO_REST = 200;

function askedSeeds(): readonly number[] | null {
  const one = Deno.env.get("MODEL_SEED");
  if (one !== undefined) return [Number(one)];
  const count = Deno.env.get("MODEL_SEEDS");
  return count === undefined
    ? null
    : Array.from({ length: Number(count) }, (_, index) => index + 1);
}

/** What must have happened in walks whose seeds were chosen for it. @throws {AssertionError} */
function happened(condition: boolean, what: string): void {
  if (ASKED_SEEDS === null) assert.ok(condition, what);
}

/** Mulberry32: small, and the same everywhere. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let t = Math.imul(state ^ state >>> 15, 1 | state);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
}

/** One thing that may happen, and how often beside the others. */
type Happening = readonly [weight: number, (world: ModelWorld) => void];

/** What happens in a walk. `pick` chooses one of several; `random` is in [0, 1). */
function happenings(
  random: () => number,
  pick: <T>(items: readonly T[]) => T | undefined,
): readonly Happening[] {
  const anybody = (world: ModelWorld): ModelProcess | undefined =>
    pick([...world.processes]);
  return [
    [30, (world) => {
      const process = anybody(world);
      if (process === undefined) return;
      world.probe(process, process.generation % 3 === 0 ? "failed" : "passed");
    }],
    [12, (world) => {
      const process = anybody(world);
      if (process) world.probe(process, "failed");
    }],
    [6, (world) => {
      const process = anybody(world);
      if (process) world.probe(process, "silent");
    }],
    [12, (world) => {
      for (const process of world.processes) world.probe(process, "passed");
    }],
    // What all of them need is away.
    [12, (world) => {
      for (const process of world.processes) world.probe(process, "failed");
    }],
    [2, (world) => {
      for (const process of world.processes) world.probe(process, "silent");
    }],
    [8, (world) => anybody(world)?.exit(1)],
    [
      10,
      (world) =>
        pick([...world.processes].filter(({ asked }) => asked))?.exit(0),
    ],
    [20, (world) => world.unread.shift()?.()],
    [40, (world) => {
      // A new client, or one that has been served by a generation of late.
      const newest = world.reloads.generation.number;
      const generation = newest - Math.floor(random() * 4);
      const upstream = world.dispatcher.claim({
        clientHash: 0,
        generation: generation > 0 ? generation : null,
        avoid: null,
      });
      const stream = random() < 0.2;
      if (upstream !== null) {
        world.claims.push(new ModelClaim(upstream, stream));
      }
    }],
    [4, (world) => {
      const process = anybody(world);
      if (process) process.lingers = true;
    }],
    [4, (world) => pick([...world.lingering])?.clear()],
    [40, (world) => release(world, Math.floor(random() * 100))],
    [3, (world) => pick(world.dispatcher.upstreams)?.reportRefused()],
    [1, (world) => pick(world.dispatcher.former)?.reportRefused()],
    [3, (world) => {
      const upstream = pick(world.dispatcher.upstreams);
      if (upstream === undefined) return;
      upstream.requests += 2;
      upstream.serverErrors += 2;
    }],
    [2, (world) => {
      const worker = pick(world.reconciler.roster.workers);
      if (worker) worker.peakRssBytes = random() * 170 * 1024 * 1024;
    }],
    [3, (world) => {
      world.wish.workers = 1 + Math.floor(random() * MAX_WORKERS);
    }],
    [1, (world) => {
      world.wish.spares = Math.floor(random() * 3);
    }],
    [3, (world) => world.reload(specCalled("new"))],
    [2, (world) => {
      world.launchFails = true;
    }],
    [30, (world) => world.clock.advance(Math.floor(random() * 200))],
    [5, (world) => world.clock.advance(Math.floor(random() * 5_000))],
    [10, (world) => {
      const due = Math.min(world.dueAt, world.clock.now() + 60_000);
      world.clock.advance(Math.max(0, due - world.clock.now()));
    }],
  ];
}

/** What happens beside where workers fail the requests they are given. */
function failures(
  random: () => number,
  pick: <T>(items: readonly T[]) => T | undefined,
): readonly Happening[] {
  return [
    // A window, again and again: other things happen seldom beside.
    [500, (world) => {
      world.respond(20 + Math.floor(random() * 20));
      world.clock.advance(1_000);
    }],
    [20, (world) => {
      const process = pick([...world.processes]);
      if (process) process.broken = true;
    }],
    [20, (world) => {
      world.cursed = pick(world.dispatcher.upstreams)?.key ?? null;
    }],
    [10, (world) => {
      world.cursed = null;
    }],
  ];
}

function release(world: ModelWorld, index: number): void {
  if (world.claims.length === 0) return;
  const [claim] = world.claims.splice(index % world.claims.length, 1);
  const { upstream } = claim!;
  upstream.requests++;
  upstream.exchanges.leave(claim!);
  world.dispatcher.release(upstream);
}

/** Passes too many do no harm: while nothing happens they soon change nothing. */
function checkRest(world: ModelWorld, ends: EndRules): void {
  for (let pass = 0; pass < PASSES_TO_REST; pass++) {
    const seen = world.events.length;
    world.pass();
    ends.check();
    check(world);
    if (world.events.length === seen) return;
  }
  const { type } = world.events.at(-1)!;
  assert.fail(`the pool does not come to rest: it goes on with ${type}`);
}

/** Lets everything succeed until nothing changes any more. */
async function comeToRest(world: ModelWorld): Promise<void> {
  world.launchFails = false;
  const { roster } = world.reconciler;
  for (
    let round = 0;
    // Workers grow old meanwhile: one that is being replaced is waited for.
    round < ROUNDS_TO_REST ||
    roster.kept.size + roster.leaving.size > 0 ||
    roster.slots.some(({ successor }) => successor) ||
    // Who is withheld is given two minutes.
    roster.workers.some(({ withheld }) => withheld);
    round++
  ) {
    assert.ok(round < 10 * ROUNDS_TO_REST, "it comes to rest");
    while (world.claims.length > 0) release(world, 0);
    for (const process of [...world.processes]) {
      if (process.asked) process.exit(0);
      else world.probe(process, "passed");
    }
    for (const process of [...world.lingering]) process.clear();
    for (const read of world.unread.splice(0)) read();
    await world.settle();
    world.pass();
    const now = world.clock.now();
    const wait = Math.min(world.dueAt - now, 1_000);
    world.clock.advance(Math.max(0, wait));
  }
}

/** Makes a walk with each of these seeds, or those that are asked for. */
async function walkSeeds(
  seeds: readonly number[],
  walk: (random: () => number) => Promise<void>,
): Promise<void> {
  const ownRandom = Math.random;
  for (const seed of ASKED_SEEDS ?? seeds) {
    const random = seeded(seed);
    // Back-off, jitter and ports are drawn from the same source.
    Math.random = random;
    try {
      await walk(random);
    } catch (cause) {
      throw new Error(`MODEL_SEED=${seed}: ${(cause as Error).message}`, {
        cause,
      });
    } finally {
      Math.random = ownRandom;
    }
  }
}

for (const affinity of [null, "cookie"]) {
  const seeds = affinity === null ? [1, 3] : [4, 6, 10];
  Deno.test(`whatever happens, the rules of the pool hold: affinity ${affinity}`, async () => {
    await walkSeeds(seeds, async (random) => {
      checkCoverage(await walk(random, { affinity }), affinity);
    });
  });
}

Deno.test("whatever happens, with workers that fail their requests, the rules of the pool hold", async () => {
  // So many requests that they are compared before they are worn out.
  const options = { maxRequests: 2_000 };
  const outcomes = new Set<string>();
  await walkSeeds([4, 25], async (random) => {
    const { world } = await walk(random, options, failures);
    for (const outcome of checkSuspicions(world)) outcomes.add(outcome);
  });
  for (const outcome of ["acquitted", "let go", "failing", "unhealthy"]) {
    happened(outcomes.has(outcome), `some are ${outcome}`);
  }
});

Deno.test("a data plane that is late with what it is told loses no request, and the pool comes to rest", async () => {
  await walkSeeds([1], walkLate);
});

/** A walk that has come to its end. */
interface Walked {
  readonly world: ModelWorld;
  readonly ends: EndRules;
}

/** Looks whether what the rules are for has happened in a walk. */
function checkCoverage({ world, ends }: Walked, affinity: string | null): void {
  happened(ends.streaming > 0, "some are asked while they have streams");
  happened(ends.overdue.size === 2, "some do not end, some leave others");
  const kept = new Set(
    world.events.flatMap((event) =>
      event.type === "worker-kept" ? [event.reason] : []
    ),
  );
  happened(kept.has("reload"), "some are kept after a reload");
  const tied = [...kept].some((reason) => reason !== "reload");
  if (affinity === null) assert.ok(!tied, "and for nothing else");
  else happened(kept.has("scale-down"), "some after a scale-down");
  happened(checkGenerationEvents(world) > 0, "some generations are kept");
  happened(checkPanicEvents(world) > 0, "there is a panic now and then");
  happened(world.reports.some(({ ok }) => ok), "some reloads succeed");
  happened(world.reports.some(({ ok }) => !ok), "some reloads fail");
}

async function walk(
  random: () => number,
  options: Partial<StaffingOptions>,
  more: typeof happenings = () => [],
): Promise<Walked> {
  const pick = <T>(items: readonly T[]): T | undefined =>
    items[Math.floor(random() * items.length)];
  const all = [...happenings(random, pick), ...more(random, pick)];
  const total = all.reduce((sum, [weight]) => sum + weight, 0);
  const world = new ModelWorld(specCalled("first"), options);
  const ends = new EndRules(world);
  const ties = new TieRules(world);
  world.pass();

  for (let event = 0; event < EVENTS; event++) {
    let lot = random() * total;
    const [, happen] = all.find(([weight]) => (lot -= weight) < 0)!;
    happen(world);
    await world.settle();
    // Several things may happen before the pool comes to look.
    if (random() < 0.3) continue;
    world.pass();
    ends.check();
    ties.check();
    check(world);
    checkRest(world, ends);
    ties.check();
    checkClaims(world);
  }

  await comeToRest(world);
  const { roster } = world.reconciler;
  const { number } = world.reloads.generation;
  for (const { worker, successor } of roster.slots) {
    assert.equal(successor, null);
    assert.equal(worker?.state.type, "ready");
    assert.equal(worker.generation, number, "one generation is left");
  }
  assert.equal(world.dispatcher.upstreams.length, world.wish.workers);
  assert.equal(roster.leaving.size, 0);
  assert.equal(roster.kept.size, 0, "nobody wants those that were kept");
  checkGenerationEvents(world);
  assert.equal(world.reconciler.panic, false, "a panic ends");
  checkPanicEvents(world);

  world.wish.stopping = true;
  await comeToRest(world);
  assert.ok(roster.empty);
  assert.deepEqual([...world.processes], []);
  assert.deepEqual(world.dispatcher.upstreams, []);
  await world.end();
  return { world, ends };
}

/** The same with a data plane that hears of it later: claims are made on whom it still knows. */
async function walkLate(random: () => number): Promise<void> {
  const pick = <T>(items: readonly T[]): T | undefined =>
    items[Math.floor(random() * items.length)];
  const all = happenings(random, pick);
  const total = all.reduce((sum, [weight]) => sum + weight, 0);
  const world = new ModelWorld(specCalled("first"));
  const ends = new EndRules(world);
  world.late = true;
  for (let event = 0; event < EVENTS; event++) {
    let lot = random() * total;
    const [, happen] = all.find(([weight]) => (lot -= weight) < 0)!;
    happen(world);
    if (random() < 0.3) world.deliver();
    await world.settle();
    world.pass();
    ends.check();
  }
  happened(ends.drained.size > 0, "some are drained");
  world.late = false;
  await comeToRest(world);
  assert.equal(world.dispatcher.upstreams.length, world.wish.workers);
  world.wish.stopping = true;
  await comeToRest(world);
  assert.ok(world.reconciler.roster.empty);
  await world.end();
}
