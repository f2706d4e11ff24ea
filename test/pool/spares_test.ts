/**
 * Workers that are held back, and stand in at once.
 *
 * @module
 */

import assert from "node:assert/strict";
import { NO_PROBES_MS, PoolHarness, poolWorker } from "./pool_harness.ts";

/** Ids of the workers in service. */
function serving({ dispatcher }: PoolHarness): readonly number[] {
  return dispatcher.upstreams.map(({ id }) => id);
}

/** Ids of the workers held back, ready. */
function spares({ pool }: PoolHarness): readonly number[] {
  return pool.snapshot().workers.filter(({ spare }) => spare)
    .map(({ id }) => id);
}

Deno.test("a spare is started and ready, and gets no work", async () => {
  await using harness = new PoolHarness(poolWorker(), {
    poolSize: 2,
    spareWorkers: 1,
  });
  await harness.pool.start();
  const { desired, ready, spare, workers } = harness.pool.snapshot();
  assert.deepEqual([desired, ready, spare, workers.length], [2, 2, 1, 3]);
  assert.equal(serving(harness).length, 2);
  assert.deepEqual(
    [...serving(harness), ...spares(harness)].sort(),
    [0, 1, 2],
  );
});

Deno.test("a spare takes a lost worker's place at once, and another one is made up", async () => {
  await using harness = new PoolHarness(poolWorker(), {
    poolSize: 2,
    spareWorkers: 1,
    healthIntervalMs: NO_PROBES_MS,
  });
  await harness.pool.start();
  const [spare] = spares(harness);
  const [lost] = harness.dispatcher.upstreams;
  const from = harness.seen.length;
  const { pid } = harness.pool.snapshot().workers
    .find(({ id }) => id === lost!.id)!;
  Deno.kill(pid!, "SIGKILL");
  const madeUp = await harness.nth("worker-ready", 4);
  assert.equal(madeUp.workerId, lost!.id);
  assert.equal(madeUp.replaces?.reason, "exit");
  const story = harness.seen.slice(from).map(({ type }) => type);
  // The place is taken before anything is started for it.
  assert.ok(
    story.indexOf("worker-promoted") < story.indexOf("worker-spawned"),
    story.join(", "),
  );
  const promoted = harness.all("worker-promoted").at(-1)!;
  assert.equal(promoted.workerId, spare);
  assert.equal(promoted.replaces?.reason, "exit");
  // The gap is told once, by who has ended it.
  assert.ok(promoted.replaces.downMs > 0);
  assert.equal(madeUp.replaces.downMs, 0);
  assert.deepEqual(spares(harness), [lost!.id]);
  assert.equal(harness.pool.snapshot().ready, 2);
});

Deno.test("a pool that grows takes its spares first, and makes them up", async () => {
  await using harness = new PoolHarness(poolWorker(), { spareWorkers: 2 });
  await harness.pool.start();
  const before = new Set([...serving(harness), ...spares(harness)]);
  const promotions = harness.all("worker-promoted").length;
  harness.pool.scaleTo(3, "command");
  await harness.nth("worker-promoted", promotions + 2);
  assert.deepEqual(new Set(serving(harness)), before);
  assert.equal(harness.all("worker-spawned").length, 5);
  await harness.nth("worker-ready", 5);
  assert.equal(harness.pool.snapshot().spare, 2);
});

Deno.test("a pool that shrinks keeps its spares", async () => {
  await using harness = new PoolHarness(poolWorker(), {
    poolSize: 2,
    spareWorkers: 1,
  });
  await harness.pool.start();
  harness.pool.scaleTo(1, "command");
  await harness.nth("worker-exited", 1);
  const { ready, spare, workers } = harness.pool.snapshot();
  assert.deepEqual([ready, spare, workers.length], [1, 1, 2]);
});

Deno.test("a spare stands in for a worker that fails its probes", async () => {
  await using harness = new PoolHarness(poolWorker(), { spareWorkers: 1 });
  await harness.pool.start();
  const [spare] = spares(harness);
  const [sick] = serving(harness);
  const { pid } = harness.pool.snapshot().workers
    .find(({ id }) => id === sick)!;
  const promotions = harness.all("worker-promoted").length;
  Deno.kill(pid!, "SIGUSR2");
  const promoted = await harness.nth("worker-promoted", promotions + 1);
  assert.equal(promoted.workerId, spare);
  assert.equal(promoted.replaces?.reason, "unhealthy");
  assert.deepEqual(serving(harness), [spare]);
});

Deno.test("a reload replaces spares too", async () => {
  await using harness = new PoolHarness(poolWorker(), {
    spareWorkers: 1,
    reloadCanaryRequests: 5,
  });
  await harness.pool.start();
  const report = await harness.pool.reload({
    workerCommand: { kind: "arguments", argv: poolWorker() },
    workerEnvironment: {},
  });
  assert.deepEqual(
    report.workers.map(({ verdict }) => verdict),
    ["replaced", "replaced"],
  );
  const { ready, spare } = harness.pool.snapshot();
  assert.deepEqual([ready, spare], [1, 1]);
});
