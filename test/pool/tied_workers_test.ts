/**
 * AFFINITY: who is kept when the pool shrinks, for how long, and who comes
 * back. With made-up processes and a clock of the test.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { StaffingOptions } from "../../src/pool/goal.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import type { ModelWorld } from "./model_world.ts";
import { GRACE_MS, reload, startWorld, until, wait } from "./quiet_world.ts";

/** A tenth of the grace: it is longer than the least. */
const UNUSED_MS = GRACE_MS / 10;

/** Two workers that were three; the third has clients of its own. */
async function shrink(
  options: Partial<StaffingOptions> = {},
): Promise<{ readonly world: ModelWorld; readonly tied: Upstream }> {
  const world = await startWorld({
    affinity: "cookie",
    skewProtection: false,
    ...options,
  });
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

Deno.test("a reload ends it, but with SKEW_PROTECTION only the next one does", async () => {
  const { world } = await shrink();
  await reload(world);
  assert.deepEqual(world.dispatcher.former, []);

  const skewed = await shrink({ skewProtection: true });
  await reload(skewed.world);
  assert.ok(skewed.world.dispatcher.former.includes(skewed.tied));
  assert.equal(ask(skewed.world, skewed.tied), skewed.tied);
  await reload(skewed.world);
  assert.ok(!skewed.world.dispatcher.former.includes(skewed.tied));
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
