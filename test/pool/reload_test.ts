/**
 * Reloads of a pool with real processes.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { WorkerSpec } from "../../src/pool/generation.ts";
import type { ReloadReport } from "../../src/events/reload_report.ts";
import { OomKills } from "../../src/system/oom_kills.ts";
import { NO_PROBES_MS, PoolHarness, poolWorker } from "./pool_harness.ts";

/** Reports are about slots; this is what most tests ask of them. */
function verdicts({ workers }: ReloadReport): readonly string[] {
  return workers.map(({ workerId, verdict }) => `${workerId} ${verdict}`);
}

/** New code. */
function spec(...argv: readonly string[]): WorkerSpec {
  return {
    workerCommand: { kind: "arguments", argv },
    workerEnvironment: {},
  };
}

/** Code that does not start in the slots that `slots`, a shell pattern, names. */
function brokenIn(slots: string): WorkerSpec {
  const script = `case $WORKER_ID in ${slots}) echo "no such module" >&2; ` +
    'exit 3;; esac; exec "$@"';
  return spec("sh", "-c", script, "sh", ...poolWorker());
}

/** Generations in service, by slot. */
function serving({ dispatcher }: PoolHarness): readonly number[] {
  return dispatcher.upstreams.map(({ generation }) => generation);
}

Deno.test("a reload replaces every worker, one after the other, each successor first", async () => {
  await using harness = new PoolHarness(poolWorker(), { poolSize: 2 });
  await harness.pool.start();
  const before = harness.pids;
  const from = harness.seen.length;
  const report = await harness.pool.reload(spec(...poolWorker("env")));
  assert.equal(report.ok, true, JSON.stringify(report));
  assert.deepEqual(
    [report.fromGeneration, report.generation, report.reason],
    [1, 2, null],
  );
  assert.deepEqual(verdicts(report), ["0 replaced", "1 replaced"]);
  assert.deepEqual(serving(harness), [2, 2]);
  assert.deepEqual(
    report.workers.map(({ port }) => port),
    harness.dispatcher.upstreams.map(({ port }) => port),
  );
  assert.ok(report.workers.every(({ pid }) => !before.includes(pid!)));
  assert.ok(report.workers.every(({ startupMs }) => startupMs! > 0));
  assert.deepEqual(harness.turnover(from), [
    "worker-spawned 0",
    "worker-ready 0",
    "worker-draining 0",
    "worker-spawned 1",
    "worker-ready 1",
    "worker-draining 1",
  ]);
  const { generation, restartsByReason } = harness.pool.snapshot();
  assert.equal(generation, 2);
  assert.deepEqual(restartsByReason, { reload: 2 });
});

Deno.test("a new generation has its own command and environment", async () => {
  await using harness = new PoolHarness(poolWorker());
  await harness.pool.start();
  await harness.pool.reload({
    ...spec(...poolWorker("env")),
    workerEnvironment: { COLOUR: "blue", PORT: "1" },
  });
  const { port } = harness.dispatcher.upstreams[0]!;
  const environment = await (await fetch(`http://127.0.0.1:${port}/`)).json();
  assert.equal(environment.COLOUR, "blue");
  assert.equal(environment.WORKER_GENERATION, "2");
  assert.equal(environment.PORT, String(port));
});

Deno.test("RELOAD_SURGE new workers start at once", async () => {
  await using harness = new PoolHarness(poolWorker(), {
    poolSize: 3,
    reloadSurge: 3,
  });
  await harness.pool.start();
  const reloading = harness.pool.reload(spec(...poolWorker()));
  await harness.nth("worker-spawned", 6);
  assert.equal(harness.all("worker-ready").length, 3);
  assert.equal((await reloading).ok, true);
});

Deno.test("complaint 1: new code that does not start leaves every good worker where it is", async () => {
  await using harness = new PoolHarness(poolWorker(), { poolSize: 2 });
  await harness.pool.start();
  const before = harness.pids;
  const report = await harness.pool.reload(brokenIn("*"));
  assert.equal(report.ok, false);
  assert.equal(report.reason, "worker 0: exited with code 3");
  assert.deepEqual(verdicts(report), ["0 failed", "1 kept"]);
  assert.deepEqual(harness.pids.slice(0, 2), before);
  assert.deepEqual(serving(harness), [1, 1]);
  assert.equal(harness.all("worker-draining").length, 0);
  const [failed] = harness.all("worker-start-failed");
  assert.deepEqual(failed!.lastOutput, ["no such module"]);
  assert.equal(harness.pool.snapshot().generation, 1);
});

Deno.test("complaint 2: a reload that fails ends with a verdict for each worker, and does not go on trying", async () => {
  await using harness = new PoolHarness(poolWorker(), { poolSize: 3 });
  await harness.pool.start();
  const report = await harness.pool.reload(brokenIn("1"));
  assert.deepEqual(verdicts(report), ["0 rolled-back", "1 failed", "2 kept"]);
  assert.equal(report.workers[1]!.reason, "exited with code 3");
  assert.deepEqual(serving(harness), [1, 1, 1]);
  assert.equal(harness.all("worker-start-failed").length, 1);
  const spawned = harness.all("worker-spawned").length;
  // Nothing is left to be done: a further reload is the next to spawn.
  const again = await harness.pool.reload(spec(...poolWorker()));
  assert.equal(again.ok, true);
  assert.equal(again.generation, 3);
  assert.equal(harness.all("worker-spawned").length, spawned + 3);
});

Deno.test("a program that cannot be run is a verdict too, without a process", async () => {
  await using harness = new PoolHarness(poolWorker());
  await harness.pool.start();
  const report = await harness.pool.reload(spec("pool-no-such-program"));
  assert.match(report.reason!, /^worker 0: "pool-no-such-program" was not/);
  const { pid, port } = report.workers[0]!;
  assert.deepEqual([pid, port], [null, null]);
  assert.deepEqual(serving(harness), [1]);
});

Deno.test("a new worker serves beside its predecessor until it has proved itself", async () => {
  await using harness = new PoolHarness(poolWorker(), {
    reloadCanaryRequests: 5,
  });
  await harness.pool.start();
  const [old] = harness.dispatcher.upstreams;
  const reloading = harness.pool.reload(spec(...poolWorker()));
  await harness.nth("worker-ready", 2);
  const both = harness.dispatcher.upstreams;
  assert.deepEqual(both.map(({ generation }) => generation), [2, 1]);
  assert.equal(old!.accepting, true);
  for (const upstream of both) upstream.requests = 5;
  const report = await reloading;
  assert.equal(report.ok, true);
  assert.equal(report.workers[0]!.requests, 5);
  assert.deepEqual(harness.dispatcher.upstreams, [both[0]]);
});

Deno.test("new code that answers with errors is taken out again after a few requests", async () => {
  await using harness = new PoolHarness(poolWorker(), {
    poolSize: 2,
    reloadCanaryRequests: 5,
  });
  await harness.pool.start();
  const reloading = harness.pool.reload(spec(...poolWorker()));
  await harness.nth("worker-ready", 3);
  for (const upstream of harness.dispatcher.upstreams) {
    upstream.requests = 4;
    if (upstream.generation === 2) upstream.serverErrors = 3;
  }
  const report = await reloading;
  assert.deepEqual(verdicts(report), ["0 failed", "1 kept"]);
  assert.equal(
    report.reason,
    "worker 0: 3 of its first 4 requests failed, where the old workers fail 0.0 %",
  );
  assert.deepEqual(
    [report.workers[0]!.requests, report.workers[0]!.errors],
    [4, 3],
  );
  const draining = await harness.nth("worker-draining", 1);
  assert.deepEqual([draining.generation, draining.reason], [2, "reload"]);
  assert.deepEqual(serving(harness), [1, 1]);
});

Deno.test("without traffic a reload does not wait for requests", async () => {
  await using harness = new PoolHarness(poolWorker(), {
    reloadCanaryRequests: 5,
  });
  await harness.pool.start();
  const report = await harness.pool.reload(spec(...poolWorker()));
  assert.deepEqual([report.ok, report.workers[0]!.requests], [true, 0]);
});

Deno.test("all who ask while a reload goes on get the same one after it", async () => {
  await using harness = new PoolHarness(poolWorker());
  await harness.pool.start();
  const first = harness.pool.reload(spec(...poolWorker()));
  await harness.nth("reload-started", 1);
  const second = harness.pool.reload(brokenIn("*"));
  const third = harness.pool.reload(spec(...poolWorker("env")));
  assert.equal((await first).generation, 2);
  const report = await second;
  assert.equal(report, await third);
  assert.deepEqual([report.ok, report.generation], [true, 3]);
  assert.equal(harness.all("reload-finished").length, 2);
});

Deno.test("a reload whose workers do not become ready gives way to a newer one", async () => {
  await using harness = new PoolHarness(poolWorker(), { poolSize: 2 });
  await harness.pool.start();
  const hanging = harness.pool.reload(spec("sleep", "300"));
  await harness.nth("worker-spawned", 3);
  const mended = harness.pool.reload(spec(...poolWorker("env")));
  // Less than it would be given for itself.
  await harness.pass(30_000);
  const given = await hanging;
  assert.match(
    given.reason!,
    /^worker 0: not ready after .*, and a newer reload waits$/,
  );
  assert.deepEqual(verdicts(given), ["0 failed", "1 kept"]);
  assert.equal((await mended).ok, true);
  assert.deepEqual(serving(harness), [3, 3]);
});

Deno.test("a pool that stops gives up its reload, and says so to all who wait", async () => {
  const harness = new PoolHarness(poolWorker());
  await harness.pool.start();
  const running = harness.pool.reload(spec("sleep", "300"));
  await harness.nth("worker-spawned", 2);
  const waiting = harness.pool.reload(spec(...poolWorker()));
  await harness.pool.stop();
  const late = harness.pool.reload(spec(...poolWorker()));
  for (const reload of [running, waiting, late]) {
    const { ok, reason } = await reload;
    assert.deepEqual([ok, reason], [false, "the pool is stopping"]);
  }
});

Deno.test("a worker of the old generation that dies in a reload is followed by the new one", async () => {
  await using harness = new PoolHarness(poolWorker(), {
    poolSize: 2,
    healthIntervalMs: NO_PROBES_MS,
  });
  await harness.pool.start();
  const victim = harness.pids[1]!;
  const reloading = harness.pool.reload(spec(...poolWorker()));
  await harness.nth("worker-spawned", 3);
  Deno.kill(victim, "SIGKILL");
  const report = await reloading;
  assert.deepEqual(verdicts(report), ["0 replaced", "1 replaced"]);
  assert.deepEqual(serving(harness), [2, 2]);
});

Deno.test("a new worker that dies before it has proved itself fails the reload", async () => {
  await using harness = new PoolHarness(poolWorker(), {
    reloadCanaryRequests: 5,
    healthIntervalMs: NO_PROBES_MS,
  }, { oomKills: new OomKills(() => null) });
  await harness.pool.start();
  const reloading = harness.pool.reload(spec(...poolWorker()));
  const { pid } = await harness.nth("worker-ready", 2);
  Deno.kill(pid, "SIGKILL");
  const report = await reloading;
  assert.equal(
    report.reason,
    "worker 0: was ended by SIGKILL " +
      "(probably out of memory, or killed from outside)",
  );
  assert.deepEqual(serving(harness), [1]);
});

Deno.test("a pool that grows in a reload grows by new workers, which have to prove themselves too", async () => {
  await using harness = new PoolHarness(poolWorker());
  await harness.pool.start();
  const reloading = harness.pool.reload(spec(...poolWorker()));
  await harness.nth("worker-spawned", 2);
  harness.pool.scaleTo(3, "command");
  const report = await reloading;
  assert.deepEqual(verdicts(report), [
    "0 replaced",
    "1 replaced",
    "2 replaced",
  ]);
  assert.deepEqual(serving(harness), [2, 2, 2]);
});

Deno.test("a pool that shrinks in a reload does not wait for those that go", async () => {
  await using harness = new PoolHarness(poolWorker(), { poolSize: 3 });
  await harness.pool.start();
  const reloading = harness.pool.reload(spec(...poolWorker()));
  await harness.nth("worker-spawned", 4);
  harness.pool.scaleTo(1, "command");
  const report = await reloading;
  assert.equal(report.ok, true);
  assert.deepEqual(serving(harness), [2]);
});

Deno.test("the old generation that does not come back leaves the new worker serving", async () => {
  // The old code starts once in each slot, and never again.
  const directory = await Deno.makeTempDir();
  const script = `[ -e "$0/$WORKER_ID" ] && exit 9; : > "$0/$WORKER_ID"; ` +
    'exec "$@"';
  try {
    await using harness = new PoolHarness(
      ["sh", "-c", script, directory, ...poolWorker()],
      { poolSize: 2 },
    );
    await harness.pool.start();
    const report = await harness.pool.reload(brokenIn("1"));
    assert.deepEqual(verdicts(report), ["0 replaced", "1 failed"]);
    assert.equal(
      report.workers[0]!.reason,
      "the old generation did not come back: exited with code 9",
    );
    assert.deepEqual(serving(harness), [2, 1]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a stop in the middle of a reload says of each worker why it is where it is", async () => {
  await using harness = new PoolHarness(poolWorker(), { poolSize: 2 });
  await harness.pool.start();
  // In slot 0 the new code serves, in slot 1 it is never ready.
  const script = 'case $WORKER_ID in 1) exec sleep 300;; esac; exec "$@"';
  const reloading = harness.pool.reload(
    spec("sh", "-c", script, "sh", ...poolWorker()),
  );
  await harness.nth("worker-spawned", 4);
  await harness.pool.stop();
  const report = await reloading;
  assert.deepEqual(verdicts(report), ["0 replaced", "1 kept"]);
  assert.equal(
    report.workers[0]!.reason,
    "the old generation did not come back: the pool is stopping",
  );
});

Deno.test("a slot in a crash loop is tried with the new code at once", async () => {
  const script = '[ "$WORKER_ID" = 1 ] && exit 4; exec "$@"';
  await using harness = new PoolHarness(
    ["sh", "-c", script, "sh", ...poolWorker()],
    { poolSize: 2 },
  );
  await harness.pool.start();
  await harness.nth("worker-start-failed", 4);
  const report = await harness.pool.reload(spec(...poolWorker()));
  assert.deepEqual(verdicts(report), ["0 replaced", "1 replaced"]);
});
