/**
 * AFFINITY with more applications: whom a cookie or a field names is the same
 * on each transport.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  DEADLINE_MS,
  EXPRESS_SESSIONS,
  MCP_SERVER,
  testThroughChanges,
} from "../integration/affinity_cases.ts";
import { fixture } from "../support/fixture.ts";
import { startPool } from "../support/pool_process.ts";
import {
  lostOf,
  openExpressSession,
  type Session,
} from "../support/sessions.ts";

testThroughChanges(EXPRESS_SESSIONS);
testThroughChanges(MCP_SERVER);

Deno.test("sessions of Express in memory: nobody loses anything when workers are recycled", async () => {
  await using pool = await startPool({
    env: {
      POOL_SIZE: "2",
      AFFINITY: "cookie",
      MAX_REQUESTS: "10",
      MAX_REQUESTS_JITTER: "0",
    },
    command: [
      Deno.execPath(),
      "run",
      "-A",
      fixture("stateful/session_app.mjs"),
    ],
  });
  const sessions: Session[] = [];
  for (let i = 0; i < 4; i++) {
    sessions.push(await openExpressSession(pool.port));
  }
  for (let i = 0; i < 5; i++) assert.deepEqual(await lostOf(sessions), []);
  const recycled = new Set<number>();
  await pool.waitForEvent("worker-kept", {
    where: ({ pid, reason }) =>
      reason === "max-requests" && recycled.add(pid).size === 2,
    deadlineMs: DEADLINE_MS,
  });
  assert.deepEqual(new Set(sessions.map(({ pid }) => pid)), recycled);
  assert.deepEqual(await lostOf(sessions), []);
  const newcomer = await openExpressSession(pool.port);
  assert.ok(!recycled.has(newcomer.pid));
  const { workers, pool: figures } = await pool.metrics();
  assert.equal(figures.ready, 2);
  assert.equal(workers.filter(({ former }) => former).length, 2);
});
