/** That the event loop was held up is known afterwards. */

import assert from "node:assert/strict";
import { startProxy } from "../support/proxy_server.ts";

/** Well above what regular work takes. */
const BLOCKED_MS = 500;

/** A sweep may have been due at any moment of the block. */
const SWEEP_MS = 100;

Deno.test("what holds up the event loop is seen in its lag", async () => {
  await using proxy = startProxy();
  const end = performance.now() + BLOCKED_MS;
  while (performance.now() < end);
  const least = BLOCKED_MS - SWEEP_MS;
  await proxy.waitUntil(({ eventLoopLagMs }) => eventLoopLagMs >= least);
  assert.ok(proxy.eventLoopLagMs < 60_000);
});
