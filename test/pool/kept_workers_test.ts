/**
 * AFFINITY: who is kept when the pool shrinks, for how long, and who comes
 * back. With made-up processes and a clock of the test.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { StaffingOptions } from "../../src/pool/goal.ts";
import { snapshotPool } from "../../src/pool/pool_snapshot.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { KEPT_PER_PLACE } from "../../src/shared/kept_per_place.ts";
import { type ModelWorld, specCalled } from "./model_world.ts";
import { GRACE_MS, reload, startWorld, until, wait } from "./quiet_world.ts";

/** A tenth of the grace: it is longer than the least. */
const UNUSED_MS = GRACE_MS / 10;

/** Requests after which a worker is recycled. */
const MAX_REQUESTS = 3;

/** Clients are tied to workers, and not to generations. */
const STICKY = { affinity: "cookie", skewProtection: false } as const;

/** Two workers that were three; the third has clients of its own. */
async function shrink(
  options: Partial<StaffingOptions> = {},
): Promise<{ readonly world: ModelWorld; readonly tied: Upstream }> {
  const world = await startWorld({ ...STICKY, ...options });
  world.wish.workers = 3;
  await until(world, () => world.dispatcher.upstreams.length === 3);
  const before = world.dispatcher.upstreams;
  world.wish.workers = 2;
  world.pass();
  const [tied] = before.filter((one) =>
    !world.dispatcher.upstreams.includes(one)
  );
  return { world, tied: tied! };
}

/** A client that is tied to `owner` makes a request; returns who has it. */
function ask(world: ModelWorld, owner: Upstream | null): Upstream {
  const claimed = world.dispatcher.claim(
    { clientHash: 0, generation: null, avoid: null, owner },
  );
  assert.ok(claimed);
  claimed.requests++;
  world.dispatcher.release(claimed);
  return claimed;
}

/** What is told of workers that are kept, in order. */
function story({ events }: ModelWorld): readonly string[] {
  return events.flatMap((event) =>
    event.type === "worker-kept"
      ? ["kept"]
      : event.type === "worker-promoted"
      ? [event.from]
      : event.type === "worker-draining"
      ? [event.reason]
      : []
  );
}

Deno.test("a worker that the pool shrinks by serves on, for the clients that are tied to it alone", async () => {
  const { world, tied } = await shrink();
  assert.deepEqual(world.dispatcher.former, [tied]);
  assert.equal(ask(world, tied), tied);
  const others = Array.from({ length: 6 }, () => ask(world, null));
  assert.equal(new Set(others).size, 2);
  assert.ok(!others.includes(tied));
  assert.deepEqual(story(world), ["kept"]);
});

Deno.test("its generation's clients are not its own", async () => {
  const { world, tied } = await shrink({ skewProtection: true });
  for (let i = 0; i < 6; i++) {
    const claimed = world.dispatcher.claim(
      { clientHash: 0, generation: 1, avoid: null, owner: null },
    )!;
    assert.notEqual(claimed, tied);
    world.dispatcher.release(claimed);
  }
});

Deno.test("it goes when SKEW_GRACE_MS has passed, however busy it is", async () => {
  const { world, tied } = await shrink();
  const since = world.clock.now();
  while (world.clock.now() < since + GRACE_MS) {
    assert.equal(ask(world, tied), tied);
    await wait(world, UNUSED_MS / 2);
  }
  assert.deepEqual(world.dispatcher.former, []);
  assert.deepEqual(story(world), ["kept", "scale-down"]);
  await until(world, () => world.processes.size === 2);
});

Deno.test("it goes when it has had no request for a tenth of that; the pool looks by itself", async () => {
  const { world } = await shrink();
  await wait(world, UNUSED_MS - 1);
  assert.equal(world.dispatcher.former.length, 1);
  assert.ok(world.dueAt <= world.clock.now() + 1);
  await wait(world, 1);
  assert.deepEqual(world.dispatcher.former, []);
});

Deno.test("a pool that grows again takes it back, and starts none", async () => {
  const { world, tied } = await shrink();
  const { length } = world.events.filter(({ type }) =>
    type === "worker-spawned"
  );
  world.wish.workers = 3;
  world.pass();
  assert.ok(world.dispatcher.upstreams.includes(tied));
  assert.deepEqual(world.dispatcher.former, []);
  assert.deepEqual(story(world), ["kept", "kept"]);
  await until(world, () => world.processes.size === 3);
  const spawned = world.events.filter(({ type }) => type === "worker-spawned");
  assert.equal(spawned.length, length);
});

Deno.test("it is ended when it fails its probes, and when the pool stops", async () => {
  const { world, tied } = await shrink();
  const sick = [...world.processes].find((one) => one.upstreamId === tied.id);
  for (let probe = 0; probe < 3; probe++) world.probe(sick!, "failed");
  world.pass();
  assert.deepEqual(world.dispatcher.former, []);
  assert.deepEqual(story(world), ["kept", "unhealthy"]);

  const stopping = await shrink();
  stopping.world.wish.stopping = true;
  stopping.world.pass();
  assert.deepEqual(stopping.world.dispatcher.former, []);
  await until(stopping.world, () => stopping.world.processes.size === 0);
  assert.ok(stopping.world.reconciler.roster.empty);
});

Deno.test("a reload ends it, but not with SKEW_PROTECTION", async () => {
  const { world } = await shrink();
  await reload(world);
  assert.deepEqual(world.dispatcher.former, []);

  const skewed = await shrink({ skewProtection: true });
  await reload(skewed.world);
  assert.ok(skewed.world.dispatcher.former.includes(skewed.tied));
  assert.equal(ask(skewed.world, skewed.tied), skewed.tied);
  await reload(skewed.world);
  assert.equal(ask(skewed.world, skewed.tied), skewed.tied);
});

/** Its one worker of that number is replaced, because it has had its requests. */
async function recycle(world: ModelWorld, id: number): Promise<Upstream> {
  const old = world.dispatcher.upstreams.find((one) => one.id === id)!;
  while (old.requests < MAX_REQUESTS) ask(world, old);
  await until(world, () => !world.dispatcher.upstreams.includes(old));
  return old;
}

Deno.test("a worker that is recycled serves on for its clients, out of rotation, once its successor is ready", async () => {
  for (
    const wear of [
      { maxRequests: MAX_REQUESTS, maxRequestsJitter: 0 },
      { maxWorkerAgeS: 60 },
    ]
  ) {
    const world = await startWorld({ ...STICKY, ...wear });
    const [first] = world.dispatcher.upstreams;
    if (wear.maxRequests) assert.equal(await recycle(world, first!.id), first);
    else await wait(world, 60_000);
    await until(world, () => !world.dispatcher.upstreams.includes(first!));
    assert.ok(world.dispatcher.former.includes(first!));
    assert.equal(ask(world, first!), first);
    assert.notEqual(ask(world, null), first);
    assert.equal(world.dispatcher.upstreams.length, 2);
    assert.ok(!story(world).some((told) => told.startsWith("max-")));
    await wait(world, GRACE_MS);
    assert.ok(!world.dispatcher.former.includes(first!));
  }
});

Deno.test(`a place keeps ${KEPT_PER_PLACE}: who has left it first goes before one more is kept`, async () => {
  const world = await startWorld({
    ...STICKY,
    maxRequests: MAX_REQUESTS,
    maxRequestsJitter: 0,
  });
  const old: Upstream[] = [];
  for (let i = 0; i <= KEPT_PER_PLACE; i++) old.push(await recycle(world, 0));
  assert.deepEqual(world.dispatcher.former, old.slice(1));
  assert.equal(ask(world, old[1]!), old[1]);
  assert.notEqual(ask(world, old[0]!), old[0]);
  await until(world, () => world.processes.size === 2 + KEPT_PER_PLACE);
});

Deno.test("one that uses too much memory goes at once, as soon as its successor is ready or it was kept", async () => {
  const world = await startWorld({ ...STICKY, maxWorkerMemoryMb: 100 });
  const greedy = (): void => {
    for (const worker of world.reconciler.roster.workers) {
      if (worker.startedAt <= 1_000) worker.peakRssBytes = 120 * 1024 * 1024;
    }
  };
  const [first] = world.dispatcher.upstreams;
  world.wish.workers = 1;
  world.pass();
  assert.equal(world.dispatcher.former.length, 1);
  greedy();
  world.pass();
  assert.deepEqual(world.dispatcher.former, []);
  await until(world, () => !world.dispatcher.upstreams.includes(first!));
  assert.deepEqual(story(world), ["kept", "max-memory", "max-memory"]);
});

Deno.test("one that another stood in for serves its own clients as a spare, and comes back before another is started", async () => {
  const world = await startWorld({ ...STICKY });
  world.wish.spares = 1;
  const { roster } = world.reconciler;
  await until(
    world,
    () =>
      roster.slots.length === 3 &&
      roster.slots.every(({ serviceable }) => serviceable.length > 0),
  );
  const [first] = world.dispatcher.upstreams;
  first!.reportRefused();
  world.pass();
  assert.ok(!world.dispatcher.upstreams.includes(first!));
  for (const process of world.processes) world.probe(process, "passed");
  world.pass();
  assert.deepEqual(world.dispatcher.former, [first]);
  assert.equal(ask(world, first!), first);
  const others = Array.from({ length: 6 }, () => ask(world, null));
  assert.ok(!others.includes(first!));
  const spares = roster.slots.filter(({ member }) => !member);
  assert.deepEqual(spares.map(({ id }) => id), [first!.id]);
  const { ready, spare } = snapshotPool(roster, {
    min: 1,
    max: 3,
    desired: 2,
    generation: 1,
    panic: false,
    droppedOutput: new Map(),
    restarts: {},
    now: world.clock.now(),
  });
  assert.deepEqual([ready, spare], [2, 1]);
  world.wish.workers = 3;
  world.pass();
  assert.ok(world.dispatcher.upstreams.includes(first!));
});

Deno.test("a reload that fails leaves those the pool has shrunk by, and puts the others back", async () => {
  const { world, tied } = await shrink({ skewProtection: true });
  const serving = world.dispatcher.upstreams;
  const ok = await reload(
    world,
    ({ generation, upstreamId }) => generation === 1 || upstreamId !== 1,
  );
  assert.equal(ok, false);
  assert.deepEqual(world.dispatcher.upstreams, serving);
  assert.deepEqual(world.dispatcher.former, [tied]);
  assert.equal(ask(world, tied), tied);
});

Deno.test("a pool that shrinks while a reload goes on keeps those of both generations", async () => {
  for (const skewProtection of [true, false]) {
    const world = await startWorld({ ...STICKY, skewProtection });
    world.wish.workers = 4;
    await until(world, () => world.dispatcher.upstreams.length === 4);
    const old = world.dispatcher.upstreams;
    world.reload(specCalled("next"));
    await until(
      world,
      () =>
        world.dispatcher.upstreams.some(({ generation }) => generation === 2),
    );
    world.wish.workers = 1;
    world.pass();
    for (const one of old) assert.equal(ask(world, one), one);
    await until(world, () => world.reports.length === 1);
    assert.ok(world.reports[0]!.ok);
    const left = old.filter((one) => ask(world, one) === one);
    assert.equal(left.length, skewProtection ? 4 : 0);
    assert.equal(world.dispatcher.upstreams.length, 1);
    world.wish.stopping = true;
    await until(world, () => world.processes.size === 0);
    assert.ok(world.reconciler.roster.empty);
  }
});

Deno.test("with AFFINITY the workers from before a reload are kept though the pool shrinks", async () => {
  const world = await startWorld({ affinity: "cookie" });
  await reload(world);
  world.wish.workers = 1;
  world.pass();
  const kept = world.dispatcher.former.map(({ generation }) => generation);
  assert.deepEqual(kept.toSorted(), [1, 1, 2]);
  world.wish.stopping = true;
  await until(world, () => world.processes.size === 0);
});

Deno.test("without AFFINITY nobody is kept", async () => {
  const { world } = await shrink({ affinity: null });
  assert.deepEqual(world.dispatcher.former, []);
  assert.deepEqual(story(world), ["scale-down"]);
});
