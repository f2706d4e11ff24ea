/** Stopping: what is under way ends, nothing new begins. */

import assert from "node:assert/strict";
import { eventually } from "../support/deadline.ts";
import { get, ok, post } from "../support/message_text.ts";
import { answering, type OriginScript } from "../support/origin_script.ts";
import { startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";

/** Longer than a test waits: what ends within one has not been cut. */
const LONG_MS = 60_000;

const GATED: OriginScript = [
  { do: "read-request" },
  { do: "gate", name: "answer" },
  { do: "send", data: ok("answer") },
  { do: "repeat" },
];

/** Waits until nobody is let in any more. */
async function refused(proxy: { readonly port: number }): Promise<void> {
  await eventually(async () => {
    const client = await RawClient.connect(proxy).catch((error) => {
      assert.match(String(error), /ECONNREFUSED/);
      return null;
    });
    await client?.close();
    assert.equal(client, null, "it is still let in");
  });
}

Deno.test("a request in flight is answered, says Connection: close, and what is pipelined behind it is left", async () => {
  await using origin = await RecordingOrigin.start([GATED]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await client.send(get("/1") + get("/2"));
  await origin.waitFor(({ requests }) => requests.length === 1);
  const stopped = proxy.stop(LONG_MS);
  await refused(proxy);
  origin.open("answer");
  const response = await client.readResponse();
  assert.equal(response.text, "answer");
  assert.equal(response.headers.get("connection"), "close");
  assert.equal((await client.readUntilEnd()).bytes.length, 0);
  await stopped;
  assert.equal(origin.requests.length, 1);
  assert.equal(proxy.idleUpstreamConnections, 0);
});

Deno.test("an upload in flight may be finished", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  const request = post("/", "0123456789");
  await client.send(request.slice(0, -5));
  await origin.waitFor(({ connections }) => connections.length === 1);
  const stopped = proxy.stop(LONG_MS);
  assert.equal((await client.ask(request.slice(-5))).text, "ok");
  await stopped;
});

Deno.test("idle connections are closed, and one that brings a request just then is served", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using fresh = await RawClient.connect(proxy);
  await using used = await RawClient.connect(proxy);
  await using late = await RawClient.connect(proxy);
  await used.ask(get("/"));
  await late.ask(get("/"));
  await proxy.waitUntil(({ counters }) => counters.clientConnections === 3);
  const stopped = proxy.stop(LONG_MS);
  await refused(proxy);
  const response = await late.ask(get("/late"));
  assert.equal(response.text, "ok");
  assert.equal(response.headers.get("connection"), "close");
  for (const client of [fresh, used, late]) {
    assert.equal((await client.readUntilEnd()).bytes.length, 0);
  }
  await stopped;
});

Deno.test("a connection whose answer had begun before does not stay idle", async () => {
  await using origin = await RecordingOrigin.start([[
    { do: "read-request" },
    { do: "send", data: ok("12345").slice(0, -1) },
    { do: "gate", name: "rest" },
    { do: "send", data: "5" },
  ]]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await client.send(get("/"));
  await client.readThrough("1234");
  const stopped = proxy.stop(LONG_MS);
  origin.open("rest");
  await client.readThrough("5");
  assert.equal((await client.readUntilEnd()).bytes.length, 0);
  await stopped;
});

Deno.test("a request that is queued is still served", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({ origins: [origin.port] });
  proxy.dispatcher.publish([]);
  await using client = await RawClient.connect(proxy);
  await client.send(get("/"));
  await proxy.waitUntil(({ dispatcher }) => dispatcher.queue.depth === 1);
  const stopped = proxy.stop(LONG_MS);
  proxy.dispatcher.publish(proxy.upstreams);
  assert.equal((await client.readResponse()).text, "ok");
  await stopped;
});

Deno.test("what has not ended in time is cut, on both sides", async () => {
  await using origin = await RecordingOrigin.start([[
    { do: "read-request" },
    { do: "send", data: ok("12345").slice(0, -1) },
  ]]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await client.send(get("/"));
  await client.readThrough("1234");
  await proxy.stop(0);
  assert.equal((await client.readUntilEnd()).bytes.length, 0);
  await origin.waitFor(({ connections }) => connections[0]?.end !== null);
});
