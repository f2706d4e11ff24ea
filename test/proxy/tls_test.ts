/** HTTPS: what holds for plain connections holds for encrypted ones. */

import assert from "node:assert/strict";
import type { SecureVersion } from "node:tls";
import { TLS_HANDSHAKE_RECORD } from "../../src/proxy/core/handshake.ts";
import {
  BODY_BYTES,
  LATE_READER,
  LONG_ANSWER,
  MOST_IN_BETWEEN_BYTES,
  settled,
} from "../support/back_pressure.ts";
import {
  get,
  head,
  letters,
  ok,
  post,
  postHead,
} from "../support/message_text.ts";
import { answering, type OriginScript } from "../support/origin_script.ts";
import { startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { toText } from "../support/raw_socket.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";
import {
  clientHello,
  connectTls,
  FIRST,
  SECOND,
  TestTlsServer,
  type TlsClient,
} from "../support/tls.ts";

const TLS = new TestTlsServer();

/** Longer than a test waits: what ends within one has not been cut. */
const LONG_MS = 60_000;

/** An alert, and that it ends the connection (RFC 8446 §6). */
const TLS_ALERT_RECORD = 0x15;
const FATAL = 2;

/** One of application data, which nobody has encrypted. */
const CORRUPT_RECORD = Uint8Array.of(0x17, 3, 3, 0, 32, ...Array(32).fill(7));

/** The extension `supported_versions` of a client that speaks 1.2 alone. */
const VERSIONS_OF_1_2 = "\0\x2b\0\x03\x02\x03\x03";

const GATED: OriginScript = [
  { do: "read-request" },
  { do: "gate", name: "answer" },
  { do: "send", data: ok("answer") },
  { do: "repeat" },
];

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  Deno.test(`${version} is spoken, with HTTP/1.1, and the worker is told`, async () => {
    await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
    await using proxy = startProxy({ origins: [origin.port], tls: TLS });
    await using connection = await connectTls(proxy.port, {
      minVersion: version,
      maxVersion: version,
    });
    const { client } = connection;
    assert.equal(connection.protocol, version);
    assert.equal(connection.alpn, "http/1.1");
    assert.equal((await client.ask(get("/1"))).text, "ok");
    assert.equal((await client.ask(post("/2", "body"))).text, "ok");
    const [first, second] = origin.requests;
    assert.equal(first?.headers.get("x-forwarded-proto"), "https");
    assert.match(first?.headers.get("forwarded") ?? "", /;proto=https;/);
    assert.equal(second?.text, "body");
    assert.equal(proxy.counters.clientConnections, 1);
  });
}

Deno.test("TLS 1.1 is refused, with an alert that says why", async () => {
  await using proxy = startProxy({ tls: TLS });
  const ask = async (minorVersion: number): Promise<Uint8Array> => {
    await using client = await RawClient.connect(proxy);
    const hello = await clientHello("TLSv1.2");
    // Its version stands behind the two headers; and it has no list of versions.
    hello.set([3, minorVersion], 9);
    hello.set([0x5a, 0x5a], toText(hello).indexOf(VERSIONS_OF_1_2));
    await client.send(hello);
    return await client.readSome() ?? new Uint8Array();
  };
  assert.equal((await ask(3))[0], TLS_HANDSHAKE_RECORD);
  const [type, , , , , level] = await ask(2);
  assert.deepEqual([type, level], [TLS_ALERT_RECORD, FATAL]);
});

Deno.test("a client that offers HTTP/1.0 alone is served", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({ origins: [origin.port], tls: TLS });
  const connect = (...ALPNProtocols: string[]): Promise<TlsClient> =>
    connectTls(proxy.port, { ALPNProtocols });
  await using old = await connect("http/1.0");
  assert.equal(old.alpn, "http/1.0");
  const { client } = old;
  assert.equal((await client.ask("GET / HTTP/1.0\r\n\r\n")).text, "ok");
  assert.equal((await client.readUntilEnd()).peer, "closed");
  await using both = await connect("http/1.0", "http/1.1");
  assert.equal(both.alpn, "http/1.1");
});

Deno.test("a client that knows no HTTP/1 is refused, with an alert that says why", async () => {
  await using proxy = startProxy({ tls: TLS });
  await assert.rejects(
    connectTls(proxy.port, { ALPNProtocols: ["h2"] }),
    /application ?protocol/i,
  );
  await proxy.waitUntil(({ counters }) => counters.clientConnections === 0);
});

Deno.test("plain HTTP is told that this port speaks HTTPS", async () => {
  await using proxy = startProxy({ tls: TLS });
  await using client = await RawClient.connect(proxy);
  const response = await client.ask(get("/"));
  assert.equal(response.status, 400);
  assert.match(response.text, /This port speaks HTTPS/);
  assert.equal((await client.readUntilEnd()).peer, "closed");
});

Deno.test("a new certificate is for new connections, and others go on", async () => {
  await using origin = await RecordingOrigin.start([GATED]);
  const tls = new TestTlsServer();
  await using proxy = startProxy({ origins: [origin.port], tls });
  await using before = await connectTls(proxy.port);
  await before.client.send(get("/"));
  await origin.waitFor(({ requests }) => requests.length === 1);
  tls.certificate = SECOND;
  await using after = await connectTls(proxy.port);
  origin.open("answer");
  assert.equal((await before.client.readResponse()).text, "answer");
  assert.equal((await before.client.ask(get("/"))).text, "answer");
  assert.equal((await after.client.ask(get("/"))).text, "answer");
  assert.equal(before.certificateName, FIRST.name);
  assert.equal(after.certificateName, SECOND.name);
});

const UNFINISHED: Readonly<Record<string, (hello: Uint8Array) => Uint8Array>> =
  {
    "does not begin": () => new Uint8Array(),
    "stops after its first octet": (hello) => hello.subarray(0, 1),
    "stops in its middle": (hello) => hello.subarray(0, 100),
    "is not gone on with": (hello) => hello,
  };

for (const [name, part] of Object.entries(UNFINISHED)) {
  Deno.test(`a handshake that ${name} is cut after HEAD_TIMEOUT_MS`, async () => {
    await using proxy = startProxy({
      tls: TLS,
      options: { headTimeoutMs: 300 },
    });
    const hello = await clientHello("TLSv1.3");
    await using client = await RawClient.connect(proxy);
    await client.send(part(hello));
    await client.readUntilEnd();
    await proxy.waitUntil(({ counters }) => counters.clientConnections === 0);
  });
}

Deno.test("a client that has ended its side in order still gets its answer", async () => {
  await using origin = await RecordingOrigin.start([GATED]);
  await using proxy = startProxy({ origins: [origin.port], tls: TLS });
  await using connection = await connectTls(proxy.port);
  const { client } = connection;
  await client.send(get("/"));
  const ended = client.closeWrite();
  await origin.waitFor(({ requests }) => requests.length === 1);
  origin.open("answer");
  assert.equal((await client.readResponse()).text, "answer");
  await ended;
});

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  Deno.test(`a record of ${version} that cannot be decrypted ends the connection, with an alert`, async () => {
    await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
    await using proxy = startProxy({
      origins: [origin.port],
      tls: TLS,
      options: { idleTimeoutMs: LONG_MS },
    });
    await using connection = await connectTls(proxy.port, {
      minVersion: version,
      maxVersion: version,
    });
    const { client, wire } = connection;
    assert.equal((await client.ask(get("/"))).text, "ok");
    await wire.raw.write(CORRUPT_RECORD);
    await client.readUntilEnd().catch((error) =>
      assert.match(String(error), /BadRecordMac/i)
    );
    await proxy.waitUntil(({ counters }) => counters.clientConnections === 0);
  });
}

Deno.test("an answer that ends with its connection ends in order, and never when it was cut", async () => {
  const begun = head("HTTP/1.1 200 OK") + "begun";
  await using origin = await RecordingOrigin.start([
    [{ do: "read-request" }, { do: "send", data: begun }, { do: "close" }],
    [{ do: "read-request" }, { do: "send", data: begun }, {
      do: "gate",
      name: "reset",
    }, { do: "reset" }],
  ]);
  await using proxy = startProxy({ origins: [origin.port], tls: TLS });
  const request = head("GET / HTTP/1.0");
  // The alert is seen in TLS 1.2 alone: 1.3 hides the types of its records.
  const options = { maxVersion: "TLSv1.2" } as const;
  await using whole = await connectTls(proxy.port, options);
  await whole.client.send(request);
  const { bytes } = await whole.client.readUntilEnd();
  assert.match(new TextDecoder().decode(bytes), /begun$/);
  assert.ok(whole.wire.endsWithAlert, "there was no closing alert");
  await using cut = await connectTls(proxy.port, options);
  await cut.client.send(request);
  await cut.client.readThrough("begun");
  origin.open("reset");
  await cut.client.readUntilEnd();
  assert.ok(!cut.wire.endsWithAlert, "the cut answer was closed in order");
});

Deno.test("a request body that is cut reaches the worker cut", async () => {
  await using origin = await RecordingOrigin.start([[
    { do: "read-head" },
    { do: "read-end" },
  ]]);
  await using proxy = startProxy({ origins: [origin.port], tls: TLS });
  for (const end of ["close", "closeWrite", "reset"] as const) {
    await using connection = await connectTls(proxy.port);
    const { client } = connection;
    const count = origin.connections.length;
    await client.send(postHead("/", "Content-Length: 100") + "part");
    await origin.waitFor(({ connections }) => connections.length > count);
    await client[end]();
    await origin.waitFor(({ connections }) => connections[count]?.end !== null);
  }
  await proxy.waitUntil(({ counters }) => counters.inFlight === 0);
  await proxy.waitUntil(({ counters }) => counters.clientConnections === 0);
});

Deno.test("bodies come whole both ways", async () => {
  const text = letters(3_000_000);
  await using origin = await RecordingOrigin.start([answering(ok(text))]);
  await using proxy = startProxy({ origins: [origin.port], tls: TLS });
  await using connection = await connectTls(proxy.port);
  const response = await connection.client.ask(post("/", text));
  assert.ok(response.text === text, "the answer differs");
  assert.ok(origin.requests[0]?.text === text, "the request differs");
});

Deno.test("a client that does not read stops the worker, and gets all when it reads on", async () => {
  await using origin = await RecordingOrigin.start([LONG_ANSWER]);
  await using proxy = startProxy({ origins: [origin.port], tls: TLS });
  await using connection = await connectTls(proxy.port);
  const { client } = connection;
  await client.send(get("/"));
  await client.readThrough("\r\n\r\n");
  connection.wire.hold();
  const sent = await settled(() => origin.connections[0]?.sentBytes ?? 0);
  assert.ok(sent < MOST_IN_BETWEEN_BYTES, `${sent} bytes were taken`);
  connection.wire.release();
  let received = 0;
  while (received < BODY_BYTES) {
    received += (await client.readSome())?.length ?? assert.fail("cut");
  }
  assert.equal(received, BODY_BYTES);
});

Deno.test("a worker that does not read stops the client, and gets all when it reads on", async () => {
  await using origin = await RecordingOrigin.start([LATE_READER]);
  await using proxy = startProxy({ origins: [origin.port], tls: TLS });
  await using connection = await connectTls(proxy.port);
  const { client } = connection;
  await client.send(postHead("/", `Content-Length: ${BODY_BYTES}`));
  const block = new Uint8Array(1024 * 1024);
  const upload = (async (): Promise<void> => {
    for (let sent = 0; sent < BODY_BYTES; sent += block.length) {
      await client.send(block);
    }
  })();
  const taken = await settled(() => connection.wire.sentBytes);
  assert.ok(taken < MOST_IN_BETWEEN_BYTES, `${taken} bytes were taken`);
  origin.open("read");
  await upload;
  assert.equal((await client.readResponse()).text, "ok");
});

Deno.test("a client that never reads its answer is cut after BODY_TIMEOUT_MS", async () => {
  await using origin = await RecordingOrigin.start([LONG_ANSWER]);
  await using proxy = startProxy({
    origins: [origin.port],
    tls: TLS,
    options: { bodyTimeoutMs: 300 },
  });
  await using connection = await connectTls(proxy.port);
  await connection.client.send(get("/"));
  await connection.client.readThrough("\r\n\r\n");
  connection.wire.hold();
  await proxy.waitUntil(({ counters }) => counters.clientConnections === 0);
});

Deno.test("a request in flight is answered while the pool stops; those who have not said anything are not waited for", async () => {
  await using origin = await RecordingOrigin.start([GATED]);
  await using proxy = startProxy({ origins: [origin.port], tls: TLS });
  await using silent = await RawClient.connect(proxy);
  await using begun = await RawClient.connect(proxy);
  await begun.send((await clientHello("TLSv1.3")).subarray(0, 50));
  await using connection = await connectTls(proxy.port);
  const { client } = connection;
  await client.send(get("/"));
  await origin.waitFor(({ requests }) => requests.length === 1);
  const stopped = proxy.stop(LONG_MS);
  await silent.readUntilEnd();
  await begun.readUntilEnd();
  origin.open("answer");
  const response = await client.readResponse();
  assert.equal(response.headers.get("connection"), "close");
  assert.equal((await client.readUntilEnd()).bytes.length, 0);
  await stopped;
});

Deno.test("those who have not said anything are cut with everybody else", async () => {
  await using proxy = startProxy({ tls: TLS });
  await using client = await RawClient.connect(proxy);
  // It is accepted for certain once a later one is.
  await using _later = await connectTls(proxy.port);
  await proxy.stop(0);
  await client.readUntilEnd();
});

const VERSIONS: readonly SecureVersion[] = ["TLSv1.2", "TLSv1.3"];

Deno.test("a client may go at any moment of its handshake or right behind it", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({ origins: [origin.port], tls: TLS });
  for (const version of VERSIONS) {
    for (const end of ["close", "closeWrite", "reset"] as const) {
      await using early = await RawClient.connect(proxy);
      await early.send(await clientHello(version));
      await early[end]();
      await using late = await connectTls(proxy.port, { maxVersion: version });
      await late.client.send(get("/"));
      await late.client[end]();
    }
  }
  await proxy.waitUntil(({ counters }) => counters.clientConnections === 0);
});
