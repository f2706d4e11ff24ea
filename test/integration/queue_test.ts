/**
 * Requests that find every worker busy wait, within limits.
 *
 * @module
 */

import assert from "node:assert/strict";
import { eventually } from "../support/deadline.ts";
import { type PoolProcess, startPool } from "../support/pool_process.ts";
import type { RawResponse } from "../support/http_message.ts";
import { RawClient } from "../support/raw_client.ts";
import { get, getRequest } from "../support/requests.ts";

/** One worker that serves one request at a time. */
const ONE_AT_A_TIME = {
  POOL_SIZE: "1",
  MAX_WORKERS: "1",
  WORKER_CONCURRENCY: "1",
};

Deno.test("MAX_QUEUE=0: a request that finds every worker busy is turned away at once", async () => {
  await using pool = await startPool({
    env: { ...ONE_AT_A_TIME, MAX_QUEUE: "0" },
  });
  await using _busy = await occupy(pool);
  assertTurnedAway(await get(pool.port, "/"), /Too many requests are waiting/);
  const { queue, errors } = await pool.metrics();
  assert.deepEqual(queue, {
    depth: 0,
    limit: 0,
    rejected: 1,
    timedOut: 0,
    concurrency: 1,
    adaptive: false,
    // Who was turned away at once has not waited.
    wait: { p50: null, p99: null },
  });
  assert.equal(errors["503"], 1);
});

Deno.test("complaint 4: nobody waits behind a busy worker while another is idle", async () => {
  await using pool = await startPool({
    env: { ...ONE_AT_A_TIME, POOL_SIZE: "2", MAX_WORKERS: "2" },
  });
  await using _busy = await occupy(pool);
  for (let i = 0; i < 20; i++) {
    assert.equal((await get(pool.port, "/")).status, 200);
  }
  const { queue, workers } = await pool.metrics();
  assert.equal(queue.wait.p50, null, "nobody has waited");
  assert.deepEqual(workers.map(({ inFlight }) => inFlight).sort(), [0, 1]);
});

Deno.test("complaint 10: /_metrics tells who is busy, how many wait, and how long they did", async () => {
  await using pool = await startPool({
    env: { ...ONE_AT_A_TIME, POOL_SIZE: "2", MAX_WORKERS: "2" },
  });
  const busy = [await occupy(pool), await occupy(pool)];
  const waiting = get(pool.port, "/");
  await eventually(async () => {
    const { inFlight, queue, workers } = await pool.metrics();
    assert.deepEqual(workers.map((worker) => worker.inFlight), [1, 1]);
    assert.deepEqual([inFlight, queue.depth], [3, 1]);
  });
  await Promise.all(busy.map((client) => client.close()));
  assert.equal((await waiting).status, 200);
  const { queue } = await pool.metrics();
  assert.equal(queue.depth, 0);
  assert.ok(queue.wait.p50 !== null && queue.wait.p50 > 0);
});

Deno.test("MAX_QUEUE=1: one request waits its turn, and the next is turned away", async () => {
  await using pool = await startPool({
    env: { ...ONE_AT_A_TIME, MAX_QUEUE: "1" },
  });
  await using busy = await occupy(pool);
  const waiting = get(pool.port, "/");
  await eventually(async () =>
    assert.equal((await pool.metrics()).queue.depth, 1)
  );
  assertTurnedAway(await get(pool.port, "/"), /Too many requests are waiting/);
  await busy.close();
  assert.equal((await waiting).status, 200);
});

Deno.test("complaint 15: QUEUE_TIMEOUT_MS: a request that waits too long is turned away", async () => {
  await using pool = await startPool({
    env: { ...ONE_AT_A_TIME, QUEUE_TIMEOUT_MS: "300" },
  });
  await using _busy = await occupy(pool);
  const startedAt = performance.now();
  assertTurnedAway(await get(pool.port, "/"), /No worker was free in time/);
  assert.ok(performance.now() - startedAt >= 299);
  const { queue } = await pool.metrics();
  const { wait, ...counts } = queue;
  assert.deepEqual(counts, {
    depth: 0,
    limit: 1024,
    rejected: 0,
    timedOut: 1,
    concurrency: 1,
    adaptive: false,
  });
  assert.ok(wait.p50 !== null && wait.p50 >= 299);
});

Deno.test("a request whose client goes away leaves the queue", async () => {
  await using pool = await startPool({ env: ONE_AT_A_TIME });
  await using _busy = await occupy(pool);
  await using client = await RawClient.connect({ port: pool.port });
  await client.send(getRequest("/"));
  await eventually(async () =>
    assert.equal((await pool.metrics()).queue.depth, 1)
  );
  await client.close();
  await eventually(async () =>
    assert.equal((await pool.metrics()).queue.depth, 0)
  );
});

Deno.test("with nothing set those that compute are given one at a time, or few, and those that wait all at once", async () => {
  await using pool = await startPool({
    env: { POOL_SIZE: "1", MAX_WORKERS: "1" },
  });
  const ask = async (path: string): Promise<number> => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => get(pool.port, path)),
    );
    for (const { status } of answers) assert.equal(status, 200);
    return (await pool.metrics()).queue.concurrency;
  };
  assert.equal((await pool.metrics()).queue.concurrency, 256);
  await eventually(async () => {
    const concurrency = await ask("/burn?ms=5");
    assert.ok(concurrency > 0 && concurrency <= 8, `${concurrency}`);
  });
  await eventually(async () => {
    const concurrency = await ask("/slow?ms=100");
    assert.ok(concurrency === 0 || concurrency >= 16, `${concurrency}`);
  });
});

/** Keeps a worker busy until the client is closed. */
async function occupy(pool: PoolProcess): Promise<RawClient> {
  const client = await RawClient.connect({ port: pool.port });
  await client.send(getRequest("/events"));
  await client.readThrough("\r\n\r\n");
  return client;
}

function assertTurnedAway(response: RawResponse, reason: RegExp): void {
  assert.equal(response.status, 503);
  assert.match(response.headers.get("retry-after") ?? "", /^\d+$/);
  assert.match(response.text, reason);
}
