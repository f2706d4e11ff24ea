/** When a request is sent again, and when it is not (RFC 9110 §9.2.2). */

import assert from "node:assert/strict";
import { countOf } from "../support/count_of.ts";
import { freePort } from "../support/free_port.ts";
import {
  get,
  head,
  LAST_CHUNK,
  ok,
  post,
  postHead,
} from "../support/message_text.ts";
import { answering } from "../support/origin_script.ts";
import { startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";
import { StoppedClock } from "../support/stopped_clock.ts";

for (const end of ["close", "reset"] as const) {
  Deno.test(`a GET that one worker answers with a ${end} is answered by another`, async () => {
    await using bad = await RecordingOrigin.start([
      [{ do: "read-request" }, { do: end }],
    ]);
    await using good = await RecordingOrigin.start([answering(ok("good"))]);
    await using proxy = startProxy({ origins: [bad.port, good.port] });
    await using client = await RawClient.connect(proxy);
    assert.equal((await client.ask(get("/"))).text, "good");
    assert.equal(bad.requests.length, 1);
    assert.equal(good.requests.length, 1);
    assert.equal(proxy.counters.retries, 1);
    const reasons = proxy.counters.retriesByReason();
    assert.equal(reasons.get("upstream-closed"), 1);
    assert.equal(proxy.counters.requests, 1);
  });
}

for (const method of ["HEAD", "OPTIONS", "DELETE", "PUT"]) {
  Deno.test(`a ${method} that is dropped is sent again`, async () => {
    await using bad = await RecordingOrigin.start([
      [{ do: "read-request" }, { do: "close" }],
    ]);
    await using good = await RecordingOrigin.start([
      answering(head("HTTP/1.1 204 No Content")),
    ]);
    await using proxy = startProxy({ origins: [bad.port, good.port] });
    await using client = await RawClient.connect(proxy);
    const request = get("/").replace("GET", method);
    assert.equal((await client.ask(request, method)).status, 204);
    assert.equal(good.requests[0]?.method, method);
    assert.equal(proxy.counters.retries, 1);
  });
}

for (const method of ["POST", "PATCH", "QUERY", "get"]) {
  Deno.test(`a ${method} that is dropped is not sent again`, async () => {
    await using bad = await RecordingOrigin.start([
      [{ do: "read-request" }, { do: "close" }],
    ]);
    await using good = await RecordingOrigin.start([answering(ok("good"))]);
    await using proxy = startProxy({ origins: [bad.port, good.port] });
    await using client = await RawClient.connect(proxy);
    const request = get("/").replace("GET", method);
    assert.equal((await client.ask(request)).status, 502);
    assert.equal(good.requests.length, 0);
    assert.equal(proxy.counters.retries, 0);
  });
}

Deno.test("a body that has come with its head but is too large to be kept is not sent again", async () => {
  const origins = await Promise.all(
    [1, 2].map(() =>
      RecordingOrigin.start([[{ do: "read-request" }, { do: "close" }]])
    ),
  );
  await using bad = origins[0]!;
  await using other = origins[1]!;
  await using proxy = startProxy({ origins: [bad.port, other.port] });
  await using client = await RawClient.connect(proxy);
  const put = post("/", "x".repeat(100_000)).replace("POST", "PUT");
  assert.equal((await client.ask(put)).status, 502);
  assert.equal(bad.requests[0]?.text.length, 100_000);
  assert.equal(other.requests.length, 0);
});

Deno.test("a request is sent again to a worker that has not failed it, however the policy turns", async () => {
  await using bad = await RecordingOrigin.start([
    [{ do: "read-request" }, { do: "close" }],
  ]);
  await using good = await RecordingOrigin.start([answering(ok("good"))]);
  await using proxy = startProxy({ origins: [bad.port, good.port] });
  await using client = await RawClient.connect(proxy);
  for (let round = 0; round < 20; round++) {
    assert.equal((await client.ask(get("/"))).text, "good");
  }
  assert.equal(proxy.counters.retries, bad.requests.length);
});

Deno.test("a request is sent again while the pool drains", async () => {
  await using bad = await RecordingOrigin.start([
    [{ do: "read-request" }, { do: "gate", name: "drop" }, { do: "close" }],
  ]);
  await using good = await RecordingOrigin.start([answering(ok("good"))]);
  await using proxy = startProxy({ origins: [bad.port, good.port] });
  await using client = await RawClient.connect(proxy);
  await client.send(get("/"));
  await bad.waitFor(({ requests }) => requests.length === 1);
  const stopped = proxy.stop(10_000);
  bad.open("drop");
  assert.equal((await client.readResponse()).text, "good");
  await stopped;
});

Deno.test("an idempotent request whose body has all been sent on is sent again with it", async () => {
  await using bad = await RecordingOrigin.start([
    [{ do: "read-request" }, { do: "close" }],
  ]);
  await using good = await RecordingOrigin.start([answering(ok("good"))]);
  await using proxy = startProxy({ origins: [bad.port, good.port] });
  await using client = await RawClient.connect(proxy);
  const put = post("/", "body").replace("POST", "PUT");
  assert.equal((await client.ask(put)).text, "good");
  assert.equal(good.requests[0]?.text, "body");
});

for (
  const [how, field, body] of [
    ["with a length", "Content-Length: 4", "body"],
    ["in chunks", "Transfer-Encoding: chunked", `4\r\nbody\r\n${LAST_CHUNK}`],
  ] as const
) {
  Deno.test(`a PUT whose body has been passed on ${how} is not sent again without it`, async () => {
    await using bad = await RecordingOrigin.start([
      [{ do: "read-request" }, { do: "close" }],
    ]);
    await using good = await RecordingOrigin.start([answering(ok("good"))]);
    await using proxy = startProxy({ origins: [bad.port, good.port] });
    await using client = await RawClient.connect(proxy);
    await client.send(postHead("/", field).replace("POST", "PUT"));
    await bad.waitFor(({ connections }) => connections.length === 1);
    await client.send(body);
    assert.equal((await client.readResponse()).status, 502);
    assert.equal(good.connections.length, 0);
    assert.equal(proxy.counters.retries, 0);
  });
}

Deno.test("a POST that is dropped on a connection used before is not sent again", async () => {
  using _clock = new StoppedClock();
  const answer = answering(ok("ok")).slice(0, 2);
  await using origin = await RecordingOrigin.start([
    [...answer, ...answer, { do: "read-request" }, { do: "close" }],
    answering(ok("again")),
  ]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  // The second shows that the worker keeps its connections.
  assert.equal((await client.ask(get("/1"))).text, "ok");
  assert.equal((await client.ask(get("/2"))).text, "ok");
  const { status, text } = await client.ask(post("/", "body"));
  assert.equal(status, 502);
  // It may as well have died with the request: no cause is claimed.
  assert.match(
    text,
    /: The worker closed the connection instead of responding\n/,
  );
  assert.equal(origin.connections.length, 1);
  const posts = origin.requests.filter(({ method }) => method === "POST");
  assert.equal(posts.length, 1);
});

Deno.test("a request is not sent again once an answer has begun", async () => {
  await using bad = await RecordingOrigin.start([
    [{ do: "read-request" }, { do: "send", data: "HTTP/1.1 2" }, {
      do: "close",
    }],
  ]);
  await using good = await RecordingOrigin.start([answering(ok("good"))]);
  await using proxy = startProxy({ origins: [bad.port, good.port] });
  await using client = await RawClient.connect(proxy);
  assert.equal((await client.ask(get("/"))).status, 502);
  assert.equal(good.requests.length, 0);
});

Deno.test("a request is sent three times at most", async () => {
  await using origin = await RecordingOrigin.start([
    [{ do: "read-request" }, { do: "close" }],
  ]);
  await using proxy = startProxy({ origins: [origin.port, origin.port] });
  await using client = await RawClient.connect(proxy);
  assert.equal((await client.ask(get("/"))).status, 502);
  assert.equal(origin.requests.length, 3);
  assert.equal(proxy.counters.retries, 2);
});

/** Requests whose worker cannot be reached: nothing of them was sent. */
const UNSENT = {
  "a GET": [get("/")],
  "a POST": [post("/", "body")],
  "a POST whose body is still to come": [
    postHead("/", "Content-Length: 4"),
    "body",
  ],
  "a POST in chunks": [
    postHead("/", "Transfer-Encoding: chunked") + "4\r\nbo",
    "dy\r\n0\r\n\r\n",
  ],
};

for (const [what, parts] of Object.entries(UNSENT)) {
  Deno.test(`${what} to a worker that refuses is answered by another`, async () => {
    await using good = await RecordingOrigin.start([answering(ok("good"))]);
    await using proxy = startProxy({ origins: [freePort(), good.port] });
    await using client = await RawClient.connect(proxy);
    for (const part of parts) await client.send(part);
    assert.equal((await client.readResponse()).text, "good");
    const body = what === "a GET" ? "" : "body";
    assert.equal(good.requests[0]?.text, body);
    assert.equal(proxy.counters.retries, 1);
    // It has said that nobody listens there: no request is tried there again.
    assert.equal(proxy.upstreams[0]?.accepting, false);
    assert.equal((await client.ask(get("/next"))).text, "good");
    assert.equal(proxy.counters.retries, 1);
  });
}

Deno.test("a request waits for a worker when the only one refuses, and is served by its replacement", async () => {
  await using good = await RecordingOrigin.start([answering(ok("good"))]);
  await using proxy = startProxy({ origins: [freePort(), good.port] });
  const [, replacement] = proxy.upstreams;
  proxy.dispatcher.publish(proxy.upstreams.slice(0, 1));
  await using client = await RawClient.connect(proxy);
  await client.send(post("/", "body"));
  await proxy.waitUntil(({ dispatcher }) => dispatcher.queue.depth === 1);
  proxy.dispatcher.publish([replacement!]);
  assert.equal((await client.readResponse()).text, "good");
});

Deno.test("no GET fails on workers that close each connection when they have answered", async () => {
  await using origin = await RecordingOrigin.start([
    [{ do: "read-request" }, { do: "send", data: ok("ok") }, { do: "close" }],
  ]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  for (let round = 0; round < 300; round++) {
    assert.equal((await client.ask(get("/"))).text, "ok");
  }
  assert.equal(countOf(proxy.counters, 200), 300);
});

Deno.test("a worker's Connection: close is honoured", async () => {
  await using origin = await RecordingOrigin.start([
    answering(ok("ok", "Connection: close")),
  ]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  for (let round = 0; round < 3; round++) {
    const response = await client.ask(post("/", "body"));
    assert.equal(response.text, "ok");
    assert.notEqual(response.headers.get("connection"), "close");
  }
  assert.equal(origin.connections.length, 3);
  assert.equal(proxy.idleUpstreamConnections, 0);
});

Deno.test("an idle worker connection on which something comes is given up", async () => {
  await using origin = await RecordingOrigin.start([
    [
      // So that it would be kept for longer than this test waits.
      ...answering(ok("one", "Keep-Alive: timeout=60")).slice(0, 2),
      { do: "gate", name: "unasked" },
      { do: "send", data: head("HTTP/1.1 408 Request Timeout") },
    ],
    answering(ok("two")),
  ]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  assert.equal((await client.ask(get("/1"))).text, "one");
  assert.equal(proxy.idleUpstreamConnections, 1);
  origin.open("unasked");
  await proxy.waitUntil((proxy) => proxy.idleUpstreamConnections === 0);
  assert.equal((await client.ask(post("/2", "body"))).text, "two");
});

Deno.test("requests one after another share one worker connection", async () => {
  using _clock = new StoppedClock();
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({ origins: [origin.port] });
  for (let round = 0; round < 10; round++) {
    await using client = await RawClient.connect(proxy);
    // The second shows that the worker keeps its connections.
    await client.ask(round < 2 ? get("/") : post("/", "body"));
  }
  assert.equal(origin.connections.length, 1);
});
