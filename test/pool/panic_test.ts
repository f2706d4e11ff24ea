/**
 * Panic: most workers fail their probes together and respond. With made-up
 * processes and a clock of the test.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { PanicEvent } from "../../src/events/mod.ts";
import type { ProbeOutcome } from "../../src/health/thresholds.ts";
import type { StaffingOptions } from "../../src/pool/goal.ts";
import { type ModelProcess, ModelWorld, specCalled } from "./model_world.ts";

/** Nothing but health and reloads replaces a worker here. */
const LASTING = {
  maxRequests: 0,
  maxWorkerAgeS: 0,
  maxWorkerMemoryMb: 0,
  skewProtection: false,
  reloadSurge: 1,
  // A worker that is never ready is seen by its failed start, not by time.
  startupTimeoutMs: 3_600_000,
};

/** Failures in a row that make a worker unhealthy in this world. */
const FALL = 3;

/** Longer than a pool must be calm for a panic to be over. */
const CALM_MS = 5_000;

/** Longer than it takes in a panic until a replacement is tried. */
const TRIAL_MS = 60_000;

/** A pool of so many workers, all of them ready. */
async function startWorld(
  workers: number,
  { spares = 0, ...options }: Partial<StaffingOptions> & {
    readonly spares?: number;
  } = {},
): Promise<ModelWorld> {
  const world = new ModelWorld(specCalled("first"), { ...LASTING, ...options });
  world.wish.workers = workers;
  world.wish.spares = spares;
  await pass(world);
  probeAll(world, "passed");
  await pass(world);
  assert.deepEqual(serving(world), range(workers));
  return world;
}

/** Ends who has been told to, and lets the pool look. */
async function pass(world: ModelWorld): Promise<void> {
  world.pass();
  for (const process of [...world.processes]) {
    if (process.asked) process.exit(0);
  }
  await world.settle();
  for (const read of world.unread.splice(0)) read();
  await world.settle();
  world.pass();
}

function probeAll(world: ModelWorld, outcome: ProbeOutcome): void {
  for (const process of world.processes) world.probe(process, outcome);
}

/** Lets the holders of these slots be probed as often as makes them unhealthy. */
async function fail(
  world: ModelWorld,
  ids: readonly number[],
  outcome: ProbeOutcome = "failed",
): Promise<void> {
  for (let probe = 0; probe < FALL; probe++) {
    for (const id of ids) world.probe(holder(world, id), outcome);
    await pass(world);
  }
}

/** The process that holds a slot. */
function holder(world: ModelWorld, id: number): ModelProcess {
  const slot = world.reconciler.roster.slots.find((slot) => slot.id === id);
  const process = [...world.processes].find(({ port }) =>
    port === slot?.worker?.port
  );
  assert.ok(process, `slot ${id} has a process`);
  return process;
}

/** Slots whose workers are given requests. */
function serving(world: ModelWorld): readonly number[] {
  return world.dispatcher.upstreams.filter(({ accepting }) => accepting)
    .map(({ id }) => id);
}

/** Slots in which a successor has been started. */
function succeeding(world: ModelWorld): readonly number[] {
  return world.reconciler.roster.slots
    .filter(({ successor }) => successor !== null).map(({ id }) => id);
}

function panics(world: ModelWorld): readonly PanicEvent[] {
  return world.events.filter((event): event is PanicEvent =>
    event.type === "panic-entered" || event.type === "panic-left"
  );
}

function starts(world: ModelWorld): number {
  return world.events.filter(({ type }) => type === "worker-spawned").length;
}

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

for (
  const { workers, failing, panic } of [
    { workers: 2, failing: 1, panic: false },
    { workers: 2, failing: 2, panic: true },
    { workers: 3, failing: 1, panic: false },
    { workers: 3, failing: 2, panic: true },
    { workers: 4, failing: 2, panic: false },
    { workers: 4, failing: 3, panic: true },
    { workers: 4, failing: 4, panic: true },
    { workers: 16, failing: 8, panic: false },
    { workers: 16, failing: 9, panic: true },
  ]
) {
  const what = panic
    ? "is a panic: all stay in rotation, and none is replaced"
    : "is none: those are out, and replaced one at a time";
  Deno.test(`${failing} of ${workers} workers that fail by response ${what}`, async () => {
    const world = await startWorld(workers);
    await fail(world, range(failing));
    assert.equal(world.reconciler.panic, panic);
    assert.deepEqual(
      serving(world),
      panic ? range(workers) : range(workers).slice(failing),
    );
    assert.equal(succeeding(world).length, panic ? 0 : 1);
    assert.equal(starts(world), panic ? workers : workers + 1);
  });
}

Deno.test("the one worker of a pool that fails stays until its successor is ready, and that is no panic", async () => {
  const world = await startWorld(1);
  await fail(world, [0]);
  assert.equal(world.reconciler.panic, false);
  assert.deepEqual(serving(world), [0]);
  assert.deepEqual(succeeding(world), [0]);
});

Deno.test("in a panic each worker has its turn", async () => {
  const world = await startWorld(4);
  await fail(world, range(4));
  const asked = Array.from(
    { length: 8 },
    () =>
      world.dispatcher.claim({ clientHash: 0, generation: null, avoid: null })!
        .id,
  );
  assert.deepEqual(asked.toSorted(), [0, 0, 1, 1, 2, 2, 3, 3]);
  await world.settle();
});

Deno.test("a panic is told once as it begins, with what is seen, and once as it ends", async () => {
  const world = await startWorld(4);
  await fail(world, range(4));
  await fail(world, range(4));
  world.clock.advance(1_500);
  probeAll(world, "passed");
  await pass(world);
  await pass(world);
  assert.deepEqual(panics(world), [
    {
      type: "panic-entered",
      failing: 4,
      workers: 4,
      reason: "failed",
      durationMs: 0,
    },
    {
      type: "panic-left",
      failing: 0,
      workers: 4,
      reason: null,
      durationMs: 1_500,
    },
  ]);
});

Deno.test("workers that were taken out before the others failed are put back, and their successors let go", async () => {
  const world = await startWorld(4);
  await fail(world, [0]);
  assert.deepEqual([serving(world), succeeding(world)], [[1, 2, 3], [0]]);
  await fail(world, [1, 2]);
  assert.deepEqual([serving(world), succeeding(world)], [range(4), []]);
});

Deno.test("workers that recover one by one are never taken out meanwhile", async () => {
  const world = await startWorld(4);
  await fail(world, range(4));
  for (const id of range(4)) {
    world.clock.advance(400);
    world.probe(holder(world, id), "passed");
    await pass(world);
    assert.deepEqual(serving(world), range(4));
  }
  assert.equal(world.reconciler.panic, false);
  assert.equal(starts(world), 4);
});

Deno.test("those that go on failing once most are well again are replaced, after a moment", async () => {
  const world = await startWorld(4);
  await fail(world, range(4));
  for (const id of [2, 3]) world.probe(holder(world, id), "passed");
  await pass(world);
  assert.deepEqual([serving(world), succeeding(world)], [range(4), []]);
  assert.ok(world.dueAt <= world.clock.now() + CALM_MS, "it is looked at then");
  world.clock.advance(CALM_MS);
  await pass(world);
  assert.deepEqual([serving(world), succeeding(world)], [[2, 3], [0]]);
  assert.deepEqual(panics(world).map(({ type, failing }) => [type, failing]), [
    ["panic-entered", 4],
    ["panic-left", 2],
  ]);
});

Deno.test("a pool at the threshold does not go in and out", async () => {
  const world = await startWorld(4);
  await fail(world, [0, 1, 2]);
  for (let turn = 0; turn < 20; turn++) {
    world.probe(holder(world, 2), turn % 2 === 0 ? "passed" : "failed");
    if (turn % 2 === 1) await fail(world, [2]);
    await pass(world);
    world.clock.advance(CALM_MS - 1);
    assert.deepEqual(serving(world), range(4));
  }
  assert.deepEqual(panics(world).map(({ type }) => type), ["panic-entered"]);
});

Deno.test("workers that cannot be reached are out, whatever the others respond", async () => {
  const world = await startWorld(4);
  await fail(world, [0, 1], "silent");
  await fail(world, [2, 3], "failed");
  assert.equal(world.reconciler.panic, true);
  assert.deepEqual(serving(world), [2, 3]);
  // One of them is replaced, at a time.
  assert.deepEqual(succeeding(world), [0]);
});

Deno.test("workers that all hang are no panic: the last one stays", async () => {
  const world = await startWorld(3);
  await fail(world, [0], "silent");
  await fail(world, [1], "silent");
  await fail(world, [2], "silent");
  assert.equal(world.reconciler.panic, false);
  assert.deepEqual([serving(world), succeeding(world)], [[2], [0]]);
});

Deno.test("a worker that hangs in a panic is out and replaced, one that only fails to respond once is not", async () => {
  const world = await startWorld(4);
  await fail(world, range(4));
  world.probe(holder(world, 3), "silent");
  await pass(world);
  assert.deepEqual(serving(world), range(4));
  await fail(world, [3], "silent");
  assert.deepEqual([serving(world), succeeding(world)], [range(3), [3]]);
  assert.equal(world.reconciler.panic, true);
});

Deno.test("of one that fails by response and one that hangs, the former serves, whichever came first", async () => {
  for (const first of ["failed", "silent"] as const) {
    const world = await startWorld(2);
    const [failing, hanging] = [0, 1];
    if (first === "failed") await fail(world, [failing]);
    await fail(world, [hanging], "silent");
    if (first === "silent") await fail(world, [failing]);
    assert.deepEqual(serving(world), [failing]);
    assert.equal(world.reconciler.panic, false);
  }
});

Deno.test("a worker that ends in a panic is replaced, and nobody else", async () => {
  const world = await startWorld(4);
  await fail(world, range(4));
  holder(world, 1).exit(1);
  await pass(world);
  await pass(world);
  assert.deepEqual(serving(world), [0, 2, 3]);
  assert.equal(starts(world), 5);
});

Deno.test("a worker that refused a connection in a panic is back once it responds", async () => {
  const world = await startWorld(3);
  await fail(world, range(3));
  world.dispatcher.upstreams[1]!.reportRefused();
  await pass(world);
  assert.deepEqual(serving(world), [0, 2]);
  world.probe(holder(world, 1), "failed");
  await pass(world);
  assert.deepEqual(serving(world), range(3));
});

Deno.test("a spare that is well serves before those that fail", async () => {
  const world = await startWorld(3, { spares: 1 });
  await fail(world, [0, 1, 2]);
  assert.equal(world.reconciler.panic, true);
  assert.ok(serving(world).includes(3));
  assert.equal(serving(world).length, 3);
});

Deno.test("a pool that has never been ready is not kept by a panic", async () => {
  const world = new ModelWorld(specCalled("first"), LASTING);
  world.wish.workers = 3;
  world.wish.spares = 0;
  await pass(world);
  for (let probe = 0; probe < FALL; probe++) probeAll(world, "failed");
  await pass(world);
  assert.equal(world.reconciler.panic, false);
  assert.deepEqual(serving(world), []);
});

Deno.test("new code that is never ready is refused in a panic as ever, and the old stays", async () => {
  const world = await startWorld(3);
  await fail(world, range(3));
  world.reload(specCalled("next"));
  await pass(world);
  const fresh = [...world.processes].find(({ generation }) => generation === 2);
  world.probe(fresh!, "failed");
  fresh!.exit(1);
  await pass(world);
  await pass(world);
  assert.deepEqual(world.reports.map(({ ok }) => ok), [false]);
  assert.deepEqual(serving(world), range(3));
});

Deno.test("new code whose health page fails after it was ready is no panic: it is refused", async () => {
  const world = await startWorld(3);
  world.reload(specCalled("next"));
  // Two are taken for good, one after the other; the third is still the old one.
  for (const id of [0, 1]) {
    await pass(world);
    for (const process of world.processes) world.probe(process, "passed");
    await pass(world);
    world.clock.advance(1_000);
    await pass(world);
    assert.equal(holder(world, id).generation, 2);
  }
  await fail(world, [0, 1]);
  assert.equal(world.reconciler.panic, false);
  assert.deepEqual(
    world.dispatcher.upstreams.filter(({ id }) => id < 2)
      .map(({ generation }) => generation),
    [],
  );
  // Its next attempts are never ready: the old code comes back.
  for (let round = 0; round < 20 && world.reports.length === 0; round++) {
    const fresh = [...world.processes].find((process) =>
      process.generation === 2 && process.probes.healthy === null
    );
    fresh?.exit(1);
    await pass(world);
    world.clock.advance(60_000);
    await pass(world);
  }
  for (let round = 0; round < 20 && world.reports.length === 0; round++) {
    for (const process of world.processes) {
      if (process.generation === 1) world.probe(process, "passed");
    }
    await pass(world);
    world.clock.advance(1_000);
  }
  assert.deepEqual(world.reports.map(({ ok }) => ok), [false]);
});

Deno.test("after a minute one replacement is tried, and after one in vain the next much later", async () => {
  const world = await startWorld(3);
  await fail(world, range(3));
  world.clock.advance(TRIAL_MS);
  await pass(world);
  assert.deepEqual([serving(world), succeeding(world)], [range(3), [0]]);
  newest(world).exit(1);
  await pass(world);
  world.clock.advance(TRIAL_MS);
  await pass(world);
  assert.deepEqual(succeeding(world), []);
  world.clock.advance(TRIAL_MS);
  await pass(world);
  assert.deepEqual(succeeding(world), [0]);
});

Deno.test("where a new worker is well in a panic the next one follows, until it is over", async () => {
  const world = await startWorld(3);
  await fail(world, range(3));
  world.clock.advance(TRIAL_MS);
  await pass(world);
  for (const id of range(3)) {
    assert.deepEqual(succeeding(world), [id]);
    world.probe(newest(world), "passed");
    await pass(world);
    await pass(world);
    world.clock.advance(CALM_MS);
    await pass(world);
  }
  assert.deepEqual(serving(world), range(3));
  assert.deepEqual(panics(world).map(({ type }) => type), [
    "panic-entered",
    "panic-left",
  ]);
  assert.equal(starts(world), 6);
});

Deno.test("a former generation that fails with the others is kept for its clients", async () => {
  const world = await startWorld(2, { skewProtection: true });
  world.reload(specCalled("next"));
  for (let round = 0; round < 20 && world.reports.length === 0; round++) {
    probeAll(world, "passed");
    await pass(world);
    world.clock.advance(1_000);
  }
  assert.equal(world.dispatcher.former.length, 2);
  for (let probe = 0; probe < FALL; probe++) {
    probeAll(world, "failed");
    await pass(world);
  }
  assert.equal(world.dispatcher.former.length, 2);
  assert.deepEqual(serving(world), [0, 1]);
});

Deno.test("a pool that stops in a panic stops, and says no more of it", async () => {
  const world = await startWorld(3);
  await fail(world, range(3));
  world.wish.stopping = true;
  for (let round = 0; round < 5; round++) await pass(world);
  assert.ok(world.reconciler.roster.empty);
  assert.deepEqual(panics(world).map(({ type }) => type), ["panic-entered"]);
});

/** The process that was started last. */
function newest(world: ModelWorld): ModelProcess {
  return [...world.processes].at(-1)!;
}
