/**
 * What is told when a pool cannot listen, and to those who wait for one that
 * cannot start.
 *
 * @module
 */

import assert from "node:assert/strict";
import { eventually } from "../support/deadline.ts";
import { assertSays } from "../support/failed_start.ts";
import { GateFile } from "../support/fixture.ts";
import { freePort } from "../support/free_port.ts";
import type { PoolMetrics } from "../support/pool_metrics.ts";
import { spawnPool } from "../support/pool_process.ts";
import { get } from "../support/requests.ts";

const LOG = { LOG_FORMAT: "text", LOG_LEVEL: "error" };

for (
  const { name, env, says } of [
    {
      name: "HOST that is none of this machine's",
      env: { HOST: "203.0.113.7" },
      says: ["this machine does not have that address. Set HOST to one it has"],
    },
    {
      name: "HOST that is no name at all",
      // Nobody gets as far as to listen there.
      env: { HOST: "nowhere.invalid", PORT: "8080" },
      says: [
        /Cannot listen on nowhere\.invalid:8080: .* Check HOST and PORT\./,
      ],
    },
  ]
) {
  Deno.test(`the pool does not start with ${name}, and says so`, async () => {
    await using pool = spawnPool({ env: { ...LOG, ...env } });
    await assertSays(pool, 1, says);
  });
}

Deno.test("a request that waits for a pool which cannot start is told so, and no setting is named that would help", async () => {
  using gate = new GateFile();
  const port = freePort();
  await using pool = spawnPool({
    env: { POOL_SIZE: "1", PORT: String(port) },
    command: [
      ...["sh", "-c", 'until [ -e "$0" ]; do sleep 0.02; done; exit 3'],
      gate.path,
    ],
  });
  await pool.waitForEvent("worker-spawned");
  const waiting = get(port, "/");
  await eventually(async () => {
    const { text } = await get(port, "/_metrics");
    assert.equal((JSON.parse(text) as PoolMetrics).queue.depth, 1);
  });
  gate.open();
  const { status, text } = await waiting;
  assert.equal(status, 503);
  assert.match(text, /No worker has become ready/);
  const { setting, source } = await pool.waitForEvent("exchange-failed");
  assert.deepEqual([setting, source], [null, "upstream"]);
  assert.equal((await pool.status).code, 1);
  assert.ok(pool.events.every(({ type }) => type !== "stop-waiting"));
});

for (const setting of ["PORT", "ADMIN_PORT"]) {
  Deno.test(`the pool does not start with ${setting} taken by another program, and says so`, async () => {
    using stranger = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = stranger.addr;
    await using pool = spawnPool({
      env: {
        [setting]: String(port),
        ...LOG,
      },
    });
    await assertSays(pool, 1, [
      `Cannot listen on 127.0.0.1:${port}: another program holds the port. ` +
      `Set ${setting} to a free one, or stop that program.`,
    ]);
  });
}

Deno.test({
  name:
    "complaint 13: the program that holds PORT is named with its pid (needs Linux)",
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    using stranger = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await using pool = spawnPool({
      permissions: ["-A"],
      env: {
        PORT: String(stranger.addr.port),
        ...LOG,
      },
    });
    await assertSays(pool, 1, [
      new RegExp(`: \\S+ \\(pid ${Deno.pid}\\) holds the port\\. Set PORT to`),
    ]);
  },
});
