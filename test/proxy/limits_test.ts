/** Nothing is taken without bounds. */

import assert from "node:assert/strict";
import { chunked, get, ok, post, postHead } from "../support/message_text.ts";
import { answering } from "../support/origin_script.ts";
import { startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";

const MAX_HEAD_BYTES = 10_000;
const MAX_BODY_BYTES = 1000;

/** A GET whose head has so many octets. */
function getOf(headBytes: number): string {
  const missing = headBytes - get("/", "A: ").length;
  return get("/", `A: ${"a".repeat(missing)}`);
}

Deno.test("a head as large as allowed is served, one octet more is a 431", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: { maxHeadBytes: MAX_HEAD_BYTES },
  });
  await using client = await RawClient.connect(proxy);
  assert.equal((await client.ask(getOf(MAX_HEAD_BYTES))).text, "ok");
  assert.equal(
    origin.requests[0]?.headers.get("a")?.length,
    MAX_HEAD_BYTES -
      get("/", "A: ").length,
  );
  assert.equal((await client.ask(getOf(MAX_HEAD_BYTES + 1))).status, 431);
  assert.equal((await client.readUntilEnd()).peer, "closed");
  assert.equal(origin.requests.length, 1);
});

Deno.test("a head without end is a 431", async () => {
  await using proxy = startProxy({ options: { maxHeadBytes: MAX_HEAD_BYTES } });
  await using client = await RawClient.connect(proxy);
  await client.send(getOf(10 * MAX_HEAD_BYTES).slice(0, -4));
  assert.equal((await client.readResponse()).status, 431);
});

Deno.test("a target as long as a head may be is served, one that is longer by itself is a 414", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: { maxHeadBytes: MAX_HEAD_BYTES },
  });
  await using client = await RawClient.connect(proxy);
  const target = `/${"a".repeat(MAX_HEAD_BYTES - get("").length)}`;
  const longest = target.slice(0, -1);
  assert.equal((await client.ask(get(longest))).text, "ok");
  assert.equal(origin.requests[0]?.target, longest);
  // Its line fits, and the fields do not.
  assert.equal((await client.ask(get(target))).status, 431);
  await using other = await RawClient.connect(proxy);
  const response = await other.ask(get(`/${"a".repeat(MAX_HEAD_BYTES)}`));
  assert.equal(response.status, 414);
  assert.equal(origin.requests.length, 1);
});

const FRAMINGS = {
  "by length": (body: string): string => post("/", body),
  "in one chunk": (body: string): string =>
    postHead("/", "Transfer-Encoding: chunked") + chunked(body, body.length),
  "in small chunks": (body: string): string =>
    postHead("/", "Transfer-Encoding: chunked") + chunked(body, 10),
};

for (const [how, request] of Object.entries(FRAMINGS)) {
  Deno.test(`a body ${how} as large as allowed is served, one octet more is a 413`, async () => {
    await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
    await using proxy = startProxy({
      origins: [origin.port],
      options: { maxBodyBytes: MAX_BODY_BYTES },
    });
    await using client = await RawClient.connect(proxy);
    const most = "x".repeat(MAX_BODY_BYTES);
    assert.equal((await client.ask(request(most))).text, "ok");
    const response = await client.ask(request(`${most}x`));
    assert.equal(response.status, 413);
    assert.equal((await client.readUntilEnd()).peer, "closed");
    assert.equal(origin.requests.length, 1);
  });
}

Deno.test("a body in chunks that grows too large on its way is a 413, and the worker's request is cut", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: { maxBodyBytes: MAX_BODY_BYTES },
  });
  await using client = await RawClient.connect(proxy);
  const body = chunked("x".repeat(MAX_BODY_BYTES + 1), 100);
  await client.send(postHead("/", "Transfer-Encoding: chunked"));
  await origin.waitFor(({ connections }) =>
    connections[0]?.text.endsWith("\r\n\r\n") ?? false
  );
  await client.send(body.slice(0, 500));
  await origin.waitFor(({ connections }) =>
    connections[0]!.text.includes("xxx")
  );
  assert.equal((await client.ask(body.slice(500))).status, 413);
  await origin.waitFor(({ connections }) => connections[0]?.end !== null);
  assert.equal(origin.requests.length, 0);
});

Deno.test("a client that sends 10 MiB too much before it reads gets its 413", async () => {
  await using proxy = startProxy({ options: { maxBodyBytes: MAX_BODY_BYTES } });
  await using client = await RawClient.connect(proxy);
  const bytes = new Uint8Array(10 * 1024 * 1024);
  await client.send(postHead("/", `Content-Length: ${bytes.length}`));
  await client.sendInPieces(bytes, 64 * 1024);
  assert.equal((await client.readResponse()).status, 413);
});

Deno.test("no more connections than allowed are accepted, and the next is when one has gone", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: { maxConnections: 2 },
  });
  await using first = await RawClient.connect(proxy);
  await using second = await RawClient.connect(proxy);
  // Both are at something: who is idle for a second makes room.
  await first.send(postHead("/first", "Content-Length: 1"));
  await second.send(postHead("/second", "Content-Length: 1"));
  await proxy.waitForEvent("accept-paused");
  await using third = await RawClient.connect(proxy);
  await third.send(get("/third"));
  await second.send("x");
  assert.equal((await second.readResponse()).text, "ok");
  assert.equal(proxy.counters.clientConnections, 2);
  const targets = origin.requests.map(({ target }) => target);
  assert(!targets.includes("/third"), `${targets}`);
  await first.close();
  assert.equal((await third.readResponse()).text, "ok");
  // There is room for one more now, whether one comes or not.
  await third.close();
  await proxy.waitForEvent("accept-resumed");
});

Deno.test("where no more connections are allowed, the one that is idle for longest makes room, and who has just asked does not", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: { maxConnections: 2 },
  });
  await using first = await RawClient.connect(proxy);
  await first.ask(get("/"));
  await using second = await RawClient.connect(proxy);
  await second.ask(get("/"));
  await using third = await RawClient.connect(proxy);
  await third.send(get("/third"));
  assert.equal((await third.readResponse()).text, "ok");
  assert.equal((await first.readUntilEnd()).bytes.length, 0);
  assert.equal((await second.ask(get("/"))).text, "ok");
});
