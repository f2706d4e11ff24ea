/**
 * A health page that fails on all workers at once, because what it asks for is
 * away, while the pages do not.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GateFile } from "../support/fixture.ts";
import { startPool } from "../support/pool_process.ts";
import { get } from "../support/requests.ts";

/** Says which worker it is; its health page is good while a file is there. */
const APPLICATION = `
const { createServer } = require("node:http");
const { existsSync } = require("node:fs");
createServer((request, response) => {
  const well = request.url !== "/up" || existsSync(process.argv[1]);
  response.statusCode = well ? 200 : 503;
  response.end(process.env.WORKER_ID);
}).listen(Number(process.env.PORT), "127.0.0.1");
`;

const WORKERS = 4;

Deno.test("a health page that fails everywhere takes nobody out, and is told as a panic until it is good again", async () => {
  using database = new GateFile();
  database.open();
  await using pool = await startPool({
    env: {
      POOL_SIZE: `${WORKERS}`,
      HEALTH_PATH: "/up",
      HEALTH_INTERVAL_MS: "200",
    },
    command: ["node", "-e", APPLICATION, database.path],
  });
  database.close();
  for (let worker = 0; worker < WORKERS; worker++) {
    await pool.waitForEvent("worker-unhealthy", {
      where: ({ workerId }) => workerId === worker,
    });
  }
  const entered = await pool.waitForEvent("panic-entered");
  assert.equal(entered.reason, "responded with 503");
  assert.deepEqual(await answerers(pool.port), ["0", "1", "2", "3"]);
  assert.equal((await get(pool.port, "/_ready")).status, 200);
  assert.equal((await pool.metrics()).pool.panic, true);
  const scraped = await get(pool.port, "/_metrics?format=prometheus");
  assert.match(scraped.text, /^prefork_panic 1$/m);

  database.open();
  const left = await pool.waitForEvent("panic-left");
  assert.equal(left.workers, WORKERS);
  for (let worker = 0; worker < WORKERS; worker++) {
    await pool.waitForEvent("worker-recovered", {
      where: ({ workerId }) => workerId === worker,
    });
  }
  const metrics = await pool.metrics();
  assert.equal(metrics.pool.panic, false);
  assert.deepEqual(await answerers(pool.port), ["0", "1", "2", "3"]);
  // Whoever began to fail before the others may have got a successor, which was let go.
  assert.ok(
    metrics.workers.every(({ pid }) =>
      pool.workerPids.slice(0, WORKERS).includes(pid)
    ),
  );
});

/** Who has answered two requests of each worker's share. */
async function answerers(port: number): Promise<readonly string[]> {
  const seen = new Set<string>();
  for (let request = 0; request < 2 * WORKERS; request++) {
    seen.add((await get(port, "/")).text);
  }
  return [...seen].sort();
}
