/**
 * Workers that fail their probes or refuse connections, with real processes.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  DEFAULT_DEADLINE_MS,
  eventually,
  withDeadline,
} from "../support/deadline.ts";
import { GateFile } from "../support/fixture.ts";
import { NO_PROBES_MS, PoolHarness, poolWorker } from "./pool_harness.ts";

Deno.test("a worker that fails its probes gets no work until they pass", async () => {
  using gate = new GateFile();
  gate.open();
  await using harness = new PoolHarness(behindGate(gate), { poolSize: 2 });
  await harness.pool.start();
  // Its successor does not get ready.
  gate.close();
  const [pid] = harness.pids;
  Deno.kill(pid!, "SIGUSR2");
  const unhealthy = await harness.nth("worker-unhealthy", 1);
  assert.deepEqual([unhealthy.workerId, unhealthy.reason], [
    0,
    "responded with 500",
  ]);
  assert.deepEqual(harness.dispatcher.upstreams.map((u) => u.id), [1]);
  Deno.kill(pid!, "SIGUSR2");
  await harness.nth("worker-recovered", 1);
  assert.deepEqual(harness.dispatcher.upstreams.map((u) => u.id), [0, 1]);
  // The successor goes before it has ever served.
  const signalled = await harness.nth("worker-signalled", 1);
  assert.deepEqual(
    [signalled.workerId, signalled.reason],
    [0, "dismissed"],
  );
  assert.notEqual(signalled.pid, pid);
});

Deno.test("a worker that stays unhealthy is replaced, its successor first", async () => {
  await using harness = new PoolHarness(poolWorker(), { poolSize: 2 });
  await harness.pool.start();
  Deno.kill(harness.pids[0]!, "SIGUSR2");
  const exited = await harness.nth("worker-exited", 1);
  assert.deepEqual([exited.workerId, exited.expected], [0, true]);
  const story = harness.seen
    .filter((event) => "workerId" in event && event.workerId === 0)
    .map((event) => event.type);
  assert.deepEqual(story.slice(2), [
    "worker-unhealthy",
    "worker-spawned",
    "worker-ready",
    "worker-draining",
    "worker-signalled",
    "worker-exited",
  ]);
  assert.equal(harness.pool.snapshot().workers[0]!.restarts, 1);
});

Deno.test("the last ready worker stays in service until its successor is ready", async () => {
  await using harness = new PoolHarness(poolWorker());
  await harness.pool.start();
  const published: number[] = [];
  const publish = harness.dispatcher.publish.bind(harness.dispatcher);
  harness.dispatcher.publish = (upstreams): void => {
    published.push(upstreams.length);
    publish(upstreams);
  };
  Deno.kill(harness.pids[0]!, "SIGUSR2");
  await harness.nth("worker-exited", 1);
  assert.deepEqual(published, [1]);
  // Only then it is said what the matter was.
  const story = harness.seen.map(({ type }) => type);
  assert.ok(
    story.indexOf("worker-unhealthy") > story.lastIndexOf("worker-ready"),
    story.join(", "),
  );
});

Deno.test("a refused connection takes a worker out until a probe passes", async () => {
  await using harness = new PoolHarness(poolWorker(), {
    healthIntervalMs: NO_PROBES_MS,
    healthFall: 1_000,
  });
  await harness.pool.start();
  const [upstream] = harness.dispatcher.upstreams;
  const [pid] = harness.pids;
  Deno.kill(pid!, "SIGUSR2");
  await untilAnswers(upstream!.port, 500);
  upstream!.reportRefused();
  await eventually(() => {
    const [worker] = harness.pool.snapshot().workers;
    assert.ok(worker!.failures >= 2, "it was not probed at once");
    return Promise.resolve();
  });
  assert.equal(upstream!.accepting, false);
  const { promise: back, resolve } = Promise.withResolvers<void>();
  const publish = harness.dispatcher.publish.bind(harness.dispatcher);
  harness.dispatcher.publish = (upstreams): void => {
    publish(upstreams);
    if (upstreams.length === 1) resolve();
  };
  Deno.kill(pid!, "SIGUSR2");
  await withDeadline(
    back,
    DEFAULT_DEADLINE_MS,
    () => "It was not put back",
  );
  assert.equal(upstream!.accepting, true);
});

/** A worker that waits, each time it is started, until the gate is open. */
function behindGate(gate: GateFile): readonly string[] {
  const script = 'until [ -e "$0" ]; do sleep 0.02; done; exec "$@"';
  return ["sh", "-c", script, gate.path, ...poolWorker()];
}

/** Waits until the worker has taken note of its signal. */
async function untilAnswers(port: number, status: number): Promise<void> {
  for (let seen = 0; seen !== status;) {
    const response = await fetch(`http://127.0.0.1:${port}/`);
    await response.body?.cancel();
    seen = response.status;
  }
}
