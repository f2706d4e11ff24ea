/**
 * A worker that runs but does not answer is noticed from outside.
 *
 * @module
 */

import assert from "node:assert/strict";
import { startPool } from "../support/pool_process.ts";
import { waitUntilGone } from "../support/processes.ts";
import { whoAnswers } from "../support/requests.ts";

/** Unhealthy after about 0.6 s, replaced after about 1.2 s. */
const PROBES = {
  POOL_SIZE: "2",
  HEALTH_INTERVAL_MS: "200",
  HEALTH_TIMEOUT_MS: "200",
  HEALTH_FALL: "3",
};

Deno.test("a worker that hangs gets no requests, and gets them again when it goes on", async () => {
  await using pool = await startPool({ env: PROBES });
  const [hung] = (await pool.metrics()).workers;
  Deno.kill(hung!.pid, "SIGSTOP");
  try {
    const unhealthy = await pool.waitForEvent("worker-unhealthy");
    assert.equal(unhealthy.workerId, 0);
    assert.equal(unhealthy.reason, "no answer within 200 ms");
    for (let i = 0; i < 10; i++) {
      assert.equal((await whoAnswers(pool.port)).workerId, 1);
    }
  } finally {
    Deno.kill(hung!.pid, "SIGCONT");
  }
  const recovered = await pool.waitForEvent("worker-recovered");
  assert.equal(recovered.pid, hung!.pid);
  const ids = [
    (await whoAnswers(pool.port)).workerId,
    (await whoAnswers(pool.port)).workerId,
  ];
  assert.deepEqual(ids.sort(), [0, 1]);
});

Deno.test("a worker that stays hung is replaced, and killed when it does not even end", async () => {
  await using pool = await startPool({
    env: { ...PROBES, DRAIN_TIMEOUT_MS: "200" },
  });
  const [hung] = (await pool.metrics()).workers;
  const from = pool.events.length;
  Deno.kill(hung!.pid, "SIGSTOP");
  const successor = await pool.waitForEvent("worker-ready", { from });
  assert.equal(successor.workerId, 0);
  const exited = await pool.waitForEvent("worker-exited");
  assert.equal(exited.pid, hung!.pid);
  assert.equal(exited.status.signal, "SIGKILL");
  await waitUntilGone([hung!.pid]);
  const { workers, pool: { ready, restarts } } = await pool.metrics();
  assert.deepEqual(workers.map(({ id }) => id), [0, 1]);
  assert.deepEqual([ready, restarts], [2, 1]);
});
