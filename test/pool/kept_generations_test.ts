/**
 * SKEW_PROTECTION: who is kept after a reload, for how long, and who comes
 * back. With made-up processes and a clock of the test.
 *
 * @module
 */

import assert from "node:assert/strict";
import { KEPT_PER_PLACE } from "../../src/shared/kept_per_place.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import {
  type ModelProcess,
  type ModelWorld,
  specCalled,
} from "./model_world.ts";
import { GRACE_MS, reload, startWorld, until, wait } from "./quiet_world.ts";

/** A tenth of the grace: it is longer than the least. */
const UNUSED_MS = GRACE_MS / 10;

/** A client of a generation makes a request, and has its answer at once. */
function ask(world: ModelWorld, generation: number | null): Upstream {
  const upstream = world.dispatcher.claim(
    { clientHash: 0, generation, avoid: null },
  );
  assert.ok(upstream);
  upstream.requests++;
  world.dispatcher.release(upstream);
  return upstream;
}

function generationsOf(upstreams: readonly Upstream[]): readonly number[] {
  return upstreams.map(({ generation }) => generation);
}

/** What is told of generations, in order. */
function story({ events }: ModelWorld): readonly string[] {
  return events.flatMap((event) =>
    event.type === "generation-kept"
      ? [`${event.generation} kept`]
      : event.type === "generation-ended"
      ? [`${event.generation} ended: ${event.reason}`]
      : []
  );
}

Deno.test("the workers of a generation that is superseded serve on, for its clients alone", async () => {
  const world = await startWorld();
  const first = world.dispatcher.upstreams;
  assert.equal(await reload(world), true);
  const { upstreams, former } = world.dispatcher;
  assert.deepEqual(generationsOf(upstreams), [2, 2]);
  assert.deepEqual(former, first);
  assert.deepEqual(
    [1, 1, 2, null, null].map((of) => ask(world, of).generation),
    [1, 1, 2, 2, 2],
  );
  assert.deepEqual(story(world), ["1 kept"]);
  assert.ok(!world.events.some(({ type }) => type === "worker-draining"));
});

Deno.test("while a reload goes on each client stays where it is, and new ones are given either", async () => {
  const world = await startWorld();
  world.reload(specCalled("next"));
  await until(world, () => world.dispatcher.former.length === 1);
  const { upstreams } = world.dispatcher;
  assert.deepEqual([...generationsOf(upstreams)].sort(), [1, 2]);
  const given = [1, 1, 1, 1].map((of) => ask(world, of));
  assert.deepEqual(generationsOf(given), [1, 1, 1, 1]);
  assert.equal(new Set(given).size, 2, "the one that is kept, too");
  assert.equal(ask(world, 2).generation, 2);
});

Deno.test("a generation whose clients go on making requests is kept until SKEW_GRACE_MS has passed", async () => {
  const world = await startWorld();
  await reload(world);
  for (let ms = 0; ms < GRACE_MS - 2 * UNUSED_MS; ms += UNUSED_MS - 1) {
    assert.equal(ask(world, 1).generation, 1);
    await wait(world, UNUSED_MS - 1);
  }
  assert.equal(ask(world, 1).generation, 1);
  await wait(world, UNUSED_MS - 1);
  ask(world, 1);
  await wait(world, UNUSED_MS - 1);
  assert.deepEqual(world.dispatcher.former, []);
  assert.equal(ask(world, 1).generation, 2);
  assert.deepEqual(story(world), ["1 kept", "1 ended: grace"]);
  await until(world, () => world.processes.size === 2);
});

Deno.test("a generation that gets no requests goes before that, worker by worker", async () => {
  const world = await startWorld();
  await reload(world);
  for (let i = 0; i < 2; i++) ask(world, 1);
  // Seen, and from then on there are none.
  await wait(world, 1);
  await wait(world, UNUSED_MS - 2);
  ask(world, 1);
  await wait(world, 1);
  assert.equal(world.dispatcher.former.length, 2);
  assert.ok(world.dueAt <= world.clock.now() + 1, "the pool looks by itself");
  await wait(world, 1);
  assert.equal(world.dispatcher.former.length, 1);
  await wait(world, UNUSED_MS - 2);
  assert.equal(world.dispatcher.former.length, 1);
  await wait(world, 1);
  assert.deepEqual(world.dispatcher.former, []);
  assert.deepEqual(story(world), ["1 kept", "1 ended: unused"]);
});

Deno.test("a request in flight is use: a long download or a socket keeps its worker", async () => {
  const world = await startWorld();
  await reload(world);
  const upstream = world.dispatcher.claim(
    { clientHash: 0, generation: 1, avoid: null },
  )!;
  for (let round = 0; round < 3; round++) await wait(world, UNUSED_MS);
  assert.deepEqual(world.dispatcher.former, [upstream]);
  world.dispatcher.release(upstream);
  await wait(world, UNUSED_MS);
  await wait(world, UNUSED_MS);
  assert.deepEqual(story(world), ["1 kept", "1 ended: unused"]);
});

Deno.test(`clients of the last ${KEPT_PER_PLACE} generations stay where they are; a further reload ends the oldest`, async () => {
  const world = await startWorld();
  const visit = (): readonly number[] =>
    [1, 1, 2, 2, 3, 3, 4, 4].map((of) => ask(world, of).generation);
  for (let i = 0; i < KEPT_PER_PLACE; i++) {
    await reload(world);
    visit();
  }
  const { upstreams, former } = world.dispatcher;
  assert.deepEqual(generationsOf(upstreams), [4, 4]);
  assert.deepEqual(generationsOf(former).toSorted(), [1, 1, 2, 2, 3, 3]);
  assert.deepEqual(visit(), [1, 1, 2, 2, 3, 3, 4, 4]);
  assert.deepEqual(story(world), ["1 kept", "2 kept", "3 kept"]);
  await reload(world);
  assert.deepEqual(story(world).slice(3), ["4 kept", "1 ended: reload"]);
  assert.deepEqual(visit(), [5, 5, 2, 2, 3, 3, 4, 4]);
  await until(world, () => world.processes.size === 2 * (1 + KEPT_PER_PLACE));
});

Deno.test("a worker that is recycled goes: it is its generation that clients are tied to", async () => {
  const world = await startWorld({ maxRequests: 1, maxRequestsJitter: 0 });
  const first = world.dispatcher.upstreams;
  for (let i = 0; i < 2; i++) ask(world, 1);
  await until(
    world,
    () => world.dispatcher.upstreams.every((one) => !first.includes(one)),
  );
  assert.deepEqual(world.dispatcher.former, []);
});

Deno.test("a reload that fails gives the workers that were kept their places back, and starts none", async () => {
  const world = await startWorld();
  const first = world.dispatcher.upstreams;
  const bad = ({ generation, upstreamId }: ModelProcess): boolean =>
    generation !== 2 || upstreamId !== 1;
  assert.equal(await reload(world, bad), false);
  assert.deepEqual(
    world.reports[0]!.workers.map(({ verdict }) => verdict),
    ["rolled-back", "failed"],
  );
  await until(world, () => world.processes.size === 2);
  assert.deepEqual(world.dispatcher.upstreams, first);
  assert.deepEqual(world.dispatcher.former, []);
  assert.deepEqual(story(world), ["1 kept", "1 ended: rolled-back"]);
  const spawned = world.events.filter(({ type }) => type === "worker-spawned");
  assert.equal(spawned.length, 4, "the first two, and two of the new code");
  // A client that the new code had has to move.
  assert.equal(ask(world, 2).generation, 1);
});

Deno.test("a worker that was held back has no clients, and is not kept", async () => {
  const world = await startWorld();
  world.wish.spares = 1;
  await until(world, () => world.processes.size === 3);
  await reload(world);
  assert.equal(world.dispatcher.former.length, 2);
  await until(world, () => world.processes.size === 5);
});

Deno.test("a former worker that is lost is not replaced; its clients have the others, and then the next generation", async () => {
  const world = await startWorld();
  await reload(world);
  const lose = async (): Promise<void> => {
    [...world.processes].find(({ generation }) => generation === 1)!.exit(1);
    await world.settle();
    world.pass();
  };
  await lose();
  assert.equal(world.dispatcher.former.length, 1);
  assert.equal(ask(world, 1).generation, 1);
  await lose();
  assert.equal(ask(world, 1).generation, 2);
  await until(world, () => world.processes.size === 2);
  assert.deepEqual(story(world), ["1 kept", "1 ended: lost"]);
  assert.deepEqual(generationsOf(world.dispatcher.upstreams), [2, 2]);
});

Deno.test("a former worker that fails its probes is ended", async () => {
  const world = await startWorld();
  await reload(world);
  const [sick] = [...world.processes];
  assert.equal(sick!.generation, 1);
  for (let probe = 0; probe < 3; probe++) world.probe(sick!, "failed");
  world.pass();
  assert.equal(world.dispatcher.former.length, 1);
  const draining = world.events.filter(({ type }) =>
    type === "worker-draining"
  );
  assert.equal(draining.length, 1);
});

Deno.test("a former worker does not stand in for the last one that is ready", async () => {
  const world = await startWorld();
  world.wish.workers = 1;
  await until(world, () => world.processes.size === 1);
  await reload(world);
  const young = [...world.processes].find(({ generation }) => generation === 2);
  for (let probe = 0; probe < 3; probe++) world.probe(young!, "failed");
  world.pass();
  assert.deepEqual(generationsOf(world.dispatcher.upstreams), [2]);
});

Deno.test("a pool that shrinks, or stops, ends the former workers of the slots that go", async () => {
  const world = await startWorld();
  await reload(world);
  world.wish.workers = 1;
  world.pass();
  assert.equal(world.dispatcher.former.length, 1);
  world.wish.stopping = true;
  world.pass();
  assert.deepEqual(world.dispatcher.former, []);
  await until(world, () => world.processes.size === 0);
  assert.ok(world.reconciler.roster.empty);
  assert.deepEqual(story(world), ["1 kept", "1 ended: stop"]);
});

Deno.test("without SKEW_PROTECTION nobody is kept", async () => {
  const world = await startWorld({ skewProtection: false });
  await reload(world);
  assert.deepEqual(world.dispatcher.former, []);
  assert.deepEqual(story(world), []);
  await until(world, () => world.processes.size === 2);
});
