/**
 * Workers that are killed, worn out or too large, under load.
 *
 * @module
 */

import assert from "node:assert/strict";
import { denoFixture } from "../support/fixture.ts";
import { startMixedLoad } from "../support/mixed_load.ts";
import { startPool, UNJUDGED } from "../support/pool_process.ts";
import { ignoreWithout } from "../support/programs.ts";

const COMMAND = denoFixture("reloadable.ts");

/** Clients side by side: no more requests can be in flight on a worker. */
const CLIENTS = 6;

Deno.test({
  name:
    "killed under load, a worker loses POSTs in flight at most, and its successor says how long the place was empty",
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "3", ...UNJUDGED },
      command: COMMAND,
    });
    const load = startMixedLoad(pool.port, CLIENTS);
    for (const slot of [0, 1, 2]) {
      const from = pool.events.length;
      const { workers } = await pool.metrics();
      Deno.kill(workers.find(({ id }) => id === slot)!.pid, "SIGKILL");
      const ready = await pool.waitForEvent("worker-ready", { from });
      assert.equal(ready.workerId, slot);
      assert.equal(ready.replaces?.reason, "exit");
      assert.ok(ready.replaces.downMs > 0);
    }
    const { failures } = await load.stop();
    assert.ok(
      failures.every((failure) => failure === "POST 502"),
      failures.join(", "),
    );
    assert.ok(failures.length <= 3 * CLIENTS);
    assert.equal((await pool.metrics()).pool.ready, 3);
  },
});

Deno.test({
  name:
    "complaint 8: workers recycled by MAX_REQUESTS under load drop no request",
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "2", MAX_REQUESTS: "50" },
      command: COMMAND,
    });
    const load = startMixedLoad(pool.port, CLIENTS);
    await pool.waitFor((event) =>
      event.type === "worker-exited" && event.generation === 1 &&
      pool.events.filter(({ type }) => type === "worker-exited").length >= 4
    );
    assert.deepEqual((await load.stop()).failures, []);
    const draining = pool.events.flatMap((event) =>
      event.type === "worker-draining" ? [event.reason] : []
    );
    assert.ok(draining.every((reason) => reason === "max-requests"));
  },
});

Deno.test({
  name:
    "with a spare, a killed worker's place is taken before its successor is even started",
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "2", SPARE_WORKERS: "1", ...UNJUDGED },
      command: COMMAND,
    });
    const before = await pool.metrics();
    assert.deepEqual([before.pool.ready, before.pool.spare], [2, 1]);
    const victim = before.workers.find(({ ready }) => ready)!;
    const from = pool.events.length;
    Deno.kill(victim.pid, "SIGKILL");
    const successor = await pool.waitForEvent("worker-ready", { from });
    const story = pool.events.slice(from).map(({ type }) => type);
    assert.ok(
      story.indexOf("worker-promoted") < story.indexOf("worker-spawned"),
      story.join(", "),
    );
    const promoted = await pool.waitForEvent("worker-promoted", { from });
    assert.equal(promoted.replaces?.reason, "exit");
    assert.equal(successor.replaces?.downMs, 0);
    const { pool: after, recovery } = await pool.metrics();
    assert.deepEqual([after.ready, after.spare], [2, 1]);
    assert.equal(recovery.count, 1, "the spare's place is no gap");
  },
});

Deno.test({
  name:
    "complaint 9: a worker above MAX_WORKER_MEMORY_MB is replaced, by what /proc says (needs node, Linux)",
  ignore: ignoreWithout("node") || Deno.build.os !== "linux",
  async fn(): Promise<void> {
    const hoard = `
      const held = [];
      require("node:http").createServer((request, response) => {
        if (request.url === "/hoard") held.push(Buffer.alloc(60e6, 1));
        response.end("ok");
      }).listen(process.env.PORT, "127.0.0.1");`;
    await using pool = await startPool({
      env: { POOL_SIZE: "1", MAX_WORKER_MEMORY_MB: "100" },
      permissions: ["-A"],
      command: ["node", "-e", hoard],
    });
    const { pid } = (await pool.metrics()).workers[0]!;
    await (await fetch(`${pool.url}/hoard`)).body?.cancel();
    const draining = await pool.waitForEvent("worker-draining");
    assert.deepEqual([draining.pid, draining.reason], [pid, "max-memory"]);
  },
});

Deno.test({
  name:
    "without the permission to see memory, that is said, and the pool serves",
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "1", MAX_WORKER_MEMORY_MB: "100" },
      command: COMMAND,
    });
    const { message } = await pool.waitForEvent("notice");
    assert.match(message, /^Cannot hold the workers to MAX_WORKER_MEMORY_MB/);
    assert.equal((await pool.metrics()).pool.ready, 1);
  },
});
