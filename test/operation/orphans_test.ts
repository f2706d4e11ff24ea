/**
 * A balancer that is killed takes everything with it, though it can do
 * nothing about it any more.
 *
 * @module
 */

import assert from "node:assert/strict";
import { denoFixture } from "../support/fixture.ts";
import { spawnPool, startPool } from "../support/pool_process.ts";
import { aliveAmong, childrenOf, waitUntilGone } from "../support/processes.ts";

/** The guardian, and on Linux the shell that reads /proc for a balancer that may not. */
const HELPERS = Deno.build.os === "linux" ? 2 : 1;

Deno.test("no process is left when the balancer is killed", async () => {
  await using pool = await startPool({ env: { POOL_SIZE: "3" } });
  const family = await childrenOf(pool.pid);
  assert.equal(family.length, 3 + HELPERS);
  await pool.kill();
  await waitUntilGone(family);
});

Deno.test({
  name: "no process is left of a worker that a shell has started either",
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "2" },
      command: [
        "sh",
        "-c",
        '"$0" "$@"; true',
        ...denoFixture("pool_worker.ts", "child"),
      ],
    });
    // The servers are children of the shells, and have a child each.
    const shells = pool.workerPids;
    const servers = (await Promise.all(shells.map(childrenOf))).flat();
    const children = (await Promise.all(servers.map(childrenOf))).flat();
    const family = [...shells, ...servers, ...children];
    assert.equal(family.length, 6);
    assert.deepEqual(await aliveAmong(family), family);
    await pool.kill();
    await waitUntilGone(family);
  },
});

Deno.test("no process is left when the balancer is killed while it starts", async () => {
  await using pool = spawnPool({
    env: { POOL_SIZE: "2" },
    command: ["sh", "-c", "echo waiting; sleep 300; true"],
  });
  for (const id of [0, 1]) {
    await pool.waitForEvent("worker-output", {
      where: ({ workerId }) => workerId === id,
    });
  }
  const family = await childrenOf(pool.pid);
  // Two workers that will never be ready, and the helpers.
  assert.equal(family.length, 2 + HELPERS);
  await pool.kill();
  await waitUntilGone(family);
});
