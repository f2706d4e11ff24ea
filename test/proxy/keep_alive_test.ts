/** Which requests are given a worker connection that was idle, and when. */

import assert from "node:assert/strict";
import { ConnectionPool } from "../../src/proxy/core/connection_pool.ts";
import { Upstream } from "../../src/upstream/upstream.ts";
import { ManualClock } from "../support/core/manual_clock.ts";
import { NOBODY } from "../../src/proxy/core/link.ts";
import { ScriptedLink } from "../support/core/scripted_link.ts";
import { delay } from "../support/deadline.ts";
import { get, ok, post, postHead } from "../support/message_text.ts";
import { answering, type OriginScript } from "../support/origin_script.ts";
import { type ProxyServer, startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";
import { StoppedClock } from "../support/stopped_clock.ts";

/** So that a connection is kept for longer than these tests take. */
const KEPT_OPEN = ok("ok", "Keep-Alive: timeout=60");

/** Longer than a connection counts as fresh. */
const STALE_MS = 700;

/** Long enough to show that a connection is kept, and still fresh. */
const KEPT_MS = 300;

/** What must not be sent twice: whatever its method, a body that has been passed on is gone. */
const UNREPEATABLE = {
  "a POST": [post("/", "body")],
  "a PUT whose body came later": [
    postHead("/", "Content-Length: 4").replace("POST", "PUT"),
    "body",
  ],
};

/** Shows that the worker keeps its connections: one is used a second time. */
async function useTwice(client: RawClient): Promise<void> {
  await client.ask(get("/1"));
  await client.ask(get("/2"));
}

async function askInParts(
  client: RawClient,
  parts: readonly string[],
): Promise<number> {
  for (const part of parts) {
    await client.send(part);
    // Or both would arrive in one read.
    await delay(20);
  }
  return (await client.readResponse()).status;
}

/** Fills the pool of idle connections: `count` requests that are answered together. */
async function makeIdle(
  origin: RecordingOrigin,
  proxy: ProxyServer,
  count: number,
): Promise<void> {
  const clients: RawClient[] = [];
  for (let index = 0; index < count; index++) {
    clients.push(await RawClient.connect(proxy));
    await clients.at(-1)!.send(get("/"));
  }
  await origin.waitFor(({ requests }) => requests.length === count);
  origin.open("together");
  for (const client of clients) {
    await client.readResponse();
    await client.close();
  }
  assert.equal(proxy.idleUpstreamConnections, count);
}

for (const [what, parts] of Object.entries(UNREPEATABLE)) {
  Deno.test(`${what} is given a connection that was in use a moment ago, and not one idle for longer`, async () => {
    using clock = new StoppedClock();
    await using origin = await RecordingOrigin.start([answering(KEPT_OPEN)]);
    await using proxy = startProxy({ origins: [origin.port] });
    await using client = await RawClient.connect(proxy);
    await useTwice(client);
    assert.equal(await askInParts(client, parts), 200);
    assert.equal(origin.connections.length, 1);
    await clock.pass(STALE_MS);
    assert.equal(await askInParts(client, parts), 200);
    assert.equal(origin.connections.length, 2);
  });

  Deno.test(`${what} is given a new connection before a worker is known to keep any`, async () => {
    using _clock = new StoppedClock();
    await using origin = await RecordingOrigin.start([answering(KEPT_OPEN)]);
    await using proxy = startProxy({ origins: [origin.port] });
    await using client = await RawClient.connect(proxy);
    await client.ask(get("/"));
    assert.equal(await askInParts(client, parts), 200);
    assert.equal(origin.connections.length, 2);
  });
}

Deno.test("a GET is given a connection however long it was idle", async () => {
  using clock = new StoppedClock();
  await using origin = await RecordingOrigin.start([answering(KEPT_OPEN)]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await client.ask(get("/1"));
  await clock.pass(STALE_MS);
  await client.ask(get("/2"));
  assert.equal(origin.connections.length, 1);
});

Deno.test("a worker is known to keep connections by one that stays open unused", async () => {
  using clock = new StoppedClock();
  await using origin = await RecordingOrigin.start([answering(KEPT_OPEN)]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await client.ask(post("/1", "body"));
  for (let look = 0; look < 2; look++) await clock.pass(KEPT_MS / 2);
  await client.ask(post("/2", "body"));
  assert.equal(origin.connections.length, 1);
});

Deno.test("a single look at an idle connection proves nothing, however late it comes", () => {
  const address = { id: 0, hostname: "127.0.0.1", port: 1 };
  const upstream = new Upstream({ ...address, generation: 1 });
  const clock = new ManualClock();
  const pool = new ConnectionPool(clock);
  const connection = pool.open(upstream, new ScriptedLink());
  connection.use(NOBODY, clock.now());
  const now = clock.now();
  pool.put(connection, now, 60);
  pool.sweep(now + 10_000);
  const unrepeatable = { now, repeatable: false };
  assert.equal(pool.take(upstream, unrepeatable), null);
  pool.sweep(now + 10_100);
  assert.equal(pool.take(upstream, unrepeatable), connection);
});

Deno.test("a worker that closes a connection it has just answered on is not trusted with a POST", async () => {
  using _clock = new StoppedClock();
  await using origin = await RecordingOrigin.start([
    [...answering(KEPT_OPEN).slice(0, 2), { do: "read-end" }],
    [
      ...answering(KEPT_OPEN).slice(0, 2),
      ...answering(KEPT_OPEN).slice(0, 2),
      { do: "gate", name: "close" },
      { do: "close" },
    ],
    answering(KEPT_OPEN),
  ]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using first = await RawClient.connect(proxy);
  await using client = await RawClient.connect(proxy);
  // Two idle connections; the newer has been used twice.
  await first.ask(post("/", "body"));
  await client.ask(post("/", "body"));
  await client.ask(get("/"));
  assert.equal(proxy.idleUpstreamConnections, 2);
  origin.open("close");
  await proxy.waitUntil((proxy) => proxy.idleUpstreamConnections === 1);
  await client.ask(post("/", "body"));
  assert.equal(origin.connections.length, 3);
});

Deno.test("a request that met a closed connection is sent again over a new one, not over another that was idle", async () => {
  const closing: OriginScript = [
    { do: "read-request" },
    { do: "gate", name: "together" },
    { do: "send", data: KEPT_OPEN },
    { do: "read-request" },
    { do: "close" },
  ];
  await using origin = await RecordingOrigin.start([
    ...Array<OriginScript>(4).fill(closing),
    // The look whether anybody listens.
    [{ do: "read-end" }],
    answering(KEPT_OPEN),
  ]);
  await using proxy = startProxy({ origins: [origin.port] });
  await makeIdle(origin, proxy, 4);
  await using client = await RawClient.connect(proxy);
  assert.equal((await client.ask(get("/"))).status, 200);
  assert.equal(proxy.counters.retries, 1);
  assert.equal(origin.connections.length, 6);
  // That it had been idle for too long says nothing about the worker.
  assert.equal(proxy.upstreams[0]?.failures, 0);
});
