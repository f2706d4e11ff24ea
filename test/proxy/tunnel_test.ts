/** `101 Switching Protocols`: octets both ways, whatever they mean (RFC 9110 §7.8). */

import assert from "node:assert/strict";
import { countOf } from "../support/count_of.ts";
import { get, head, letters, ok } from "../support/message_text.ts";
import { answering, type OriginScript } from "../support/origin_script.ts";
import { type ProxyServer, startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";

const UPGRADE = get("/", "Connection: upgrade", "Upgrade: echo");
const SWITCHED = head(
  "HTTP/1.1 101 Switching Protocols",
  "Connection: upgrade",
  "Upgrade: echo",
);

/** A tunnel whose worker goes on with `script`. */
async function openTunnel(
  script: OriginScript,
  early: string = "",
): Promise<
  & { origin: RecordingOrigin; proxy: ProxyServer; client: RawClient }
  & AsyncDisposable
> {
  // deno-lint-ignore no-undef -- newer than the linter's list of globals.
  const opened = new AsyncDisposableStack();
  const origin = opened.use(
    await RecordingOrigin.start([[
      { do: "read-head" },
      { do: "send", data: SWITCHED + early },
      ...script,
    ]]),
  );
  const proxy = opened.use(startProxy({ origins: [origin.port] }));
  const client = opened.use(await RawClient.connect(proxy));
  const response = await client.ask(UPGRADE);
  assert.equal(response.status, 101);
  assert.equal(response.headers.get("upgrade"), "echo");
  assert.match(response.headers.get("connection") ?? "", /upgrade/i);
  return {
    origin,
    proxy,
    client,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

Deno.test("what a worker sends with its 101 reaches the client, and both can talk", async () => {
  await using tunnel = await openTunnel([
    { do: "read-bytes", count: 4 },
    { do: "send", data: "pong" },
    { do: "read-bytes", count: 4 },
    { do: "send", data: "PONG" },
  ], "early");
  const { client, origin } = tunnel;
  await client.readThrough("early");
  await client.send("ping");
  await client.readThrough("pong");
  await client.send("PING");
  await client.readThrough("PONG");
  assert.match(origin.connections[0]!.text, /upgrade: echo/i);
});

Deno.test("what a client sends before the 101 reaches the worker behind it", async () => {
  await using origin = await RecordingOrigin.start([[
    { do: "read-head" },
    { do: "gate", name: "switch" },
    { do: "send", data: SWITCHED },
    { do: "read-bytes", count: 5 },
    { do: "send", data: "got it" },
  ]]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await client.send(`${UPGRADE}ea`);
  await origin.waitFor(({ connections }) => connections.length === 1);
  await client.send("rly");
  origin.open("switch");
  assert.equal((await client.readResponse()).status, 101);
  await client.readThrough("got it");
  assert.match(origin.connections[0]!.text, /\r\n\r\nearly$/);
});

Deno.test("a tunnel carries a lot, unchanged", async () => {
  const bytes = letters(1_000_000);
  await using tunnel = await openTunnel([
    { do: "read-bytes", count: bytes.length },
    { do: "send", data: bytes },
    { do: "close" },
  ]);
  const { client, origin } = tunnel;
  await client.send(bytes);
  const { bytes: received } = await client.readUntilEnd();
  assert.equal(new TextDecoder().decode(received), bytes);
  assert.ok(origin.connections[0]!.text.endsWith(bytes));
});

Deno.test("a client that ends its side still hears the worker's", async () => {
  await using tunnel = await openTunnel([
    { do: "read-end" },
    { do: "send", data: "last words" },
    { do: "close" },
  ]);
  const { client, proxy } = tunnel;
  await client.closeWrite();
  const { bytes, peer } = await client.readUntilEnd();
  assert.deepEqual([new TextDecoder().decode(bytes), peer], [
    "last words",
    "closed",
  ]);
  await proxy.waitUntil(({ counters }) => counters.clientConnections === 0);
});

Deno.test("a worker that ends its side still hears the client", async () => {
  await using tunnel = await openTunnel([{ do: "half-close" }]);
  const { client, origin } = tunnel;
  assert.equal((await client.readUntilEnd()).bytes.length, 0);
  await client.send("still here");
  await origin.waitFor(({ connections }) =>
    connections[0]!.text.endsWith("still here")
  );
});

Deno.test("a tunnel counts as in flight, and ends when its worker breaks", async () => {
  await using tunnel = await openTunnel([
    { do: "gate", name: "die" },
    { do: "reset" },
  ]);
  const { client, origin, proxy } = tunnel;
  assert.equal(proxy.upstreams[0]?.inFlight, 1);
  origin.open("die");
  await client.readUntilEnd();
  await proxy.waitUntil(({ counters }) => counters.clientConnections === 0);
  assert.equal(proxy.upstreams[0]?.inFlight, 0);
  assert.equal(countOf(proxy.counters, 101), 1);
});

for (const end of ["close", "reset"] as const) {
  Deno.test(`the ${end} of a client ends its tunnel`, async () => {
    await using tunnel = await openTunnel([{ do: "read-end" }]);
    const { client, origin, proxy } = tunnel;
    await client[end]();
    await origin.waitFor(({ connections }) => connections[0]?.end !== null);
    await proxy.waitUntil(({ counters }) => counters.clientConnections === 0);
  });
}

Deno.test("an upgrade that the worker declines is an ordinary exchange", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("no"))]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await client.send(UPGRADE + get("/next"));
  assert.equal((await client.readResponse()).text, "no");
  assert.equal((await client.readResponse()).text, "no");
  assert.deepEqual(origin.requests.map(({ target }) => target), ["/", "/next"]);
});
