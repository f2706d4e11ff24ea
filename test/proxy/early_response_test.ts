/** Responses that come before the request has been sent whole (RFC 9110 §7.5). */

import assert from "node:assert/strict";
import { settled } from "../support/back_pressure.ts";
import {
  chunked,
  get,
  head,
  LAST_CHUNK,
  letters,
  ok,
  postHead,
} from "../support/message_text.ts";
import { answering, type OriginScript } from "../support/origin_script.ts";
import { type ProxyServer, startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";
import { StoppedClock } from "../support/stopped_clock.ts";

const UPLOAD_BYTES = 10 * 1024 * 1024;
const UPLOAD = postHead("/", `Content-Length: ${UPLOAD_BYTES}`);
const TOO_LARGE = head("HTTP/1.1 413 Content Too Large", "Content-Length: 0");
const ACCEPTED = head("HTTP/1.1 202 Accepted", "Content-Length: 0");

/** More than all the buffers between two ends hold. */
const MORE_THAN_BUFFERED = 64 * 1024 * 1024;

/** Short for a test, and long beside the sweep that enforces it (100 ms). */
const SHORT_MS = 300;

/** Longer than a client is listened to that is of no more use. */
const LONG_MS = 4000;

/** A worker, the proxy before it, and a client. */
interface Chain extends AsyncDisposable {
  readonly origin: RecordingOrigin;
  readonly proxy: ProxyServer;
  readonly client: RawClient;
}

/** A client of a worker that does what `scripts` say. */
async function chain(
  scripts: readonly OriginScript[],
  options: NonNullable<Parameters<typeof startProxy>[0]>["options"] = {},
): Promise<Chain> {
  // deno-lint-ignore no-undef -- newer than the linter's list of globals.
  const opened = new AsyncDisposableStack();
  const origin = opened.use(await RecordingOrigin.start(scripts));
  const proxy = opened.use(startProxy({ origins: [origin.port], options }));
  const client = opened.use(await RawClient.connect(proxy));
  return {
    origin,
    proxy,
    client,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Responds at once, and then reads a body of `bytes`. */
function respondAndRead(response: string, bytes: number): OriginScript {
  return [
    { do: "read-head" },
    { do: "send", data: response },
    { do: "read-bytes", count: bytes },
  ];
}

/** How the body of a request comes, and how the same body goes on. */
const FRAMINGS = [
  ["with a length", (body: string) => [`Content-Length: ${body.length}`, body]],
  [
    "in chunks",
    (body: string) => ["Transfer-Encoding: chunked", chunked(body, 9)],
  ],
] as const;

for (const [how, frame] of FRAMINGS) {
  Deno.test(`a body that comes ${how} goes on to the worker after the response, and the next request over another connection`, async () => {
    const body = letters(90);
    const [field, framed] = frame(body) as [string, string];
    await using made = await chain([[
      { do: "read-head" },
      { do: "send", data: ACCEPTED },
      { do: "read-through", delimiter: framed.slice(-5) },
    ], answering(ok("next"))]);
    const { client, origin, proxy } = made;
    const response = await client.ask(postHead("/", field));
    assert.equal(response.status, 202);
    assert.equal(response.headers.has("connection"), false);
    await client.sendInPieces(framed, 7);
    assert.equal((await client.ask(get("/next"))).text, "next");
    assert.equal(origin.connections.length, 2);
    assert.ok(origin.connections[0]!.text.endsWith(framed.slice(-5)));
    await proxy.waitUntil(({ counters }) => counters.inFlight === 0);
  });
}

/** What a worker says of its connection with a response that comes early, and does then. */
const ENDINGS: readonly (readonly [string, OriginScript])[] = [
  ["", [{ do: "send", data: ACCEPTED }]],
  [
    "that ends the connection",
    [{
      do: "send",
      data: head(
        "HTTP/1.1 202 Accepted",
        "Content-Length: 0",
        "Connection: close",
      ),
    }],
  ],
  [
    "and the end of the worker's side",
    [{ do: "send", data: ACCEPTED }, { do: "half-close" }],
  ],
];

for (const [which, script] of ENDINGS) {
  Deno.test(`after an early response ${which} the worker gets every octet of 10 MiB`, async () => {
    await using made = await chain([[{ do: "read-head" }, ...script]]);
    const { client, origin } = made;
    const response = await client.ask(UPLOAD);
    assert.equal(response.status, 202);
    assert.equal(response.headers.has("connection"), false);
    const body = letters(UPLOAD_BYTES);
    await client.sendInPieces(body, 256 * 1024);
    // With the head they are more.
    await origin.waitFor(({ connections }) =>
      connections[0]!.received.length >= UPLOAD_BYTES &&
      connections[0]!.text.endsWith(body)
    );
  });
}

Deno.test("of a response that is cut the client gets what there is, though it is still sending", async () => {
  const whole = ok("x".repeat(50));
  await using made = await chain([[
    { do: "read-head" },
    { do: "send", data: whole.slice(0, -10) },
    { do: "gate", name: "cut" },
    { do: "reset" },
  ]]);
  const { client, origin } = made;
  await client.send(UPLOAD);
  await client.send(letters(256 * 1024));
  // What the client sends now is on its way when its response is cut.
  await origin.waitFor(({ connections }) => connections.length === 1);
  origin.open("cut");
  const sending = client.send(letters(1024 * 1024));
  const { bytes, peer } = await client.readUntilEnd();
  assert.ok(new TextDecoder().decode(bytes).endsWith("x".repeat(40)));
  assert.equal(peer, "closed");
  await sending;
});

Deno.test("a client that pauses for longer than others are listened to goes on with its upload", async () => {
  using clock = new StoppedClock();
  await using made = await chain([respondAndRead(ACCEPTED, 10)]);
  const { client, origin } = made;
  await client.ask(postHead("/", "Content-Length: 10"));
  for (const octet of "0123456789") {
    await clock.pass(LONG_MS);
    await client.send(octet);
  }
  await origin.waitFor(({ connections }) =>
    connections[0]!.text.endsWith("0123456789")
  );
});

Deno.test("a client that wants no other response gets the end after its body", async () => {
  await using made = await chain([respondAndRead(ACCEPTED, 4)]);
  const { client, origin } = made;
  const asked = postHead("/", "Content-Length: 4", "Connection: close");
  const response = await client.ask(asked);
  assert.equal(response.headers.get("connection"), "close");
  await client.send("body");
  assert.equal((await client.readUntilEnd()).peer, "closed");
  await origin.waitFor(({ connections }) =>
    connections[0]!.text.endsWith("body")
  );
});

Deno.test("a client of HTTP/1.0 gets the end of its response before that of its body", async () => {
  const streamed = head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") +
    chunked("body", 3);
  await using made = await chain([respondAndRead(streamed, 4)]);
  const { client, origin } = made;
  await client.send(head("POST / HTTP/1.0", "Content-Length: 4"));
  const response = await client.readResponse();
  assert.equal(response.text, "body");
  assert.equal((await client.readUntilEnd()).peer, "closed");
  await client.send("abcd");
  await origin.waitFor(({ connections }) =>
    connections[0]!.text.endsWith("abcd")
  );
});

Deno.test("both ways stream at the same time, in chunks and with a length, to clients of both versions", async () => {
  const echo: OriginScript = [
    { do: "read-head" },
    {
      do: "send",
      data: head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"),
    },
    ...Array.from({ length: 5 }, () =>
      [
        { do: "read-bytes", count: 4 },
        { do: "send", data: "4\r\necho\r\n" },
      ] as const).flat(),
    { do: "send", data: LAST_CHUNK },
  ];
  for (const version of ["1.0", "1.1"]) {
    await using made = await chain([echo]);
    const { client, origin } = made;
    const length = "Content-Length: 20";
    await client.send(head(`POST / HTTP/${version}`, "Host: a", length));
    for (let round = 0; round < 5; round++) {
      await client.send("ping");
      await client.readThrough("echo");
    }
    assert.match(origin.connections[0]!.text, /(?:ping){5}$/);
  }
});

Deno.test("a client that sends 10 MiB before it reads gets the 413 that came at once", async () => {
  await using made = await chain([
    [{ do: "read-head" }, { do: "send", data: TOO_LARGE }, { do: "close" }],
  ]);
  const { client } = made;
  await client.send(UPLOAD);
  await client.sendInPieces(new Uint8Array(UPLOAD_BYTES), 64 * 1024);
  const response = await client.readResponse();
  assert.equal(response.status, 413);
  assert.equal(response.headers.get("connection"), "close");
  assert.equal((await client.readUntilEnd()).peer, "closed");
});

Deno.test("a client that sends slowly before it reads gets the 413 that came at once", async () => {
  using clock = new StoppedClock();
  await using made = await chain([
    [{ do: "read-head" }, { do: "send", data: TOO_LARGE }, { do: "close" }],
  ]);
  const { client } = made;
  await client.send(postHead("/", "Content-Length: 20"));
  // Small steps: what has been sent may not be read before the next one.
  for (let octet = 0; octet < 20; octet++) {
    await client.send("x");
    await clock.pass(200);
  }
  assert.equal((await client.readResponse()).status, 413);
});

Deno.test("a client whose body nobody wants is not listened to for ever", async () => {
  using clock = new StoppedClock();
  await using made = await chain([
    [{ do: "read-head" }, { do: "send", data: TOO_LARGE }, { do: "close" }],
  ]);
  const { client, proxy } = made;
  await client.send(UPLOAD);
  assert.equal((await client.readResponse()).status, 413);
  for (let second = 0; second < 60; second++) {
    if (proxy.counters.clientConnections === 0) return;
    await client.send("x").catch(() => {});
    await clock.pass(1000);
  }
  assert.fail("it is listened to still");
});

Deno.test("the rest of a body whose worker is gone is read, and the client's connection kept", async () => {
  await using made = await chain([
    [{ do: "read-head" }, { do: "send", data: ACCEPTED }, { do: "reset" }],
    answering(ok("next")),
  ]);
  const { client, origin } = made;
  assert.equal((await client.ask(UPLOAD)).status, 202);
  await client.send(new Uint8Array(UPLOAD_BYTES));
  assert.equal((await client.ask(get("/next"))).text, "next");
  assert.equal(origin.connections.length, 2);
});

Deno.test("a worker that responds, and breaks while the client is silent, is let go of at once", async () => {
  await using made = await chain([[
    { do: "read-head" },
    { do: "send", data: ACCEPTED },
    { do: "gate", name: "break" },
    { do: "reset" },
  ]]);
  const { client, origin, proxy } = made;
  assert.equal((await client.ask(UPLOAD)).status, 202);
  assert.equal(proxy.counters.inFlight, 1);
  origin.open("break");
  await proxy.waitUntil(({ counters }) => counters.inFlight === 0);
});

Deno.test("a client that goes with its upload unfinished has failed nothing, and the worker learns of it", async () => {
  await using made = await chain([respondAndRead(ACCEPTED, 4)]);
  const { client, origin, proxy } = made;
  await client.ask(postHead("/", "Transfer-Encoding: chunked"));
  await client.send("4\r\nbody\r\n");
  await client.close();
  await origin.waitFor(({ connections }) => connections[0]?.end !== null);
  assert.doesNotMatch(origin.connections[0]!.text, /0\r\n\r\n$/);
  await proxy.waitForEvent("access");
  assert.deepEqual(
    proxy.events.filter(({ type }) => type === "exchange-failed"),
    [],
  );
});

Deno.test("what an early response leaves unread is not in the way of another request", async () => {
  await using made = await chain([
    [{ do: "read-head" }, { do: "send", data: ok("early") }, {
      do: "gate",
      name: "never",
    }],
    answering(ok("other")),
  ]);
  const { client, origin, proxy } = made;
  await client.ask(postHead("/", "Content-Length: 4"));
  await using another = await RawClient.connect(proxy);
  assert.equal((await another.ask(get("/"))).text, "other");
  await client.send("body");
  assert.equal((await client.ask(get("/"))).text, "other");
  assert.equal(origin.connections.length, 2);
  origin.open("never");
});

Deno.test("a body that the client stops sending is cut after BODY_TIMEOUT_MS, response or not", async () => {
  using clock = new StoppedClock();
  const options = { bodyTimeoutMs: SHORT_MS };
  await using made = await chain([respondAndRead(ACCEPTED, 4)], options);
  const { client, origin, proxy } = made;
  await client.ask(postHead("/", "Content-Length: 4"));
  await client.send("b");
  await clock.pass(2 * SHORT_MS);
  const { message, status } = await proxy.waitForEvent("exchange-failed");
  assert.match(message, /body did not arrive/);
  assert.equal(status, 0);
  assert.equal((await client.readUntilEnd()).peer, "closed");
  await origin.waitFor(({ connections }) => connections[0]?.end !== null);
});

Deno.test("a worker that reads no more of the body is let go of after BODY_TIMEOUT_MS, and the client gets to read its response", async () => {
  using clock = new StoppedClock();
  const options = { bodyTimeoutMs: SHORT_MS };
  const length = MORE_THAN_BUFFERED;
  await using made = await chain([
    [
      { do: "read-head" },
      { do: "send", data: ACCEPTED },
      { do: "gate", name: "never" },
    ],
  ], options);
  const { client, origin, proxy } = made;
  await client.send(postHead("/", `Content-Length: ${length}`));
  const block = new Uint8Array(1024 * 1024);
  let sent = 0;
  const sending = (async (): Promise<void> => {
    for (; sent < length; sent += block.length) await client.send(block);
  })();
  await settled(() => sent);
  assert.equal(proxy.counters.inFlight, 1);
  await clock.stall(SHORT_MS);
  await sending;
  assert.equal((await client.readResponse()).status, 202);
  assert.equal(proxy.counters.inFlight, 0);
  origin.open("never");
});

Deno.test("a body that proves too large after the response is the end of both connections", async () => {
  await using made = await chain([respondAndRead(ACCEPTED, 1)], {
    maxBodyBytes: 10,
  });
  const { client, origin } = made;
  const response = await client.ask(
    postHead("/", "Transfer-Encoding: chunked"),
  );
  assert.equal(response.status, 202);
  await client.send(chunked("x".repeat(20), 20));
  await client.readUntilEnd();
  await origin.waitFor(({ connections }) => connections[0]?.end !== null);
});

Deno.test("a body that proves malformed after the response is the end of both connections", async () => {
  await using made = await chain([respondAndRead(ACCEPTED, 1)]);
  const { client, origin } = made;
  const response = await client.ask(
    postHead("/", "Transfer-Encoding: chunked"),
  );
  assert.equal(response.status, 202);
  await client.send("z\r\n");
  await client.readUntilEnd();
  await origin.waitFor(({ connections }) => connections[0]?.end !== null);
});

Deno.test("an upload behind its response is waited for while the pool stops", async () => {
  await using made = await chain([respondAndRead(ACCEPTED, 4)]);
  const { client, origin, proxy } = made;
  await client.ask(postHead("/", "Content-Length: 4"));
  let stopped = false;
  const stopping = proxy.stop(60_000).then(() => stopped = true);
  await client.send("bo");
  await origin.waitFor(({ connections }) =>
    connections[0]!.text.endsWith("bo")
  );
  assert.equal(stopped, false);
  await client.send("dy");
  await stopping;
  assert.match(origin.connections[0]!.text, /body$/);
});

Deno.test("an upload behind its response is cut when the pool stops waiting", async () => {
  await using made = await chain([respondAndRead(ACCEPTED, 4)]);
  const { client, origin, proxy } = made;
  await client.ask(postHead("/", "Content-Length: 4"));
  await proxy.stop(0);
  await origin.waitFor(({ connections }) => connections[0]?.end !== null);
});

Deno.test("a client that was told to continue goes on after an early response", async () => {
  const script: OriginScript = [
    { do: "read-head" },
    { do: "send", data: head("HTTP/1.1 100 Continue") + ACCEPTED },
    { do: "read-bytes", count: 4 },
  ];
  await using made = await chain([script, answering(ok("next"))]);
  const { client } = made;
  const asked = postHead("/", "Content-Length: 4", "Expect: 100-continue");
  assert.equal((await client.ask(asked)).status, 100);
  const response = await client.readResponse();
  assert.equal(response.status, 202);
  assert.equal(response.headers.has("connection"), false);
  await client.send("body");
  assert.equal((await client.ask(get("/next"))).text, "next");
});

Deno.test("a response that comes instead of 100 ends both connections", async () => {
  await using made = await chain([respondAndRead(ACCEPTED, 4)]);
  const { client, origin, proxy } = made;
  const asked = postHead("/", "Content-Length: 4", "Expect: 100-continue");
  const response = await client.ask(asked);
  assert.equal(response.status, 202);
  assert.equal(response.headers.get("connection"), "close");
  assert.equal((await client.readUntilEnd()).peer, "closed");
  await origin.waitFor(({ connections }) => connections[0]?.end !== null);
  assert.equal(proxy.counters.inFlight, 0);
});

Deno.test("a body that is sent without waiting for 100 goes on after an early response", async () => {
  await using made = await chain([[
    { do: "read-head" },
    { do: "read-bytes", count: 1 },
    { do: "send", data: ACCEPTED },
    { do: "read-bytes", count: 3 },
  ], answering(ok("next"))]);
  const { client } = made;
  const asked = postHead("/", "Content-Length: 4", "Expect: 100-continue");
  const response = await client.ask(`${asked}b`);
  assert.equal(response.headers.has("connection"), false);
  await client.send("ody");
  assert.equal((await client.ask(get("/next"))).text, "next");
});

Deno.test("a client that ends its side after the body of an early response is let go in order", async () => {
  await using made = await chain([respondAndRead(ACCEPTED, 4)]);
  const { client, origin, proxy } = made;
  await client.ask(postHead("/", "Content-Length: 4"));
  await client.send("body");
  await client.closeWrite();
  assert.equal((await client.readUntilEnd()).peer, "closed");
  assert.match(origin.connections[0]!.text, /body$/);
  await proxy.waitUntil(({ counters }) => counters.inFlight === 0);
});

Deno.test("a response may begin before the request ends, and both go on", async () => {
  await using made = await chain([[
    { do: "read-head" },
    { do: "send", data: head("HTTP/1.1 200 OK", "Content-Length: 8") },
    { do: "read-bytes", count: 4 },
    { do: "send", data: "1234" },
    { do: "read-bytes", count: 4 },
    { do: "send", data: "5678" },
  ]]);
  const { client, origin } = made;
  await client.send(postHead("/", "Content-Length: 8"));
  await client.readThrough("\r\n\r\n");
  await client.send("abcd");
  await client.readThrough("1234");
  await client.send("efgh");
  await client.readThrough("5678");
  assert.match(origin.connections[0]!.text, /abcdefgh$/);
});
