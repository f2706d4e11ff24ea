/** What the access log is told of a request. */

import assert from "node:assert/strict";
import type { AccessEvent, PoolEvent } from "../../src/events/mod.ts";
import { get, head, ok, post, postHead } from "../support/message_text.ts";
import { answering } from "../support/origin_script.ts";
import { startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";

Deno.test("a request's protocol, referer, user agent and trace are those it came with", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("a"))]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await client.ask(get(
    "/a",
    'user-AGENT:  x "y" ',
    "Referer: http://a/b",
    `traceparent: 00-${TRACE_ID}-b7ad6b7169203331-00`,
  ));
  const event = await proxy.waitForEvent("access");
  assert.equal(event.protocol, "HTTP/1.1");
  assert.equal(event.userAgent, 'x "y"');
  assert.equal(event.referer, "http://a/b");
  assert.equal(event.traceId, TRACE_ID);
  assert.equal(event.attempts, 1);
  assert.equal(event.queueWaitMs, 0);
  const { upstreamMs, durationMs } = event;
  assert.ok(upstreamMs !== null && upstreamMs <= durationMs);
});

Deno.test("what a request has not brought is null", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("a"))]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await client.ask(head("GET / HTTP/1.0", "Host: a"));
  const { protocol, referer, userAgent, traceId } = await proxy.waitForEvent(
    "access",
  );
  assert.deepEqual(
    { protocol, referer, userAgent, traceId },
    { protocol: "HTTP/1.0", referer: null, userAgent: null, traceId: null },
  );
});

Deno.test("a request that is sent again has two attempts, and one that nobody responds to no upstream time", async () => {
  await using bad = await RecordingOrigin.start([
    [{ do: "read-request" }, { do: "close" }],
  ]);
  await using good = await RecordingOrigin.start([answering(ok("good"))]);
  await using proxy = startProxy({ origins: [bad.port, good.port] });
  await using client = await RawClient.connect(proxy);
  await client.ask(get("/"));
  assert.equal((await proxy.waitForEvent("access")).attempts, 2);

  await using none = startProxy({ origins: [bad.port] });
  await using other = await RawClient.connect(none);
  await other.ask(get("/"));
  const { attempts, upstreamMs } = await none.waitForEvent("access");
  assert.deepEqual([attempts, upstreamMs], [3, null]);
});

Deno.test("the wait for a worker that is free is told apart from the worker's time", async () => {
  await using origin = await RecordingOrigin.start([
    [
      { do: "read-request" },
      { do: "gate", name: "go" },
      { do: "send", data: ok("a") },
      { do: "read-request" },
      { do: "send", data: ok("b") },
    ],
  ]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: { workerConcurrency: 1 },
  });
  await using first = await RawClient.connect(proxy);
  await using second = await RawClient.connect(proxy);
  await first.send(get("/first"));
  await origin.waitFor(({ requests }) => requests.length === 1);
  const asked = second.ask(get("/second"));
  await proxy.waitUntil(({ dispatcher }) => dispatcher.queue.depth === 1);
  origin.open("go");
  await asked;
  await proxy.waitUntil(({ events }) =>
    events.filter(({ type }) => type === "access").length === 2
  );
  const [one, two] = proxy.events.filter((event) => event.type === "access");
  assert.equal(one?.queueWaitMs, 0);
  assert.ok(two!.queueWaitMs > 0);
  assert.ok(two!.queueWaitMs + two!.upstreamMs! <= two!.durationMs);
});

for (
  const [what, request, line, options] of [
    [
      "has no Host",
      head("GET /a?b HTTP/1.0", "Host : a"),
      ["GET", "/a?b", "HTTP/1.0", 400],
      {},
    ],
    ["is none", "\x16\x03\x01\r\n\r\n", ["-", "-", "HTTP/1.1", 400], {}],
    [
      "announces too much, behind another",
      get("/ok") + post("/b", "12345"),
      ["POST", "/b", "HTTP/1.1", 413],
      { maxBodyBytes: 4 },
    ],
    [
      "has a body that is malformed",
      `${postHead("/c", "Transfer-Encoding: chunked")}nonsense\r\n`,
      ["POST", "/c", "HTTP/1.1", 400],
      {},
    ],
    [
      "has a head that does not come",
      get("/ok") + `PUT /d HTTP/1.1\r\nX: ${"x".repeat(3000)}\r\n`,
      ["PUT", "/d", "HTTP/1.1", 408],
      { headTimeoutMs: 100 },
    ],
  ] as const
) {
  Deno.test(`a request that ${what} is refused, and has its line`, async () => {
    await using origin = await RecordingOrigin.start([answering(ok("a"))]);
    await using proxy = startProxy({ origins: [origin.port], options });
    await using client = await RawClient.connect(proxy);
    await client.send(request);
    if (request.startsWith(get("/ok"))) await client.readResponse();
    const response = await client.readResponse();
    const isRefusal = (event: PoolEvent): event is AccessEvent =>
      event.type === "access" && event.status >= 400;
    await proxy.waitUntil(({ events }) => events.some(isRefusal));
    const [event] = proxy.events.filter(isRefusal);
    assert.ok(event);
    const { method, target, protocol, status, requestId, bytesOut } = event;
    assert.deepEqual([method, target, protocol, status], line);
    assert.equal(requestId, response.headers.get("x-request-id"));
    assert.equal(bytesOut, response.text.length);
  });
}

Deno.test("the octets of an error of the balancer's own are those of its body", async () => {
  await using origin = await RecordingOrigin.start([
    [{ do: "read-request" }, { do: "close" }],
  ]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  const { text } = await client.ask(post("/", "a"));
  assert.equal((await proxy.waitForEvent("access")).bytesOut, text.length);
});
