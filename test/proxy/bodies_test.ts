/** Bodies in every framing, octet by octet the same at both ends. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  LARGE_BUFFER_BYTES,
  MEDIUM_BUFFER_BYTES,
  SMALL_BUFFER_BYTES,
  TINY_BUFFER_BYTES,
} from "../../src/proxy/core/buffer_pool.ts";
import {
  chunked,
  get,
  head,
  LAST_CHUNK,
  letters,
  ok,
  post,
  postHead,
} from "../support/message_text.ts";
import { answering, type OriginScript } from "../support/origin_script.ts";
import { startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";

/** Sizes at which a body just fits a buffer, or just does not. */
const SIZES = [
  0,
  1,
  ...[
    TINY_BUFFER_BYTES,
    SMALL_BUFFER_BYTES,
    MEDIUM_BUFFER_BYTES,
    LARGE_BUFFER_BYTES,
  ].flatMap(
    (bytes) => [bytes - 1, bytes, bytes + 1],
  ),
];

/** Chunk sizes: tiny, odd, and such that a chunk ends just after a read does. */
const CHUNK_SIZES = [7, SMALL_BUFFER_BYTES + 1, MEDIUM_BUFFER_BYTES - 1, 1e6];

const CHUNKED = "Transfer-Encoding: chunked";

function digest(text: string): string {
  return createHash("sha256").update(text, "latin1").digest("hex");
}

for (const size of SIZES) {
  const body = letters(size);

  Deno.test(`a request body of ${size} octets with a length reaches the worker as it was`, async () => {
    await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
    await using proxy = startProxy({ origins: [origin.port] });
    await using client = await RawClient.connect(proxy);
    assert.equal((await client.ask(post("/", body))).text, "ok");
    assert.equal((await client.ask(get("/next"))).text, "ok");
    const [request] = origin.requests;
    assert.equal(request?.headers.get("content-length"), `${size}`);
    assert.equal(digest(request?.text ?? ""), digest(body));
    assert.equal(origin.connections.length, 1);
  });

  Deno.test(`a response body of ${size} octets with a length reaches the client as it was`, async () => {
    await using origin = await RecordingOrigin.start([answering(ok(body))]);
    await using proxy = startProxy({ origins: [origin.port] });
    await using client = await RawClient.connect(proxy);
    for (let round = 0; round < 2; round++) {
      const response = await client.ask(get("/"));
      assert.equal(response.headers.get("content-length"), `${size}`);
      assert.equal(digest(response.text), digest(body));
    }
    assert.equal(origin.connections.length, 1);
  });

  Deno.test(`a response body of ${size} octets until the connection closes reaches the client as it was`, async () => {
    await using origin = await RecordingOrigin.start([[
      { do: "read-request" },
      { do: "send", data: head("HTTP/1.1 200 OK") + body },
      { do: "close" },
    ]]);
    await using proxy = startProxy({ origins: [origin.port] });
    await using client = await RawClient.connect(proxy);
    for (let round = 0; round < 2; round++) {
      const response = await client.ask(get("/"));
      assert.equal(response.headers.get("transfer-encoding"), "chunked");
      assert.equal(digest(response.text), digest(body));
    }
  });
}

for (const chunkBytes of CHUNK_SIZES) {
  const size = LARGE_BUFFER_BYTES / (chunkBytes < 100 ? 8 : 1) + 1;
  const body = letters(size);
  const framed = chunked(body, chunkBytes);

  Deno.test(`a request body of ${size} octets in chunks of ${chunkBytes} reaches the worker as it was`, async () => {
    await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
    await using proxy = startProxy({ origins: [origin.port] });
    await using client = await RawClient.connect(proxy);
    const response = await client.ask(postHead("/", CHUNKED) + framed);
    assert.equal(response.text, "ok");
    assert.equal((await client.ask(get("/next"))).text, "ok");
    const [request] = origin.requests;
    assert.equal(request?.headers.get("transfer-encoding"), "chunked");
    assert.equal(digest(request?.text ?? ""), digest(body));
    assert.equal(origin.connections.length, 1);
  });

  Deno.test(`a response body of ${size} octets in chunks of ${chunkBytes} reaches the client as it was`, async () => {
    await using origin = await RecordingOrigin.start([
      answering(head("HTTP/1.1 200 OK", CHUNKED) + framed),
    ]);
    await using proxy = startProxy({ origins: [origin.port] });
    await using client = await RawClient.connect(proxy);
    for (let round = 0; round < 2; round++) {
      const response = await client.ask(get("/"));
      assert.equal(digest(response.text), digest(body));
    }
    assert.equal(origin.connections.length, 1);
  });
}

Deno.test("messages that come octet by octet are passed on whole", async () => {
  const body = letters(30);
  const answer = head("HTTP/1.1 200 OK", CHUNKED) + chunked(body, 9);
  await using origin = await RecordingOrigin.start([[
    { do: "read-request" },
    { do: "send", data: answer, pieceBytes: 1 },
    { do: "repeat" },
  ]]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  const request = postHead("/", CHUNKED) + chunked(body, 9);
  await client.sendInPieces(request, 1);
  assert.equal((await client.readResponse()).text, body);
  assert.equal((await client.ask(post("/", body))).text, body);
  assert.deepEqual(origin.requests.map(({ text }) => text), [body, body]);
});

Deno.test("trailer fields nobody asked for are dropped on both ways", async () => {
  const framed = `4\r\nbody\r\n0\r\nX-Trailer: 1\r\n\r\n`;
  await using origin = await RecordingOrigin.start([
    answering(head("HTTP/1.1 200 OK", CHUNKED) + framed),
  ]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  const response = await client.ask(postHead("/", CHUNKED) + framed);
  assert.deepEqual([response.text, response.trailers], ["body", []]);
  const [request] = origin.requests;
  assert.deepEqual([request?.text, request?.trailers], ["body", []]);
  assert.equal((await client.ask(get("/next"))).text, "body");
});

/** Answers that have no body, whatever they say of one. */
const BODILESS = [
  ["HEAD", "HTTP/1.1 200 OK", "Content-Length: 5"],
  ["HEAD", "HTTP/1.1 200 OK", CHUNKED],
  ["HEAD", "HTTP/1.1 200 OK", "X: no length"],
  ["GET", "HTTP/1.1 204 No Content", "X: no length"],
  ["GET", "HTTP/1.1 304 Not Modified", "Content-Length: 5"],
  ["GET", "HTTP/1.1 304 Not Modified", 'ETag: "1"'],
] as const;

for (const [method, statusLine, field] of BODILESS) {
  Deno.test(`${statusLine.slice(9)} to ${method} with "${field}" has no body and keeps both connections`, async () => {
    await using origin = await RecordingOrigin.start([[
      { do: "read-request" },
      { do: "send", data: head(statusLine, field) },
      ...answering(ok("next")),
    ]]);
    await using proxy = startProxy({ origins: [origin.port] });
    await using client = await RawClient.connect(proxy);
    const request = get("/").replace("GET", method);
    const response = await client.ask(request, "HEAD");
    assert.equal(response.startLine, statusLine);
    const said = field.startsWith("Content-Length") ? "5" : undefined;
    assert.equal(response.headers.get("content-length"), said);
    assert.equal((await client.ask(get("/next"))).text, "next");
    assert.equal(origin.connections.length, 1);
  });
}

/** Answers to a client of HTTP/1.0: how they come, and whether its connection can be kept. */
const TO_HTTP10: readonly (readonly [string, OriginScript, boolean])[] = [
  ["with a length", answering(ok("body")), true],
  [
    "in chunks",
    answering(head("HTTP/1.1 200 OK", CHUNKED) + chunked("body", 3)),
    false,
  ],
  [
    "until the connection closes",
    [
      { do: "read-request" },
      { do: "send", data: head("HTTP/1.1 200 OK") + "body" },
      { do: "close" },
    ],
    false,
  ],
];

for (const [how, script, canKeep] of TO_HTTP10) {
  for (const asksToKeep of [false, true]) {
    const kept = canKeep && asksToKeep;
    Deno.test(`an HTTP/1.0 client${asksToKeep ? " that wants to keep its connection" : ""} gets an answer that comes ${how}, and ${kept ? "keeps" : "loses"} its connection`, async () => {
      await using origin = await RecordingOrigin.start([script]);
      await using proxy = startProxy({ origins: [origin.port] });
      await using client = await RawClient.connect(proxy);
      const fields = asksToKeep ? ["Connection: keep-alive"] : [];
      const request = head("GET / HTTP/1.0", "Host: a", ...fields);
      const response = await client.ask(request);
      assert.equal(response.text, "body");
      assert.equal(response.headers.has("transfer-encoding"), false);
      assert.equal(
        response.headers.get("connection"),
        kept ? "keep-alive" : "close",
      );
      if (kept) assert.equal((await client.ask(request)).text, "body");
      else assert.equal((await client.readUntilEnd()).peer, "closed");
    });
  }
}

Deno.test("server-sent events reach the client one by one", async () => {
  const event = (name: string): string => chunked(`data: ${name}\n\n`, 100);
  const sent = (name: string): string =>
    event(name).slice(0, -LAST_CHUNK.length);
  await using origin = await RecordingOrigin.start([[
    { do: "read-request" },
    {
      do: "send",
      data: head("HTTP/1.1 200 OK", CHUNKED, "Content-Type: text/event-stream"),
    },
    { do: "gate", name: "one" },
    { do: "send", data: sent("one") },
    { do: "gate", name: "two" },
    { do: "send", data: event("two") },
  ]]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await client.send(get("/events"));
  // The head is there before the first event is.
  await client.readThrough("\r\n\r\n");
  origin.open("one");
  await client.readThrough("data: one\n\n\r\n");
  origin.open("two");
  await client.readThrough("data: two\n\n\r\n");
  await client.readThrough(LAST_CHUNK);
});
