/**
 * Who may see the admin pages; to all others they are the application's paths.
 *
 * @module
 */

import assert from "node:assert/strict";
import { FORWARDED, TOKEN } from "../support/admin_pages.ts";
import { DEMO } from "../support/fixture.ts";
import { startPool } from "../support/pool_process.ts";
import { get } from "../support/requests.ts";

Deno.test("callers that came through a proxy get the application's answer for /_metrics", async () => {
  await using pool = await startPool({ env: { POOL_SIZE: "1" } });
  const { port } = pool;
  assert.equal((await get(port, "/_metrics")).status, 200);
  const fields = [
    FORWARDED,
    "Forwarded: for=203.0.113.9",
    "Via: 1.1 edge",
    "X-Real-IP: 203.0.113.9",
  ];
  const application = await get(port, "/_elsewhere");
  for (const field of fields) {
    const response = await get(port, "/_metrics", field);
    assert.deepEqual(
      [response.status, response.text],
      [404, application.text],
      field,
    );
  }
  // Nothing but the status, for everyone.
  assert.equal((await get(port, "/_health", FORWARDED)).text, "ok\n");
  assert.equal((await get(port, "/_ready", FORWARDED)).text, "ready\n");
});

Deno.test("ADMIN_TOKEN opens /_metrics to whoever has it, and is kept from workers and log", async () => {
  await using pool = await startPool({
    env: { POOL_SIZE: "1", ADMIN_TOKEN: TOKEN },
    command: ["sh", "-c", 'echo "token=$ADMIN_TOKEN"; exec "$0" "$@"', ...DEMO],
  });
  const ask = async (authorization: string): Promise<number> =>
    (await get(pool.port, "/_metrics", FORWARDED, authorization)).status;
  assert.equal(await ask(`Authorization: Bearer ${TOKEN}`), 200);
  assert.equal(await ask(`authorization: bearer ${TOKEN}`), 200);
  assert.equal(await ask(`Authorization: Bearer ${TOKEN}x`), 404);
  assert.equal(await ask("Authorization: Bearer"), 404);
  const output = await pool.waitForEvent("worker-output");
  assert.equal(output.line, "token=");
  assert.doesNotMatch(pool.logs, new RegExp(TOKEN));
});

Deno.test("ADMIN_ALLOW opens /_metrics to the networks it names", async () => {
  await using pool = await startPool({
    env: { POOL_SIZE: "1", ADMIN_ALLOW: "10.0.0.0/8,127.0.0.0/8" },
  });
  assert.equal((await get(pool.port, "/_metrics", FORWARDED)).status, 200);
});
