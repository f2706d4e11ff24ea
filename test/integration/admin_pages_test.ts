/**
 * What the admin pages respond on the public port.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  FORWARDED,
  type PoolWithPages,
  startPoolWithPages,
} from "../support/admin_pages.ts";
import { get } from "../support/requests.ts";
import { testAdminPages } from "./admin_pages_cases.ts";

testAdminPages("PORT");

Deno.test("to strangers no page is there, and no command does anything", async () => {
  await using pages: PoolWithPages = await startPoolWithPages("PORT", {
    env: { POOL_SIZE: "1" },
  });
  const application = await get(pages.port, "/_elsewhere", FORWARDED);
  for (
    const path of [
      "/_events",
      "/_metrics/history",
      "/_dashboard",
      "/_dashboard/main.js",
      "/_dashboard/uplot.js",
      "/_dashboard/style.css",
      "/_admin/reload",
      "/_admin/scale",
    ]
  ) {
    const answer = await get(pages.port, path, FORWARDED);
    assert.deepEqual(
      [answer.status, answer.text],
      [404, application.text],
      path,
    );
  }
  const command = await fetch(`${pages.url}/_admin/scale`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "X-Forwarded-For": "203.0.113.9",
    },
    body: '{"workers": 2}',
  });
  await command.body?.cancel();
  assert.equal(command.status, 404);
  assert.equal((await pages.pool.metrics()).pool.desired, 1);
});
