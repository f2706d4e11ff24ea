/**
 * `/_ready` tells a load balancer in front when to send requests, and when to
 * stop before they would be refused.
 *
 * @module
 */

import assert from "node:assert/strict";
import { SAME_SIGNAL_MS } from "../../src/lifecycle/signals.ts";
import { delay } from "../support/deadline.ts";
import { demoBehindGate, GateFile } from "../support/fixture.ts";
import {
  type PoolProcess,
  spawnPool,
  startPool,
  UNJUDGED,
} from "../support/pool_process.ts";
import { freePort } from "../support/free_port.ts";
import { get } from "../support/requests.ts";

/** Longer than a test takes on any machine. */
const LONG_DELAY_MS = "600000";

Deno.test("/_ready says no while no worker is ready, and /_health goes on saying yes", async () => {
  using gate = new GateFile();
  gate.open();
  await using pool = await startPool({
    env: { POOL_SIZE: "1", ...UNJUDGED },
    command: demoBehindGate(gate.path, "*"),
  });
  assert.equal((await get(pool.port, "/_ready")).status, 200);
  gate.close();
  const from = pool.events.length;
  Deno.kill(pool.workerPids[0]!, "SIGKILL");
  await pool.waitForEvent("worker-exited");
  assert.equal((await get(pool.port, "/_ready")).status, 503);
  assert.equal((await get(pool.port, "/_health")).status, 200);
  gate.open();
  await pool.waitForEvent("worker-ready", { from });
  assert.equal((await get(pool.port, "/_ready")).status, 200);
});

Deno.test("complaint 11: DRAIN_DELAY_MS: after SIGTERM the pool is not ready, and serves for a while", async () => {
  await using pool = await startPool({
    env: { POOL_SIZE: "1", DRAIN_DELAY_MS: LONG_DELAY_MS },
  });
  await assertServesWhileNotReady(pool, pool.port);
});

Deno.test("when DRAIN_DELAY_MS has passed the pool ends", async () => {
  await using pool = await startPool({
    env: { POOL_SIZE: "1", DRAIN_DELAY_MS: "500" },
  });
  const signalledAt = performance.now();
  assert.equal((await pool.stop()).code, 0);
  assert.ok(performance.now() - signalledAt >= 490);
});

Deno.test("DRAIN_DELAY_MS holds for a pool that serves while other workers still start", async () => {
  using gate = new GateFile();
  const port = freePort();
  await using pool = spawnPool({
    env: { PORT: String(port), POOL_SIZE: "2", DRAIN_DELAY_MS: LONG_DELAY_MS },
    command: demoBehindGate(gate.path, "1"),
  });
  await pool.waitForEvent("worker-ready");
  assert.equal((await get(port, "/_ready")).status, 200);
  await assertServesWhileNotReady(pool, port);
});

/** Stops a pool that has a long delay, and ends it with a second signal. */
async function assertServesWhileNotReady(
  pool: PoolProcess,
  port: number,
): Promise<void> {
  pool.signal("SIGTERM");
  await pool.waitForEvent("state-changed", {
    where: ({ to }) => to === "draining",
  });
  assert.equal((await get(port, "/_ready")).status, 503);
  assert.equal((await get(port, "/")).status, 200);
  // Sooner it would be taken for the first one come again.
  await delay(SAME_SIGNAL_MS);
  assert.equal((await pool.stop("SIGINT")).code, 1);
}
