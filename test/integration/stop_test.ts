/**
 * How a pool ends when it is asked to.
 *
 * @module
 */

import assert from "node:assert/strict";
import { SAME_SIGNAL_MS } from "../../src/lifecycle/signals.ts";
import { delay, eventually } from "../support/deadline.ts";
import { denoFixture, fixture } from "../support/fixture.ts";
import { freePort } from "../support/free_port.ts";
import { postHead } from "../support/message_text.ts";
import { spawnPool, startPool } from "../support/pool_process.ts";
import { aliveAmong, childrenOf } from "../support/processes.ts";
import { ignoreWithout } from "../support/programs.ts";
import { RawClient } from "../support/raw_client.ts";
import { get, getRequest } from "../support/requests.ts";

/** At once: what it would wait for otherwise lasts for {@linkcode DRAIN_TIMEOUT_MS}. */
const AT_ONCE_MS = 60_000;
const DRAIN_TIMEOUT_MS = "600000";

for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) {
  Deno.test(`${signal} lets requests in flight end, then the workers, and exits with 0`, async () => {
    await using pool = await startPool({ env: { POOL_SIZE: "2" } });
    await using upload = await RawClient.connect({ port: pool.port });
    await upload.send(postHead("/upload", "Content-Length: 2") + "a");
    await eventually(async () =>
      assert.equal((await pool.metrics()).inFlight, 1)
    );
    pool.signal(signal);
    await pool.waitForEvent("state-changed", {
      where: (e) => e.to === "draining",
    });
    // Whoever comes in the turn of the signal itself is still served.
    await eventually(() => assert.rejects(get(pool.port, "/"), /ECONNREFUSED/));
    const answer = await upload.ask("b");
    assert.deepEqual([answer.status, answer.headers.get("connection")], [
      200,
      "close",
    ]);
    assert.equal((await pool.status).code, 0);
    assert.deepEqual(await aliveAmong(pool.workerPids), []);
    const ends = pool.events.flatMap((event) =>
      event.type === "worker-exited"
        ? [[event.expected, event.status.code]]
        : []
    );
    assert.deepEqual(ends, [[true, 0], [true, 0]]);
  });
}

Deno.test({
  name:
    "a request that outlasts DRAIN_TIMEOUT_MS is cut with its worker, and the exit code is still 0 (needs node)",
  ignore: ignoreWithout("node"),
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "1", DRAIN_TIMEOUT_MS: "200", STOP_TIMEOUT_MS: "200" },
      command: ["node", fixture("parting_worker.mjs"), "ignore-term"],
    });
    await using client = await RawClient.connect({ port: pool.port });
    await client.send(postHead("/", "Content-Length: 2") + "a");
    await eventually(async () =>
      assert.equal((await pool.metrics()).inFlight, 1)
    );
    assert.equal((await pool.stop()).code, 0);
    const { reason } = await pool.waitForEvent("worker-signalled");
    assert.equal(reason, "drain-timeout");
    assert.equal((await client.readResponse()).status, 502);
  },
});

Deno.test("an idle connection does not hold up the end", async () => {
  await using pool = await startPool({ env: { POOL_SIZE: "1" } });
  await using client = await RawClient.connect({ port: pool.port });
  assert.equal((await client.ask(getRequest("/"))).status, 200);
  assert.equal((await pool.stop()).code, 0);
  assert.deepEqual(await client.readUntilEnd(), {
    bytes: new Uint8Array(),
    peer: "closed",
  });
});

Deno.test("whoever has connected before the pool stops is answered, though not yet accepted", async () => {
  await using pool = await startPool({ env: { POOL_SIZE: "1" } });
  // Stopped, it accepts nobody: they wait in the kernel's queue.
  Deno.kill(pool.pid, "SIGSTOP");
  const clients = await Promise.all(
    Array.from({ length: 30 }, () => RawClient.connect(pool)),
  );
  // Or they could be taken for idle ones.
  for (const client of clients) await client.send(getRequest("/api/health"));
  pool.signal("SIGTERM");
  Deno.kill(pool.pid, "SIGCONT");
  const statuses = await Promise.all(clients.map(async (client) => {
    await using _ = client;
    return (await client.readResponse()).status;
  }));
  assert.deepEqual(statuses, clients.map(() => 200));
  assert.equal((await pool.status).code, 0);
});

Deno.test("a second signal that comes a second later ends everything at once, with an exit code of its own", async () => {
  await using pool = await startPool({
    env: { POOL_SIZE: "2", DRAIN_TIMEOUT_MS },
  });
  await using client = await RawClient.connect({ port: pool.port });
  await client.send(postHead("/upload", "Content-Length: 2") + "a");
  await eventually(async () =>
    assert.equal((await pool.metrics()).inFlight, 1)
  );
  const family = [...pool.workerPids, ...await childrenOf(pool.pid)];
  pool.signal("SIGTERM");
  await pool.waitForEvent("state-changed", {
    where: (e) => e.to === "draining",
  });
  // In the same second it is taken for the first one come again.
  pool.signal("SIGINT");
  await pool.waitForEvent("notice", {
    where: ({ message }) => message.startsWith("SIGINT came again"),
  });
  await delay(SAME_SIGNAL_MS);
  const status = await pool.stop("SIGINT", AT_ONCE_MS);
  assert.equal(status.code, 1);
  // The last line says what that has cost.
  const last = pool.events.at(-1);
  assert.ok(last?.type === "notice");
  assert.equal(
    last.message,
    "SIGINT again: ended at once. Cut: 1 request; 2 workers killed.",
  );
  await eventually(async () => assert.deepEqual(await aliveAmong(family), []));
});

Deno.test("SIGHUP together with SIGTERM starts nobody, whichever of them comes first", async () => {
  for (
    const signals of [["SIGTERM", "SIGHUP"], ["SIGHUP", "SIGTERM"]] as const
  ) {
    await using pool = await startPool({ env: { POOL_SIZE: "1" } });
    for (const signal of signals) pool.signal(signal);
    assert.equal((await pool.status).code, 0);
    const spawned = pool.events.filter(({ type }) => type === "worker-spawned");
    assert.equal(spawned.length, 1, signals.join(", "));
  }
});

Deno.test({
  name: "a worker that ignores SIGTERM is killed",
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "1", STOP_TIMEOUT_MS: "300" },
      command: denoFixture("pool_worker.ts", "ignore-term"),
    });
    assert.equal((await pool.stop()).code, 0);
    const signals = pool.events.flatMap((event) =>
      event.type === "worker-signalled" ? [event.signal] : []
    );
    assert.deepEqual(signals, ["SIGTERM", "SIGKILL"]);
    assert.deepEqual(await aliveAmong(pool.workerPids), []);
  },
});

Deno.test("SIGTERM while the workers start ends the pool with 0 and leaves nothing", async () => {
  const port = freePort();
  await using pool = spawnPool({
    env: { POOL_SIZE: "2", PORT: String(port) },
    command: ["sleep", "300"],
  });
  await pool.waitForEvent("worker-spawned", {
    where: ({ workerId }) => workerId === 1,
  });
  assert.equal((await pool.stop()).code, 0);
  assert.equal(pool.workerPids.length, 2);
  assert.deepEqual(await aliveAmong(pool.workerPids), []);
});
