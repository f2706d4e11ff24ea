/**
 * RATE_LIMIT on a whole pool.
 *
 * @module
 */

import assert from "node:assert/strict";
import { startPool } from "../support/pool_process.ts";
import { get } from "../support/requests.ts";

Deno.test("RATE_LIMIT: beyond it 429, counted in the metrics, and the admin pages are not limited", async () => {
  await using pool = await startPool({
    env: { POOL_SIZE: "1", RATE_LIMIT: "1/m:2" },
  });
  assert.equal((await get(pool.port, "/")).status, 200);
  assert.equal((await get(pool.port, "/")).status, 200);
  const refused = await get(pool.port, "/");
  assert.equal(refused.status, 429);
  assert.match(refused.headers.get("retry-after") ?? "", /^[1-9]\d?$/);
  for (let i = 0; i < 3; i++) {
    assert.equal((await get(pool.port, "/_health")).status, 200);
  }
  const { errors, responses, workers } = await pool.metrics();
  assert.equal(errors["429"], 1);
  assert.equal(responses["4xx"], 1);
  assert.equal(workers[0]!.requests, 2);
});
