/**
 * A worker that passes its probes and fails the requests it is given is found
 * from outside and replaced, however it fails.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fixture } from "../support/fixture.ts";
import { startMixedLoad } from "../support/mixed_load.ts";
import { get } from "../support/requests.ts";
import { startPool } from "../support/pool_process.ts";
import { ignoreWithout } from "../support/programs.ts";

/** How a worker may fail what it is given; see the fixture. */
const FAULTS = ["error", "reset", "garbage", "hang"];

const WORKERS = 3;

/** So many that one which times out is given enough in a few seconds. */
const CLIENTS = 8;

/** Breaks one worker of a pool under load, and looks what becomes of it. */
async function breakOne(fault: string): Promise<void> {
  await using pool = await startPool({
    env: {
      POOL_SIZE: `${WORKERS}`,
      HEALTH_PATH: "/up",
      // Long for one that serves, however busy the machine is.
      REQUEST_TIMEOUT_MS: "500",
      // Else one that responds to nothing has one request at a time.
      WORKER_CONCURRENCY: "0",
      // It has none to respond with, and would wait for others.
      DRAIN_TIMEOUT_MS: "1000",
    },
    command: ["node", fixture("breaking_worker.mjs"), fault],
  });
  const [, worker] = (await pool.metrics()).workers;
  const load = startMixedLoad(pool.port, CLIENTS);
  Deno.kill(worker!.pid, "SIGUSR2");
  const failing = await pool.waitForEvent("worker-failing");
  assert.equal(failing.pid, worker!.pid, fault);
  assert.ok(failing.own.errors * 2 >= failing.own.requests);
  const ready = await pool.waitForEvent("worker-ready", {
    where: ({ replaces }) => replaces !== null,
  });
  assert.equal(ready.replaces?.reason, "failing");
  const draining = await pool.waitForEvent("worker-draining");
  assert.deepEqual([draining.pid, draining.reason], [worker!.pid, "failing"]);
  await load.stop();
  for (let request = 0; request < 2 * WORKERS; request++) {
    assert.equal((await get(pool.port, "/")).status, 200, fault);
  }
  const scraped = await get(pool.port, "/_metrics?format=prometheus");
  assert.match(
    scraped.text,
    /^prefork_worker_restarts_total{reason="failing"} 1$/m,
  );
  const types = pool.events.map(({ type }) => type);
  assert.ok(!types.includes("worker-unhealthy"), "its probes saw nothing");
  assert.ok(!types.includes("worker-acquitted"));
}

Deno.test({
  name:
    "a worker that passes its probes and fails what it is given is replaced: with 500, a reset, garbage, or no response in time (needs node)",
  ignore: ignoreWithout("node"),
  async fn(): Promise<void> {
    await Promise.all(FAULTS.map(breakOne));
  },
});
