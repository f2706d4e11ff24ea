/**
 * Streams at the end of their worker: it is asked to end while they are open,
 * and what it says to that reaches the client.
 *
 * @module
 */

import assert from "node:assert/strict";
import { eventually } from "../support/deadline.ts";
import { fixture } from "../support/fixture.ts";
import { postHead } from "../support/message_text.ts";
import { type PoolProcess, startPool } from "../support/pool_process.ts";
import { ignoreWithout } from "../support/programs.ts";
import { RawClient } from "../support/raw_client.ts";
import { getRequest } from "../support/requests.ts";

/** Longer than any test: what ends within one has not been waited for. */
const DRAIN_TIMEOUT_MS = "600000";

const ignore = ignoreWithout("node");

/** A pool of one worker with these habits. */
function startParting(
  env: Readonly<Record<string, string>>,
  ...habits: readonly string[]
): Promise<PoolProcess> {
  return startPool({
    env: { POOL_SIZE: "1", DRAIN_TIMEOUT_MS, ...env },
    command: ["node", fixture("parting_worker.mjs"), ...habits],
  });
}

/** A client whose stream has begun. */
async function openStream(
  pool: PoolProcess,
  path: string,
): Promise<RawClient> {
  const client = await RawClient.connect(pool);
  await client.send(getRequest(path));
  await client.readThrough("hello");
  return client;
}

/** What a client gets until its connection ends. */
async function readAll(client: RawClient): Promise<string> {
  return new TextDecoder().decode((await client.readUntilEnd()).bytes);
}

/** Waits until so many requests are in flight. */
function inFlight(pool: PoolProcess, count: number): Promise<void> {
  return eventually(async () =>
    assert.equal((await pool.metrics()).inFlight, count)
  );
}

Deno.test({
  name:
    "an event stream is not waited for: its worker ends it, and the last event reaches the client (needs node)",
  ignore,
  async fn(): Promise<void> {
    await using pool = await startParting({});
    await using client = await openStream(pool, "/events");
    const stopped = pool.stop();
    assert.match(await readAll(client), /data: goodbye\n\n\r\n0\r\n\r\n$/);
    assert.equal((await stopped).code, 0);
    const { requests, streams } = await pool.waitForEvent("stop-waiting");
    assert.deepEqual([requests, streams], [0, 1]);
    const { reason } = await pool.waitForEvent("worker-signalled");
    assert.equal(reason, "drained");
  },
});

Deno.test({
  name:
    "requests end before a worker is asked to end, and streams go on until then (needs node)",
  ignore,
  async fn(): Promise<void> {
    await using pool = await startParting({});
    await using stream = await openStream(pool, "/events");
    await using upload = await RawClient.connect(pool);
    await upload.send(postHead("/", "Content-Length: 2") + "a");
    await inFlight(pool, 2);
    const stopped = pool.stop();
    const waiting = await pool.waitForEvent("stop-waiting");
    assert.deepEqual([waiting.requests, waiting.streams], [1, 1]);
    await stream.readThrough("tick");
    assert.ok(!pool.events.some(({ type }) => type === "worker-signalled"));
    assert.equal((await upload.ask("b")).status, 200);
    assert.match(await readAll(stream), /goodbye/);
    assert.equal((await stopped).code, 0);
  },
});

Deno.test({
  name: "a reload asks the old worker to end while it streams (needs node)",
  ignore,
  async fn(): Promise<void> {
    await using pool = await startParting({});
    await using client = await openStream(pool, "/events");
    pool.signal("SIGHUP");
    await client.readThrough("goodbye");
    const { report } = await pool.waitForEvent("reload-finished");
    assert.equal(report.ok, true);
    const draining = await pool.waitForEvent("worker-draining");
    assert.deepEqual([draining.inFlight, draining.streams], [1, 1]);
  },
});

for (const path of ["/events", "/raw"]) {
  Deno.test({
    name:
      `a worker that streams on is killed, and its client sees a cut: ${path} (needs node)`,
    ignore,
    async fn(): Promise<void> {
      await using pool = await startParting(
        { STOP_TIMEOUT_MS: "200" },
        "ignore-term",
      );
      await using client = await openStream(pool, path);
      const stopped = pool.stop();
      assert.doesNotMatch(await readAll(client), /\r\n0\r\n\r\n$/);
      assert.equal((await stopped).code, 0);
      const killed = await pool.waitForEvent("worker-signalled", {
        where: ({ signal }) => signal === "SIGKILL",
      });
      assert.equal(killed.reason, "did not end within 200 ms of SIGTERM");
      const { code, setting } = await pool.waitForEvent("exchange-failed");
      assert.deepEqual([code, setting], ["worker-stopped", "STOP_TIMEOUT_MS"]);
    },
  });
}
