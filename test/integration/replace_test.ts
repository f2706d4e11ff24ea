/**
 * Workers that die are replaced, and requests do not notice.
 *
 * @module
 */

import assert from "node:assert/strict";
import { eventually } from "../support/deadline.ts";
import { demoBehindGate, GateFile } from "../support/fixture.ts";
import { startPool, UNJUDGED } from "../support/pool_process.ts";
import { ignoreWithout } from "../support/programs.ts";
import { RawClient } from "../support/raw_client.ts";
import { getRequest, readAnswerer, whoAnswers } from "../support/requests.ts";

Deno.test("a worker that is killed is replaced in its slot, and every request is answered meanwhile", async () => {
  await using pool = await startPool({ env: { POOL_SIZE: "3", ...UNJUDGED } });
  const before = (await pool.metrics()).workers;
  const from = pool.events.length;
  let replaced = false;
  const replacement = pool.waitForEvent("worker-ready", { from });
  replacement.then(() => replaced = true, () => replaced = true);

  await using client = await RawClient.connect({ port: pool.port });
  Deno.kill(before[1]!.pid, "SIGKILL");
  do {
    readAnswerer(await client.ask(getRequest("/api/health")));
    await whoAnswers(pool.port);
  } while (!replaced);

  const { workerId, pid } = await replacement;
  assert.equal(workerId, 1);
  const exited = await pool.waitForEvent("worker-exited");
  assert.deepEqual(
    [exited.workerId, exited.expected, exited.status.signal],
    [1, false, "SIGKILL"],
  );
  const after = await pool.metrics();
  assert.deepEqual(
    after.workers.map((worker) => [worker.id, worker.pid, worker.restarts]),
    [[0, before[0]!.pid, 0], [1, pid, 1], [2, before[2]!.pid, 0]],
  );
  assert.equal(after.pool.ready, 3);
  assert.equal(after.pool.restarts, 1);
  assert.deepEqual(after.responses["5xx"], 0);
});

Deno.test({
  name:
    "a request that never reached its worker goes to another, whatever its method (needs node)",
  ignore: ignoreWithout("node"),
  async fn(): Promise<void> {
    // On SIGUSR2 it takes no connections any more, and lives on.
    const source = `
      const server = require("node:http").createServer((request, response) =>
        response.end(process.env.WORKER_ID));
      server.listen(process.env.PORT, "127.0.0.1");
      process.on("SIGUSR2", () => {
        server.close(() => console.log("deaf"));
        server.closeAllConnections();
      });
      setInterval(() => {}, 1000);`;
    await using pool = await startPool({
      // It is not replaced, however often it fails.
      env: { POOL_SIZE: "2", ...UNJUDGED },
      command: ["node", "-e", source],
    });
    const [deaf] = (await pool.metrics()).workers;
    Deno.kill(deaf!.pid, "SIGUSR2");
    await pool.waitForEvent("worker-output", {
      where: (e) => e.line === "deaf",
    });
    await using client = await RawClient.connect({ port: pool.port });
    for (let i = 0; i < 10; i++) {
      const response = await client.ask(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc",
      );
      assert.deepEqual([response.status, response.text], [200, "1"]);
    }
    const { retries, workers } = await pool.metrics();
    // After the first refusal nothing is sent there any more.
    assert.equal(retries, 1);
    assert.equal(workers[0]!.ready, false);
  },
});

Deno.test("while no worker is ready requests wait, and are served by the replacement", async () => {
  using gate = new GateFile();
  gate.open();
  await using pool = await startPool({
    env: { POOL_SIZE: "1", ...UNJUDGED },
    command: demoBehindGate(gate.path, "*"),
  });
  gate.close();
  const { pid } = await whoAnswers(pool.port);
  Deno.kill(pid, "SIGKILL");
  await pool.waitForEvent("worker-exited");
  const answers = [whoAnswers(pool.port), whoAnswers(pool.port)];
  await eventually(async () =>
    assert.equal((await pool.metrics()).queue.depth, 2)
  );
  gate.open();
  for (const { pid: answered } of await Promise.all(answers)) {
    assert.notEqual(answered, pid);
  }
  const { queue, responses } = await pool.metrics();
  const { wait, ...counts } = queue;
  assert.deepEqual(counts, {
    depth: 0,
    limit: 1024,
    rejected: 0,
    timedOut: 0,
    concurrency: 256,
    adaptive: true,
  });
  assert.ok(wait.p99 !== null && wait.p99 > 0);
  assert.equal(responses["5xx"], 0);
});

Deno.test("a worker that cannot be started again is tried more and more slowly, and the pool goes on", async () => {
  using gate = new GateFile();
  gate.open();
  const [shell, flag, , ...rest] = demoBehindGate(gate.path, "1");
  const script = '[ "$WORKER_ID" = 1 ] && [ ! -e "$0" ] && exit 3; exec "$@"';
  await using pool = await startPool({
    env: { POOL_SIZE: "2", ...UNJUDGED },
    command: [shell!, flag!, script, ...rest],
  });
  gate.close();
  const victim = (await pool.metrics()).workers[1]!;
  const from = pool.events.length;
  Deno.kill(victim.pid, "SIGKILL");
  for (let failures = 0; failures < 3;) {
    assert.equal((await whoAnswers(pool.port)).pid === victim.pid, false);
    failures = pool.events.filter(({ type }) =>
      type === "worker-start-failed"
    ).length;
  }
  const waits = pool.events.flatMap((event) =>
    event.type === "worker-start-failed" ? [event.retryInMs] : []
  );
  // Doubled each time, the upper half of it by chance.
  assert.ok(waits[2]! > waits[0]!, String(waits));
  assert.equal((await pool.metrics()).pool.ready, 1);
  gate.open();
  const back = await pool.waitForEvent("worker-ready", { from });
  assert.equal(back.workerId, 1);
  assert.equal((await pool.metrics()).pool.ready, 2);
});
