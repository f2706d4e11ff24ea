/**
 * Requests that come one after the other are shared out exactly.
 *
 * @module
 */

import assert from "node:assert/strict";
import { startPool } from "../support/pool_process.ts";
import { RawClient } from "../support/raw_client.ts";
import { getRequest, readAnswerer, whoAnswers } from "../support/requests.ts";

const REQUESTS = 400;

Deno.test("400 requests over 4 workers are 100 each, on one connection and on 400", async () => {
  await using pool = await startPool({ env: { POOL_SIZE: "4" } });

  const kept: number[] = [];
  await using client = await RawClient.connect({ port: pool.port });
  for (let i = 0; i < REQUESTS; i++) {
    const response = await client.ask(getRequest("/api/health"));
    kept.push(readAnswerer(response).workerId);
  }
  assert.deepEqual(counts(kept), { 0: 100, 1: 100, 2: 100, 3: 100 });

  const fresh: number[] = [];
  for (let i = 0; i < REQUESTS; i++) {
    fresh.push((await whoAnswers(pool.port)).workerId);
  }
  assert.deepEqual(counts(fresh), { 0: 100, 1: 100, 2: 100, 3: 100 });

  const { totalRequests, workers, responses } = await pool.metrics();
  assert.equal(totalRequests, 2 * REQUESTS);
  assert.equal(responses["2xx"], 2 * REQUESTS);
  assert.deepEqual(
    workers.map(({ requests }) => requests),
    [200, 200, 200, 200],
  );
});

function counts(ids: readonly number[]): Record<number, number> {
  const counted: Record<number, number> = {};
  for (const id of ids) counted[id] = (counted[id] ?? 0) + 1;
  return counted;
}
