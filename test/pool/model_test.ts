/**
 * Random walks through everything that can happen to a pool, with the rules
 * that must hold whatever happens.
 *
 * @module
 */

import assert from "node:assert/strict";
import { KEPT_PER_PLACE } from "../../src/shared/kept_per_place.ts";
import {
  ModelClaim,
  type ModelProcess,
  ModelWorld,
  OPTIONS,
  specCalled,
} from "./model_world.ts";

/** Events of one walk. */
const EVENTS = 3_000;

/** Walks; a failure names its seed. */
const SEEDS = [1, 3, 4, 6, 10];

/** Most workers wanted. */
const MAX_WORKERS = 6;

/**
 * Passes after which nothing changes while nothing happens. A reload may fail,
 * end, and be followed by the next, each seen a pass later.
 */
const PASSES_TO_REST = 6;

/** Rounds in which a world that lets everything succeed must come to rest. */
const ROUNDS_TO_REST = 200;

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

function release(world: ModelWorld, index: number): void {
  if (world.claims.length === 0) return;
  const [claim] = world.claims.splice(index % world.claims.length, 1);
  const { upstream } = claim!;
  upstream.requests++;
  upstream.exchanges.leave(claim!);
  world.dispatcher.release(upstream);
}

/** The rules. */
function check(world: ModelWorld): void {
  const { roster } = world.reconciler;
  const { slots } = roster;
  const { workers, spares } = world.goal;
  const now = world.clock.now();

  assert.equal(slots.length, workers + spares, "as many slots as are wanted");
  const ids = new Set(slots.map(({ id }) => id));
  assert.equal(ids.size, slots.length, "no slot number is used twice");
  for (const slot of slots) {
    assert.ok(
      slot.worker !== null || slot.retryAt > now,
      `slot ${slot.id} has a worker, or waits for its next attempt`,
    );
  }
  const successors = slots.filter(({ successor }) => successor !== null);
  assert.ok(successors.length <= OPTIONS.reloadSurge, "no more than the surge");

  const ports = roster.workers.map(({ port }) => port);
  assert.equal(new Set(ports).size, ports.length, "no port is used twice");

  const published = world.dispatcher.upstreams;
  for (const upstream of published) {
    const worker = roster.workers.find((w) => w.upstream.key === upstream.key);
    assert.ok(worker, "who is published is in the pool");
    assert.ok(
      worker.state.type === "ready" || worker.retained !== null,
      "who is published is ready, or better than none",
    );
    assert.equal(worker.goneAt, null, "who is published runs");
    assert.ok(upstream.accepting);
    assert.ok(roster.slotOf(worker)?.member, "who is published is no spare");
  }
  checkFormer(world);
  checkPanic(world);
  const places = new Set(published.map(({ id }) => id));
  const able = slots.filter(({ serviceable }) => serviceable.length > 0);
  assert.equal(
    places.size,
    Math.min(workers, able.length),
    "whoever can serve does, up to the number that is wanted",
  );
  assert.ok(published.length <= workers + OPTIONS.reloadSurge);
  assert.ok(world.dueAt > now, "the next pass is due later, not now");
}

/** Those who are kept for their clients have left their places, and get nobody new. */
function checkFormer(world: ModelWorld): void {
  const { roster } = world.reconciler;
  const { kept, slots } = roster;
  const { affinity } = world.goal.options;
  const places = Map.groupBy(kept, ({ id }) => id);
  for (const ofPlace of places.values()) {
    assert.ok(ofPlace.length <= KEPT_PER_PLACE, "a place keeps only so many");
  }
  for (const worker of kept) {
    assert.ok(
      affinity !== null || slots.some(({ id }) => id === worker.id) &&
          worker.generation < world.goal.generation.number,
      "its slot is there, and has a newer one",
    );
    assert.ok(worker.generation <= world.goal.generation.number);
    assert.ok(worker.hasServed);
    assert.ok(slots.every((slot) => !slot.workers.includes(worker)));
    assert.ok(worker.state.type === "ready" || worker.retained === "panic");
  }
  for (const upstream of world.dispatcher.former) {
    const worker = roster.workers.find((other) =>
      other.upstream.key === upstream.key
    );
    assert.ok(worker?.serviceable, "who gets requests can serve");
    assert.ok(!world.dispatcher.upstreams.includes(upstream));
    const spare = affinity !== null &&
      roster.slotOf(worker)?.member === false && worker.hasServed;
    assert.ok(kept.has(worker) || spare, "who is kept, or had clients before");
  }
}

/** Who fails is kept only where it responds and its code has proved itself, and is not replaced in a panic but to try one. */
function checkPanic(world: ModelWorld): void {
  const { panic, roster } = world.reconciler;
  const published = world.dispatcher.upstreams;
  let tried = 0;
  for (const slot of roster.slots) {
    for (const worker of slot.workers) {
      if (worker.retained === null) continue;
      assert.equal(worker.retained === "panic", panic);
      assert.equal(worker.health?.healthy, false);
      assert.notEqual(worker.health.reach, "unreachable");
      assert.ok(worker.generation <= world.goal.provenGeneration);
      assert.notEqual(worker.startupMs, null, "it has been ready");
      if (panic && slot.successor !== null && slot.cause === "unhealthy") {
        tried++;
      }
    }
    if (slot.member && slot.serviceable.length > 0) {
      assert.ok(published.some(({ id }) => id === slot.id));
    }
  }
  assert.ok(tried <= 1, "one replacement is tried at a time");
  // Of those that respond and have proved themselves, a panic leaves nobody out.
  for (const { worker } of panic ? roster.slots : []) {
    if (worker?.health?.healthy !== false || worker.suspect) continue;
    const kept = worker.health.reach !== "unreachable" &&
      worker.startupMs !== null && worker.goneAt === null &&
      worker.generation <= world.goal.provenGeneration;
    assert.equal(worker.serviceable && worker.retained === "panic", kept);
  }
}

/** A panic begins and ends, in turn. */
function checkPanicEvents({ events, reconciler }: ModelWorld): void {
  let panic = false;
  let panics = 0;
  for (const { type } of events) {
    if (type !== "panic-entered" && type !== "panic-left") continue;
    assert.equal(type === "panic-entered", !panic);
    panic = !panic;
    if (panic) panics++;
  }
  assert.equal(panic, reconciler.panic);
  assert.ok(panics > 0, "there is a panic now and then");
}

/** Claims are made on workers alone that may be given work. */
function checkClaims(world: ModelWorld): void {
  const { upstreams, former } = world.dispatcher;
  for (const upstream of [...upstreams, ...former]) {
    if (!upstream.accepting) continue;
    const worker = world.reconciler.roster.workers
      .find((candidate) => candidate.upstream.key === upstream.key);
    assert.ok(worker?.state.type === "ready" || worker?.retained);
  }
}

/**
 * Workers are asked to end when they have nothing in flight but streams, or
 * their time for it is up; and are killed only after they have had the time to.
 */
class EndRules {
  readonly #world: ModelWorld;
  /** When each worker was asked, by process id. */
  readonly #askedAt = new Map<number, number>();
  #seen = 0;
  /** Workers that were asked while they had streams. */
  streaming = 0;
  /** Upstreams whose workers were asked once they had nothing but streams. */
  readonly drained = new Set<number>();
  /** Workers that were killed after their time, by what is said of it. */
  readonly overdue = new Set<string>();

  constructor(world: ModelWorld) {
    this.#world = world;
  }

  /** Looks at what has happened in the pass that has just been made. */
  check(): void {
    const { events, claims, clock, reconciler } = this.#world;
    for (const event of events.slice(this.#seen)) {
      if (event.type !== "worker-signalled") continue;
      const { pid, signal, reason } = event;
      const worker = reconciler.roster.workers
        .find(({ process }) => process.pid === pid);
      const inFlight = claims
        .filter(({ upstream }) => upstream.key === worker?.upstream.key);
      if (signal === "SIGTERM") {
        this.#askedAt.set(pid, clock.now());
        if (reason !== "drained") continue;
        assert.ok(inFlight.every(({ stream }) => stream), "no request is lost");
        if (inFlight.length > 0) this.streaming++;
        if (worker) this.drained.add(worker.upstream.key);
      } else if (!reason.includes("MEMORY")) {
        const askedAt = this.#askedAt.get(pid);
        assert.ok(askedAt !== undefined, "nobody is killed unasked");
        assert.ok(clock.now() - askedAt >= OPTIONS.stopTimeoutMs, "in time");
        this.overdue.add(reason);
      }
    }
    this.#seen = events.length;
    for (const { stream, upstream } of claims) {
      assert.ok(
        stream || !this.drained.has(upstream.key),
        "nobody is given a request who was asked to end when drained",
      );
    }
  }
}

/** With AFFINITY nobody goes who is well and may have clients, but after it was kept for them. */
class TieRules {
  readonly #world: ModelWorld;
  readonly #kept = new Set<number>();
  #seen = 0;

  constructor(world: ModelWorld) {
    this.#world = world;
  }

  /** Looks at what has happened in the pass that has just been made. */
  check(): void {
    const { events, goal, reconciler: { roster } } = this.#world;
    for (const event of events.slice(this.#seen)) {
      if (event.type === "worker-kept") this.#kept.add(event.pid);
      if (event.type !== "worker-draining") continue;
      const { pid, reason } = event;
      const [worker] = [...roster.leaving]
        .filter(({ process }) => process.pid === pid);
      const leaves = ["scale-down", "max-requests", "max-age"].includes(reason);
      if (this.#kept.has(pid)) continue;
      if (leaves && worker?.hasServed && goal.options.affinity !== null) {
        const { suspect, health, goneAt } = worker;
        const lost = suspect || health?.healthy === false || goneAt !== null;
        assert.ok(lost, `it goes for ${reason}, and was not kept`);
      }
    }
    this.#seen = events.length;
  }
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
    roster.slots.some(({ successor }) => successor);
    round++
  ) {
    assert.ok(round < 2 * ROUNDS_TO_REST, "it comes to rest");
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

for (const seed of SEEDS) {
  // Every other one, so that both are walked.
  const affinity = seed % 2 === 0 ? "cookie" : null;
  Deno.test(`whatever happens, the rules of the pool hold: ${EVENTS} events, seed ${seed}, affinity ${affinity}`, async () => {
    const random = seeded(seed);
    const ownRandom = Math.random;
    // Back-off, jitter and ports are drawn from the same source.
    Math.random = random;
    try {
      await walk(random, affinity);
    } finally {
      Math.random = ownRandom;
    }
  });
}

Deno.test("a data plane that is late with what it is told loses no request, and the pool comes to rest", async () => {
  const random = seeded(1);
  const ownRandom = Math.random;
  Math.random = random;
  try {
    await walkLate(random);
  } finally {
    Math.random = ownRandom;
  }
});

/** Each generation that is kept is not any more at some time. */
function checkGenerationEvents({ events }: ModelWorld): void {
  const kept = new Set<number>();
  const reasons = new Set<string>();
  for (const event of events) {
    if (event.type === "generation-kept") {
      assert.ok(!kept.has(event.generation));
      kept.add(event.generation);
    } else if (event.type === "generation-ended") {
      assert.ok(kept.delete(event.generation));
      reasons.add(event.reason);
    }
  }
  assert.equal(kept.size, 0);
  assert.ok(reasons.size > 0, "some are kept");
}

async function walk(
  random: () => number,
  affinity: string | null,
): Promise<void> {
  const pick = <T>(items: readonly T[]): T | undefined =>
    items[Math.floor(random() * items.length)];
  const all = happenings(random, pick);
  const total = all.reduce((sum, [weight]) => sum + weight, 0);
  const world = new ModelWorld(specCalled("first"), { affinity });
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
  assert.ok(ends.streaming > 0, "some are asked while they have streams");
  assert.equal(ends.overdue.size, 2, "some do not end, some leave others");

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
  const kept = new Set(
    world.events.flatMap((event) =>
      event.type === "worker-kept" ? [event.reason] : []
    ),
  );
  assert.ok(kept.has("reload"), "some are kept after a reload");
  assert.equal(kept.has("scale-down"), affinity !== null);
  if (affinity === null) assert.equal(kept.size, 1);
  checkGenerationEvents(world);
  assert.equal(world.reconciler.panic, false, "a panic ends");
  checkPanicEvents(world);
  assert.ok(world.reports.some(({ ok }) => ok), "some reloads succeed");
  assert.ok(world.reports.some(({ ok }) => !ok), "some reloads fail");

  world.wish.stopping = true;
  await comeToRest(world);
  assert.ok(roster.empty);
  assert.deepEqual([...world.processes], []);
  assert.deepEqual(world.dispatcher.upstreams, []);
  await world.end();
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
  assert.ok(ends.drained.size > 0, "some are drained");
  world.late = false;
  await comeToRest(world);
  assert.equal(world.dispatcher.upstreams.length, world.wish.workers);
  world.wish.stopping = true;
  await comeToRest(world);
  assert.ok(world.reconciler.roster.empty);
  await world.end();
}
