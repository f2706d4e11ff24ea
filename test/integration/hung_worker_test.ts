/**
 * A worker that runs but does not answer is noticed from outside: what the
 * matter is, and which request may be the cause, is told before anything is
 * done about it, and what may be sent again is answered by others.
 *
 * What users of other supervisors complain about: a hung worker is never
 * noticed, and one that is killed on a timeout takes its culprit's name along.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { PoolEvent } from "../../src/events/mod.ts";
import { demoBehindGate, fixture, GateFile } from "../support/fixture.ts";
import { eventually } from "../support/deadline.ts";
import { get, post } from "../support/message_text.ts";
import { type PoolProcess, startPool } from "../support/pool_process.ts";
import { waitUntilGone } from "../support/processes.ts";
import { ignoreWithout } from "../support/programs.ts";
import { RawClient } from "../support/raw_client.ts";
import { whoAnswers } from "../support/requests.ts";

/** Unhealthy after about 2 s, and replaced then: nobody is who is only slow for a while. */
const PROBES = {
  POOL_SIZE: "2",
  HEALTH_INTERVAL_MS: "200",
  HEALTH_TIMEOUT_MS: "1000",
  HEALTH_FALL: "2",
};

const HANGING = ["node", fixture("hanging_worker.mjs")];

/** Without node there is no such worker, and without /proc nothing can be told apart. */
const IGNORE = ignoreWithout("node") || Deno.build.os !== "linux";

/** Process id of the worker that has a request in flight, once there is one. */
function busyWorker(pool: PoolProcess): Promise<number> {
  return eventually(async () => {
    const { workers } = await pool.metrics();
    const busy = workers.find(({ inFlight }) => inFlight > 0);
    if (busy?.pid) return busy.pid;
    throw new Error("No worker has a request in flight");
  });
}

/** What happened to a process, in order. */
function storyOf(pool: PoolProcess, pid: number): PoolEvent["type"][] {
  return pool.events
    .filter((event) => "pid" in event && event.pid === pid)
    .map((event) => event.type);
}

Deno.test("a worker that hangs gets no requests, and gets them again when it goes on", async () => {
  using gate = new GateFile();
  gate.open();
  await using pool = await startPool({
    env: PROBES,
    command: demoBehindGate(gate.path, "*"),
  });
  // What is to succeed it does not get anywhere.
  gate.close();
  const [hung] = (await pool.metrics()).workers;
  Deno.kill(hung!.pid, "SIGSTOP");
  try {
    const unhealthy = await pool.waitForEvent("worker-unhealthy");
    assert.equal(unhealthy.workerId, 0);
    assert.equal(unhealthy.reason, "no response within 1000 ms");
    // As `WorkerUnhealthyEvent` has it, and nothing of what else is known.
    for (const field of ["healthy", "hostname", "serial", "startup"]) {
      assert.equal(field in unhealthy, false, field);
    }
    for (let i = 0; i < 10; i++) {
      assert.equal((await whoAnswers(pool.port)).workerId, 1);
    }
  } finally {
    Deno.kill(hung!.pid, "SIGCONT");
  }
  const recovered = await pool.waitForEvent("worker-recovered");
  assert.equal(recovered.pid, hung!.pid);
  const ids = [
    (await whoAnswers(pool.port)).workerId,
    (await whoAnswers(pool.port)).workerId,
  ];
  assert.deepEqual(ids.sort(), [0, 1]);
});

Deno.test("complaint 5: a worker that stays hung is replaced, and killed when it does not even end", async () => {
  await using pool = await startPool({
    env: { ...PROBES, DRAIN_TIMEOUT_MS: "200", STOP_TIMEOUT_MS: "200" },
  });
  const [hung] = (await pool.metrics()).workers;
  const from = pool.events.length;
  Deno.kill(hung!.pid, "SIGSTOP");
  const successor = await pool.waitForEvent("worker-ready", { from });
  assert.equal(successor.workerId, 0);
  const exited = await pool.waitForEvent("worker-exited");
  assert.equal(exited.pid, hung!.pid);
  assert.equal(exited.status.signal, "SIGKILL");
  await waitUntilGone([hung!.pid]);
  const { workers, pool: { ready, restarts } } = await pool.metrics();
  assert.deepEqual(workers.map(({ id }) => id), [0, 1]);
  assert.deepEqual([ready, restarts], [2, 1]);
});

for (
  const [diagnosis, path] of [
    ["blocked", "/block"],
    ["stuck", "/deadlock"],
  ] as const
) {
  Deno.test({
    name:
      `complaint 6: a worker that is ${diagnosis} is told with the request it hangs on, before it is ended (needs node and /proc)`,
    ignore: IGNORE,
    async fn(): Promise<void> {
      await using pool = await startPool({
        env: { ...PROBES, DRAIN_TIMEOUT_MS: "500", STOP_TIMEOUT_MS: "500" },
        command: HANGING,
      });
      await using culprit = await RawClient.connect(pool);
      // Not sent again, whatever it does.
      await culprit.send(post(`${path}?token=secret`, "x"));
      const unhealthy = await pool.waitForEvent("worker-unhealthy");
      assert.equal(unhealthy.diagnosis, diagnosis);
      const { method, path: named, requestId } = unhealthy.oldestRequest!;
      assert.deepEqual([method, named], ["POST", path]);
      const answer = await culprit.readResponse();
      assert.equal(answer.status, 502);
      assert.equal(answer.headers.get("x-request-id"), requestId);
      await pool.waitForEvent("worker-exited");
      assert.deepEqual(storyOf(pool, unhealthy.pid).slice(2, 5), [
        "worker-unhealthy",
        "worker-draining",
        "worker-signalled",
      ]);
    },
  });
}

Deno.test({
  name:
    "what waits for a worker that was stopped is answered by another, but for a POST (needs node and /proc)",
  ignore: IGNORE,
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { ...PROBES, DRAIN_TIMEOUT_MS: "500", STOP_TIMEOUT_MS: "500" },
      command: HANGING,
    });
    await using poster = await RawClient.connect(pool);
    await poster.send(post("/hang", "x"));
    const pid = await busyWorker(pool);
    Deno.kill(pid, "SIGSTOP");
    await using clients = await connectMany(pool, 4);
    const answers = await clients.askAll(get("/"));
    assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200, 200]);
    assert.equal(answers.some(({ text }) => text === String(pid)), false);
    const unhealthy = await pool.waitForEvent("worker-unhealthy");
    assert.deepEqual([unhealthy.pid, unhealthy.diagnosis], [pid, "stopped"]);
    assert.equal(unhealthy.oldestRequest?.method, "POST");
    assert.equal((await poster.readResponse()).status, 502);
  },
});

Deno.test({
  name:
    "the only worker stays in service until there is another, and is told of then (needs node and /proc)",
  ignore: IGNORE,
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: {
        ...PROBES,
        POOL_SIZE: "1",
        DRAIN_TIMEOUT_MS: "500",
        STOP_TIMEOUT_MS: "500",
      },
      command: HANGING,
    });
    await using culprit = await RawClient.connect(pool);
    await culprit.send(get("/block"));
    const pid = await busyWorker(pool);
    await using victim = await RawClient.connect(pool);
    const answer = await victim.ask(get("/"));
    assert.equal(answer.status, 200);
    assert.notEqual(answer.text, String(pid));
    // It has hung one worker, and is not given to the next.
    assert.equal((await culprit.readResponse()).status, 502);
    const unhealthy = await pool.waitForEvent("worker-unhealthy");
    assert.deepEqual([unhealthy.pid, unhealthy.diagnosis], [pid, "blocked"]);
    const types = pool.events.map((event) => event.type);
    assert.ok(
      types.lastIndexOf("worker-ready") < types.indexOf("worker-unhealthy"),
    );
  },
});

Deno.test({
  name:
    "a request that is slow on a worker that answers is told once, and nothing is done (needs node)",
  ignore: IGNORE,
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: {
        ...PROBES,
        POOL_SIZE: "1",
        HEALTH_TIMEOUT_MS: "60000",
        SLOW_REQUEST_MS: "100",
      },
      command: HANGING,
    });
    const [worker] = (await pool.metrics()).workers;
    await using first = await RawClient.connect(pool);
    await first.send(get("/hang?first"));
    const slow = await pool.waitForEvent("request-slow");
    assert.deepEqual([slow.method, slow.path], ["GET", "/hang"]);
    assert.equal(slow.workerId, worker!.id);
    await using second = await RawClient.connect(pool);
    await second.send(get("/hang?second"));
    // When the second one is told, the first one has been seen again.
    await pool.waitForEvent("request-slow", {
      where: ({ requestId }) => requestId !== slow.requestId,
    });
    const told = pool.events.filter(({ type }) => type === "request-slow");
    assert.equal(told.length, 2);
    assert.deepEqual(storyOf(pool, worker!.pid!), [
      "worker-spawned",
      "worker-ready",
    ]);
  },
});

Deno.test({
  name:
    "a worker whose application answers 500 to everything but its probes stays in service (needs node)",
  ignore: IGNORE,
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: {
        ...PROBES,
        HEALTH_PATH: "/api/health",
        HEALTH_INTERVAL_MS: "20",
        HEALTH_TIMEOUT_MS: "60000",
      },
      command: HANGING,
    });
    await using client = await RawClient.connect(pool);
    for (let i = 0; i < 100; i++) {
      assert.equal((await client.ask(get("/error"))).status, 500);
    }
    const { workers } = await pool.metrics();
    assert.deepEqual(workers.map(({ failures }) => failures), [0, 0]);
    const types = pool.events.map((event) => event.type);
    assert.equal(types.includes("worker-unhealthy"), false);
  },
});

/** Several clients, each on a connection of its own. */
interface Clients extends AsyncDisposable {
  askAll(request: string): Promise<Awaited<ReturnType<RawClient["ask"]>>[]>;
}

async function connectMany(pool: PoolProcess, count: number): Promise<Clients> {
  const clients = await Promise.all(
    Array.from({ length: count }, () => RawClient.connect(pool)),
  );
  return {
    askAll: (request) =>
      Promise.all(clients.map((client) => client.ask(request))),
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.all(clients.map((client) => client.close()));
    },
  };
}
