/** Answers that break off, break the rules, or do not come. */

import assert from "node:assert/strict";
import {
  chunked,
  get,
  head,
  LAST_CHUNK,
  letters,
  ok,
  post,
} from "../support/message_text.ts";
import { CutMessageError } from "../support/http_message.ts";
import { ON_EPOLL } from "../support/any_proxy.ts";
import { answering, type OriginStep } from "../support/origin_script.ts";
import { startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";

const CHUNKED_HEAD = head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked");
const CHUNKS = chunked("x".repeat(40), 20).slice(0, -LAST_CHUNK.length);

/** Beginnings of answers, and how the connection ends after them. */
const CUTS: readonly (readonly [string, string, OriginStep["do"]])[] = [
  ["with a length", ok("x".repeat(50)).slice(0, -10), "close"],
  ["with a length", ok("x".repeat(50)).slice(0, -10), "reset"],
  ["with a length, before the body", ok("x".repeat(50)).slice(0, -50), "close"],
  ["in chunks, between two", CHUNKED_HEAD + CHUNKS, "close"],
  ["in chunks, between two", CHUNKED_HEAD + CHUNKS, "reset"],
  ["in chunks, within one", CHUNKED_HEAD + CHUNKS.slice(0, -9), "close"],
  ["in chunks, within the last", `${CHUNKED_HEAD}${CHUNKS}0\r\n`, "close"],
  ["until the connection closes", head("HTTP/1.1 200 OK") + "x", "reset"],
];

for (const [what, answer, end] of CUTS) {
  Deno.test(`an answer ${what}, cut by a ${end}, does not look complete`, async () => {
    await using origin = await RecordingOrigin.start([[
      { do: "read-request" },
      { do: "send", data: answer },
      { do: "gate", name: "cut" },
      { do: end } as OriginStep,
    ]]);
    await using proxy = startProxy({ origins: [origin.port] });
    await using client = await RawClient.connect(proxy);
    await client.send(get("/"));
    const answered = await client.readThrough("\r\n\r\n");
    assert.match(new TextDecoder().decode(answered), /^HTTP\/1.1 200/);
    origin.open("cut");
    const { bytes } = await client.readUntilEnd();
    const body = new TextDecoder().decode(bytes);
    assert.doesNotMatch(body, /0\r\n\r\n$/);
    assert.ok(body.length < 100);
    const { source, status } = await proxy.waitForEvent("exchange-failed");
    assert.deepEqual([source, status], ["upstream", 0]);
    assert.equal(proxy.upstreams[0]?.failures, 1);
  });
}

Deno.test("a client of HTTP/1.0 sees by a reset that its answer was cut, where the transport can", async () => {
  await using origin = await RecordingOrigin.start([[
    { do: "read-request" },
    { do: "send", data: CHUNKED_HEAD + CHUNKS },
    { do: "gate", name: "cut" },
    { do: "close" },
  ]]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await client.send(head("GET / HTTP/1.0", "Host: a"));
  await client.readThrough("\r\n\r\n");
  await client.read(40);
  origin.open("cut");
  const { peer } = await client.readUntilEnd();
  assert.equal(peer, ON_EPOLL ? "reset" : "closed");
});

Deno.test("the client of a long answer that is cut knows how much is missing", async () => {
  const body = letters(300_000);
  await using origin = await RecordingOrigin.start([[
    { do: "read-request" },
    { do: "send", data: ok(body).slice(0, -1) },
    { do: "close" },
  ]]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await assert.rejects(
    client.ask(get("/")),
    (error) =>
      error instanceof CutMessageError &&
      error.partial?.text === body.slice(0, -1),
  );
});

/** What no client may be handed. */
const MALFORMED = {
  "no HTTP at all": "garbage\r\n\r\n",
  "another protocol": "SSH-2.0-OpenSSH_9.2\r\n",
  "another version": "HTTP/2.0 200 OK\r\n\r\n",
  "no status": "HTTP/1.1 OK\r\n\r\n",
  "a status of four digits": "HTTP/1.1 2000 OK\r\n\r\n",
  "a field without a colon": head("HTTP/1.1 200 OK", "nonsense"),
  "a folded field": head("HTTP/1.1 200 OK", "A: 1", " 2"),
  "two lengths": head(
    "HTTP/1.1 200 OK",
    "Content-Length: 1",
    "Content-Length: 2",
  ),
  "a length that is none": head("HTTP/1.1 200 OK", "Content-Length: +1"),
  "a length and chunks": head(
    "HTTP/1.1 200 OK",
    "Content-Length: 1",
    "Transfer-Encoding: chunked",
  ),
  "an unknown coding": head("HTTP/1.1 200 OK", "Transfer-Encoding: gzip"),
  "a bad first chunk": `${CHUNKED_HEAD}xyz\r\n`,
  "a switch of protocols nobody asked for": head(
    "HTTP/1.1 101 Switching Protocols",
    "Connection: upgrade",
    "Upgrade: websocket",
  ),
  "a head too large": head("HTTP/1.1 200 OK", `A: ${"a".repeat(20_000)}`),
};

for (const [what, answer] of Object.entries(MALFORMED)) {
  Deno.test(`an answer with ${what} is a 502, and its connection is not used again`, async () => {
    await using origin = await RecordingOrigin.start([
      [{ do: "read-request" }, { do: "send", data: answer }],
      answering(ok("next")),
    ]);
    await using proxy = startProxy({ origins: [origin.port] });
    await using client = await RawClient.connect(proxy);
    const response = await client.ask(get("/"));
    assert.equal(response.status, 502);
    assert.doesNotMatch(response.text, /127\.0\.0\.1|\d{5}/);
    assert.equal((await client.ask(get("/next"))).text, "next");
    assert.equal(origin.connections.length, 2);
    assert.deepEqual([
      proxy.counters.errorsByStatus().get(502),
      proxy.counters.retries,
    ], [
      1,
      0,
    ]);
  });
}

Deno.test("a chunk that is broken further on cuts the answer", async () => {
  await using origin = await RecordingOrigin.start([[
    { do: "read-request" },
    { do: "send", data: CHUNKED_HEAD + CHUNKS },
    { do: "gate", name: "break" },
    { do: "send", data: "xyz\r\n" },
  ]]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await client.send(get("/"));
  await client.readThrough("\r\n\r\n");
  origin.open("break");
  const { bytes } = await client.readUntilEnd();
  assert.doesNotMatch(new TextDecoder().decode(bytes), /0\r\n\r\n$/);
});

Deno.test("what a worker sends beyond its answer reaches nobody", async () => {
  await using origin = await RecordingOrigin.start([
    [{ do: "read-request" }, { do: "send", data: ok("one") + ok("forged") }],
    answering(ok("two")),
  ]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  assert.equal((await client.ask(get("/1"))).text, "one");
  assert.equal((await client.ask(get("/2"))).text, "two");
  assert.equal(origin.connections.length, 2);
});

Deno.test("a POST that the worker drops is a 502 and is sent once", async () => {
  await using origin = await RecordingOrigin.start([
    [{ do: "read-request" }, { do: "close" }],
  ]);
  await using proxy = startProxy({ origins: [origin.port, origin.port] });
  await using client = await RawClient.connect(proxy);
  const response = await client.ask(post("/", "body"));
  assert.equal(response.status, 502);
  assert.equal(response.headers.has("connection"), false);
  assert.equal(origin.requests.length, 1);
});
