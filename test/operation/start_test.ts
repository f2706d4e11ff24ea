/**
 * What a user sees of a pool that starts.
 *
 * @module
 */

import assert from "node:assert/strict";
import { demoBehindGate, GateFile } from "../support/fixture.ts";
import { freePort } from "../support/free_port.ts";
import { spawnPool, startPool } from "../support/pool_process.ts";
import { get, whoAnswers } from "../support/requests.ts";

const READY_LINE = /worker (\d) ready on 127\.0\.0\.1:\d+ \(pid \d+\) in \d/;

Deno.test("a pool tells when each worker is ready, and then where it listens", async () => {
  await using pool = spawnPool({
    env: { LOG_FORMAT: "text", LOG_LEVEL: "info" },
  });
  const [, port] = await pool.waitForLine(
    /listening on http:\/\/127\.0\.0\.1:(\d+) \(\w+\)$/,
  );
  // Another test may hold a port, and permissions may be missing: lines say so.
  const lines = pool.logs.split("\n")
    .filter((line) => !/ port | --allow-ffi/.test(line));
  assert.equal(lines.length, 5, pool.logs);
  const ready = lines.slice(0, 4).map((line) => READY_LINE.exec(line)?.[1]);
  assert.deepEqual(ready.sort(), ["0", "1", "2", "3"]);
  const answer = await get(Number(port), "/");
  assert.equal(answer.status, 200);
  assert.match(answer.text, /worker \d/);
});

Deno.test("POOL_SIZE workers are on consecutive ports, but for one that another program holds", async () => {
  const workerPort = freePort();
  using _stranger = Deno.listen({
    hostname: "127.0.0.1",
    port: workerPort + 1,
  });
  await using pool = await startPool({
    env: { POOL_SIZE: "3", WORKER_PORT: String(workerPort) },
    // Only with all permissions can the holder be seen.
    permissions: ["-A"],
  });
  const skipped = await pool.waitForEvent("port-skipped", {
    where: (event) => event.port === workerPort + 1,
  });
  assert.match(skipped.holder ?? "", new RegExp(`\\(pid ${Deno.pid}\\)$`));
  const { workers } = await pool.metrics();
  assert.deepEqual(workers.map(({ id }) => id), [0, 1, 2]);
  // Other tests may hold ports of the range too; then they are named as well.
  const passedOver = pool.events.flatMap((event) =>
    event.type === "port-skipped"
      ? Array.from(
        { length: event.lastPort - event.port + 1 },
        (_, index) => event.port + index,
      )
      : []
  );
  const used = new Set([...workers.map(({ port }) => port), ...passedOver]);
  assert.deepEqual(
    [...used].sort((a, b) => a - b),
    Array.from(used, (_, index) => workerPort + index),
  );
});

Deno.test("a worker that is not ready gets no request, and the others serve meanwhile", async () => {
  using gate = new GateFile();
  const port = freePort();
  await using pool = spawnPool({
    env: { POOL_SIZE: "2", PORT: String(port) },
    command: demoBehindGate(gate.path, "1"),
  });
  await pool.waitForEvent("worker-ready");
  const { workers } = await pool.metrics(port);
  assert.deepEqual(
    workers.map(({ state, ready }) => [state, ready]),
    [["ready", true], ["starting", false]],
  );
  assert.equal((await get(port, "/_ready")).status, 200);
  for (let i = 0; i < 10; i++) {
    assert.equal((await whoAnswers(port)).workerId, 0);
  }
  gate.open();
  await pool.waitForEvent("worker-ready", { where: (e) => e.workerId === 1 });
  const ids = [
    (await whoAnswers(port)).workerId,
    (await whoAnswers(port)).workerId,
  ];
  assert.deepEqual(ids.sort(), [0, 1]);
});

Deno.test("a request that comes before the first worker is ready waits for it", async () => {
  using gate = new GateFile();
  const port = freePort();
  await using pool = spawnPool({
    env: { POOL_SIZE: "1", PORT: String(port) },
    command: demoBehindGate(gate.path, "*"),
  });
  await pool.waitForEvent("worker-spawned");
  const answer = whoAnswers(port);
  assert.equal((await get(port, "/_ready")).status, 503);
  assert.equal((await get(port, "/_health")).status, 200);
  gate.open();
  assert.equal((await answer).workerId, 0);
});
