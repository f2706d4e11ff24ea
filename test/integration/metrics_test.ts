/**
 * `/_metrics` has every field of the published contract, with values that fit
 * what has happened.
 *
 * @module
 */

import assert from "node:assert/strict";
import { eventually } from "../support/deadline.ts";
import { startPool, UNJUDGED } from "../support/pool_process.ts";
import { get } from "../support/requests.ts";

/** More than a program for Node takes by itself, in MiB. */
const TAKEN_MIB = 200;

/** The contract: a field's type, or what it is made of. */
const SHAPE = {
  totalRequests: "number",
  averageLatency: "number",
  latency: { p50: "number", p90: "number", p99: "number", max: "number" },
  recentLatency: { p50: "number", p90: "number", p99: "number" },
  requestsPerSecond: "number",
  inFlight: "number",
  state: "string",
  uptimeSeconds: "number",
  generation: "number",
  queue: {
    depth: "number",
    limit: "number",
    rejected: "number",
    timedOut: "number",
    concurrency: "number",
    wait: "object",
  },
  pool: {
    min: "number",
    max: "number",
    desired: "number",
    ready: "number",
    spare: "number",
    restarts: "number",
    outOfMemory: "number",
    panic: "boolean",
  },
  recovery: {
    count: "number",
    p50: "null",
    p90: "null",
    p99: "null",
    max: "null",
  },
  output: { droppedLines: "number", droppedBytes: "number" },
  retries: "number",
  responses: {
    "2xx": "number",
    "3xx": "number",
    "4xx": "number",
    "5xx": "number",
  },
  errors: {
    "400": "number",
    "405": "number",
    "408": "number",
    "502": "number",
    "503": "number",
    "504": "number",
  },
  connections: { client: "number", upstreamIdle: "number" },
  eventLoopLag: "number",
  controlPlaneLag: "number",
  transport: "string",
  scaling: "array",
  scalingHeld: "null",
  workers: "array",
} as const;

const WORKER_SHAPE = {
  id: "number",
  port: "number",
  requests: "number",
  ready: "boolean",
  spare: "boolean",
  pid: "number",
  state: "string",
  inFlight: "number",
  requestsPerSecond: "number",
  averageLatency: "number",
  failures: "number",
  restarts: "number",
  uptimeSeconds: "number",
  generation: "number",
  droppedLines: "number",
  rssBytes: "null",
  cpuSeconds: "null",
} as const;

Deno.test("/_metrics has every field of the contract, with values that fit", async () => {
  const startedAt = performance.now();
  await using pool = await startPool({
    env: { POOL_SIZE: "2", MAX_WORKERS: "5", MAX_QUEUE: "7" },
  });
  for (let i = 0; i < 4; i++) await get(pool.port, "/slow?ms=20");
  await get(pool.port, "/nowhere");
  await get(pool.port, "/slow?ms=never");

  const metrics = await pool.metrics();
  assertShape(metrics, SHAPE);
  for (const worker of metrics.workers) assertShape(worker, WORKER_SHAPE);

  assert.equal(metrics.totalRequests, 6);
  assert.equal(metrics.state, "serving");
  assert.deepEqual(metrics.responses, {
    "2xx": 4,
    "3xx": 0,
    "4xx": 2,
    "5xx": 0,
  });
  assert.deepEqual(metrics.pool, {
    min: 2,
    max: 5,
    desired: 2,
    ready: 2,
    spare: 0,
    restarts: 0,
    outOfMemory: 0,
    panic: false,
  });
  assert.equal(metrics.queue.limit, 7);
  assert.equal(metrics.inFlight, 0);
  // The one that asks.
  assert.equal(metrics.connections.client, 1);
  assert.equal(metrics.connections.upstreamIdle, 2);
  const { p50, p90, p99, max } = metrics.latency;
  // A quantile is that of a bucket, so it may be a little off.
  assert.ok(p50 > 15 && p50 <= p90 && p90 <= p99, JSON.stringify(metrics));
  assert.ok(max >= 19 && max < 60_000);
  assert.ok(metrics.averageLatency > 10 && metrics.averageLatency <= max);
  assert.ok(metrics.requestsPerSecond > 0);
  const elapsedSeconds = (performance.now() - startedAt) / 1000;
  assert.ok(metrics.uptimeSeconds > 0);
  assert.ok(metrics.uptimeSeconds <= elapsedSeconds);
  for (const worker of metrics.workers) {
    assert.equal(worker.requests, 3);
    assert.equal(worker.state, "ready");
    assert.equal(worker.generation, 1);
    assert.ok(worker.averageLatency > 10);
    assert.ok(worker.uptimeSeconds > 0);
    assert.ok(worker.uptimeSeconds <= metrics.uptimeSeconds);
  }
});

Deno.test("before the first request the latency is unknown, which is not 0", async () => {
  await using pool = await startPool({ env: { POOL_SIZE: "1" } });
  const { averageLatency, latency, totalRequests } = await pool.metrics();
  assert.equal(totalRequests, 0);
  assert.equal(averageLatency, null);
  assert.deepEqual(latency, { p50: null, p90: null, p99: null, max: null });
});

Deno.test("/_metrics tells how long it took until a dead worker was replaced", async () => {
  await using pool = await startPool({ env: { POOL_SIZE: "1" } });
  Deno.kill(pool.workerPids[0]!, "SIGKILL");
  const { replaces } = await pool.waitForEvent("worker-ready", {
    where: ({ replaces }) => replaces?.reason === "exit",
  });
  const { recovery } = await pool.metrics();
  assert.equal(recovery.count, 1);
  // To a thousandth.
  assert.ok(Math.abs(recovery.max! - replaces!.downMs) < 0.001);
  assert.equal(recovery.p50, recovery.max);
});

Deno.test({
  name:
    "with all permissions the memory and CPU time of each worker are known (Linux)",
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "2" },
      permissions: ["-A"],
    });
    for (const { rssBytes, cpuSeconds } of (await pool.metrics()).workers) {
      assert.ok(rssBytes! > 10 * 1024 ** 2 && rssBytes! < 1024 ** 3);
      assert.ok(cpuSeconds! >= 0 && cpuSeconds! < 60);
    }
  },
});

/** Takes memory, and computes, when it is told to. */
const GREEDY = `
const { createServer } = require("node:http");
const taken = [];
createServer((request, response) => {
  if (request.url === "/take") {
    for (let i = 0; i < ${TAKEN_MIB}; i++) taken.push(Buffer.alloc(2 ** 20, 1));
    for (const end = Date.now() + 300; Date.now() < end;);
  }
  response.end();
}).listen(Number(process.env.PORT), "127.0.0.1");
`;

/** A shell, that waits for a shell, that waits for the program: as with `npm start`. */
const WRAPPER = ["sh", "-c", '"$@"; exit $?', "sh"] as const;
const BEHIND_WRAPPERS = [...WRAPPER, ...WRAPPER, "node", "-e", GREEDY];

Deno.test({
  name:
    "memory and CPU time of a program behind wrappers are its worker's, and held to MAX_WORKER_MEMORY_MB (Linux)",
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: {
        POOL_SIZE: "1",
        MAX_WORKERS: "1",
        // What is taken is between this and the 1.5 times it that is killed for.
        MAX_WORKER_MEMORY_MB: `${TAKEN_MIB}`,
        ...UNJUDGED,
      },
      permissions: ["-A"],
      command: BEHIND_WRAPPERS,
    });
    const [before] = (await pool.metrics()).workers;
    assert.ok(before!.rssBytes! < TAKEN_MIB * 1024 ** 2);
    await get(pool.port, "/take");
    const draining = await pool.waitForEvent("worker-draining");
    assert.deepEqual([draining.pid, draining.reason], [
      before!.pid,
      "max-memory",
    ]);
    assert.ok(pool.events.some(({ type }) => type === "worker-ready"));
  },
});

Deno.test({
  name: "what a program behind wrappers uses is shown (Linux)",
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "1", MAX_WORKERS: "1", ...UNJUDGED },
      permissions: ["-A"],
      command: BEHIND_WRAPPERS,
    });
    const [before] = (await pool.metrics()).workers;
    await get(pool.port, "/take");
    const after = await eventually(async () => {
      const [worker] = (await pool.metrics()).workers;
      assert.ok(worker!.cpuSeconds! > before!.cpuSeconds!);
      return worker!;
    });
    assert.ok(after.rssBytes! - before!.rssBytes! > TAKEN_MIB * 1024 ** 2 / 2);
  },
});

/** Checks that everything the shape names is there; what is added freely may be. */
function assertShape(value: unknown, shape: unknown, path = "metrics"): void {
  if (typeof shape === "string") {
    return assert.equal(typeOf(value), shape, path);
  }
  assert.equal(typeOf(value), "object", path);
  for (const [name, expected] of Object.entries(shape as object)) {
    const field = (value as Record<string, unknown>)[name];
    assertShape(field, expected, `${path}.${name}`);
  }
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
