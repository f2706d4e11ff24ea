/** What counts as a stream, and what becomes of streams when the pool stops. */

import assert from "node:assert/strict";
import { delay, eventually } from "../support/deadline.ts";
import { chunked, get, head, LAST_CHUNK } from "../support/message_text.ts";
import type { OriginScript } from "../support/origin_script.ts";
import { type ProxyServer, startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";
import { StoppedClock } from "../support/stopped_clock.ts";

/** Longer than a test waits: what ends within one has not been cut. */
const LONG_MS = 60_000;

/** Beyond which an answer without a length that trickles is a stream. */
const STREAM_AFTER_MS = 5_000;

const FIRST = "first";
const CHUNKED = "Transfer-Encoding: chunked";
const OK = "HTTP/1.1 200 OK";
const [CHUNK] = chunked(FIRST, FIRST.length).split(LAST_CHUNK);

const EVENTS = head(OK, CHUNKED, "Content-Type: text/event-stream") + CHUNK;

/** An answer that begins, and ends when the test says so. */
function begun(start: string, end: string = LAST_CHUNK): OriginScript {
  return [
    { do: "read-head" },
    { do: "send", data: start },
    { do: "gate", name: "end" },
    { do: "send", data: end },
    { do: "half-close" },
  ];
}

const EVENTS_BEGUN = begun(
  head(OK, "Content-Type: text/event-stream") + FIRST,
);

/** A client that has the beginning of an answer. */
async function begin(
  script: OriginScript,
  request: string = get("/"),
): Promise<
  & { origin: RecordingOrigin; proxy: ProxyServer; client: RawClient }
  & AsyncDisposable
> {
  // deno-lint-ignore no-undef -- newer than the linter's list of globals.
  const begun = new AsyncDisposableStack();
  const origin = begun.use(await RecordingOrigin.start([script]));
  const proxy = begun.use(startProxy({ origins: [origin.port] }));
  const client = begun.use(await RawClient.connect(proxy));
  await client.send(request);
  await client.readThrough(FIRST);
  return {
    origin,
    proxy,
    client,
    [Symbol.asyncDispose]: () => begun.disposeAsync(),
  };
}

const REQUEST = { requests: 1, streams: 0 };
const STREAM = { requests: 0, streams: 1 };

for (
  const [name, start] of [
    ["server-sent events", EVENTS],
    [
      "server-sent events with a charset, in capitals",
      head(OK, CHUNKED, "CONTENT-TYPE: Text/Event-Stream; charset=utf-8") +
      CHUNK,
    ],
    [
      "server-sent events until the connection ends",
      head(OK, "Content-Type: text/event-stream") + FIRST,
    ],
    [
      "pictures of a camera",
      head(OK, "Content-Type: multipart/x-mixed-replace;boundary=x") + FIRST,
    ],
    [
      "a tunnel",
      head(
        "HTTP/1.1 101 Switching Protocols",
        "Connection: upgrade",
        "Upgrade: echo",
      ) + FIRST,
    ],
  ] as const
) {
  Deno.test(`a stream from the first octet: ${name}`, async () => {
    const request = get("/", "Connection: upgrade", "Upgrade: echo");
    await using exchange = await begin(begun(start), request);
    assert.deepEqual(exchange.proxy.inFlight.count(), STREAM);
    const [upstream] = exchange.proxy.upstreams;
    assert.deepEqual(exchange.proxy.inFlight.count(upstream), STREAM);
    exchange.client.close();
  });
}

Deno.test("an answer without a length is a stream when it has trickled for a while", async () => {
  using clock = new StoppedClock();
  await using exchange = await begin(begun(head(OK, CHUNKED) + CHUNK));
  await clock.pass(STREAM_AFTER_MS - 1);
  assert.deepEqual(exchange.proxy.inFlight.count(), REQUEST);
  await clock.pass(1);
  assert.deepEqual(exchange.proxy.inFlight.count(), STREAM);
});

for (
  const [name, start] of [
    ["announces its length", head(OK, "Content-Length: 9") + FIRST],
    [
      "comes quickly",
      head(OK, CHUNKED) + CHUNK +
      chunked("x".repeat(90_000), 10_000).replace(LAST_CHUNK, ""),
    ],
  ] as const
) {
  Deno.test(`an answer that ${name} is a request, however long it takes`, async () => {
    using clock = new StoppedClock();
    await using exchange = await begin(begun(start));
    await clock.pass(STREAM_AFTER_MS);
    assert.deepEqual(exchange.proxy.inFlight.count(), REQUEST);
  });
}

Deno.test("a stream is not drained, and what its worker says at its end is passed on", async () => {
  await using exchange = await begin(
    begun(EVENTS, chunked("goodbye", 7)),
  );
  const { proxy, origin, client } = exchange;
  await proxy.drain(LONG_MS);
  assert.deepEqual(proxy.inFlight.count(), STREAM);
  origin.open("end");
  await client.readThrough("goodbye\r\n0\r\n\r\n");
  // Its connection would be kept for another request; nobody could serve that.
  await proxy.finish(LONG_MS);
  assert.equal((await client.readUntilEnd()).bytes.length, 0);
});

Deno.test("a tunnel whose worker has ended is closed when the workers are gone, though its client does not", async () => {
  const switched = head(
    "HTTP/1.1 101 Switching Protocols",
    "Connection: upgrade",
    "Upgrade: echo",
  );
  await using exchange = await begin(
    begun(switched + FIRST, "goodbye"),
    get("/", "Connection: upgrade", "Upgrade: echo"),
  );
  const { proxy, origin, client } = exchange;
  await proxy.drain(LONG_MS);
  const finished = proxy.finish(LONG_MS);
  origin.open("end");
  await client.readThrough("goodbye");
  await client.readUntilEnd();
  await finished;
});

Deno.test("a request is drained beside a stream, and so is one that comes on a kept connection", async () => {
  await using origin = await RecordingOrigin.start([
    begun(EVENTS),
    [
      { do: "read-request" },
      { do: "send", data: head(OK, "Content-Length: 0") },
      { do: "read-request" },
      { do: "gate", name: "answer" },
      { do: "send", data: head(OK, "Content-Length: 0") },
    ],
  ]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using stream = await RawClient.connect(proxy);
  await stream.send(get("/events"));
  await stream.readThrough(FIRST);
  await using kept = await RawClient.connect(proxy);
  assert.equal((await kept.ask(get("/"))).status, 200);
  let drained = false;
  const draining = proxy.drain(LONG_MS).then(() => drained = true);
  // Whoever comes in the turn of the stop itself is still let in.
  await eventually(() =>
    assert.rejects(RawClient.connect(proxy), /ECONNREFUSED/)
  );
  await kept.send(get("/late"));
  await origin.waitFor(({ requests }) => requests.length === 2);
  assert.deepEqual(proxy.inFlight.count(), { requests: 1, streams: 1 });
  assert.equal(drained, false);
  origin.open("answer");
  const response = await kept.readResponse();
  assert.equal(response.headers.get("connection"), "close");
  await draining;
  assert.deepEqual(proxy.inFlight.count(), STREAM);
});

Deno.test("what a worker has that is about to be killed is cut, and does not look complete", async () => {
  await using exchange = await begin(
    EVENTS_BEGUN,
  );
  const { proxy, client } = exchange;
  proxy.inFlight.cut(proxy.upstreams[0]!);
  assert.equal((await client.readUntilEnd()).bytes.length, 2);
});

Deno.test("what is cut with a worker that takes its time to die names STOP_TIMEOUT_MS", async () => {
  await using exchange = await begin(EVENTS_BEGUN);
  const { proxy, client } = exchange;
  const [upstream] = proxy.upstreams;
  proxy.inFlight.cut(upstream!);
  // Longer than a process is waited for that has closed a connection.
  await delay(100);
  upstream!.markEnded({ cause: "requested", description: "was killed" });
  await client.readUntilEnd();
  const failed = await proxy.waitForEvent("exchange-failed");
  assert.deepEqual([failed.code, failed.setting], [
    "worker-stopped",
    "STOP_TIMEOUT_MS",
  ]);
});
