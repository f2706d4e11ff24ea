/**
 * The admin pages on a port of their own, which the control plane serves on the
 * runtime's sockets, whatever the data plane's transport.
 *
 * @module
 */

import assert from "node:assert/strict";
import { testAdminPages } from "../integration/admin_pages_cases.ts";
import { FORWARDED, TOKEN } from "../support/admin_pages.ts";
import { startPool } from "../support/pool_process.ts";
import { RawClient } from "../support/raw_client.ts";
import { get } from "../support/requests.ts";

testAdminPages("ADMIN_PORT");

Deno.test("with ADMIN_PORT the admin pages are there alone", async () => {
  await using pool = await startPool({
    env: { POOL_SIZE: "1", ADMIN_PORT: "0", ADMIN_TOKEN: TOKEN },
  });
  const { port, hostname } = await pool.waitForEvent("listening", {
    where: ({ role }) => role === "admin",
  });
  assert.equal(hostname, "127.0.0.1");
  for (const path of ["/_health", "/_ready", "/_metrics"]) {
    assert.equal((await get(pool.port, path)).status, 404, path);
  }
  assert.equal((await get(port, "/_health")).status, 200);
  assert.equal((await get(port, "/_ready")).status, 200);
  const page = await get(port, "/_metrics");
  assert.equal(JSON.parse(page.text).state, "serving");
  const ask = async (...fields: string[]): Promise<number> =>
    (await get(port, "/_metrics", FORWARDED, ...fields)).status;
  assert.equal(await ask(), 401);
  assert.equal(await ask(`Authorization: Bearer ${TOKEN}x`), 401);
  assert.equal(await ask(`Authorization: Bearer ${TOKEN}`), 200);
});

Deno.test("with ADMIN_PORT, who withholds a body or reads no response does not keep the pool", async () => {
  await using pool = await startPool({
    env: { POOL_SIZE: "1", ADMIN_PORT: "0" },
  });
  const { port } = await pool.waitForEvent("listening", {
    where: ({ role }) => role === "admin",
  });
  await using sender = await RawClient.connect({ port });
  await sender.send(
    "POST /_admin/scale HTTP/1.1\r\nHost: localhost\r\n" +
      "Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
  );
  await using reader = await RawClient.connect({ port });
  const page = "GET /_dashboard/uplot.js HTTP/1.1\r\nHost: localhost\r\n\r\n";
  // More than the kernel takes for a client that does not read.
  await reader.send(page.repeat(400));
  // Both are being served by then.
  assert.equal((await get(port, "/_health")).status, 200);
  const { code } = await pool.stop();
  assert.equal(code, 0);
});
