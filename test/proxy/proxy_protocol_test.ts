/** Connections that begin with the PROXY header of a balancer in front. */

import assert from "node:assert/strict";
import { get, ok } from "../support/message_text.ts";
import { answering } from "../support/origin_script.ts";
import { type ProxyServer, startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";
import { connectTls, TestTlsServer } from "../support/tls.ts";

const V1 = "PROXY TCP4 192.0.2.7 198.51.100.1 51234 443\r\n";
const V2 = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" +
  "\xc0\x00\x02\x07\xc6\x33\x64\x01\xc8\x22\x01\xbb";
const V2_LOCAL = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

function start(
  origin: RecordingOrigin,
  headTimeoutMs: number = 60_000,
): ProxyServer {
  return startProxy({
    origins: [origin.port],
    options: { proxyProtocol: true, headTimeoutMs },
  });
}

const ADDRESSES: readonly (readonly [string, string])[] = [
  [V1, "192.0.2.7"],
  [V2, "192.0.2.7"],
  [V2_LOCAL, "127.0.0.1"],
  ["PROXY UNKNOWN\r\n", "127.0.0.1"],
  ["PROXY TCP6 2001:db8::7 ::1 1 2\r\n", "2001:db8::7"],
];

Deno.test("the worker is told the address in the header, with all requests of the connection", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = start(origin);
  for (const [header, address] of ADDRESSES) {
    const first = origin.requests.length;
    await using client = await RawClient.connect(proxy);
    // The header with the request behind it, and a request by itself.
    await client.ask(header + get("/1"));
    await client.ask(get("/2"));
    for (const { headers } of origin.requests.slice(first)) {
      assert.equal(headers.get("x-forwarded-for"), address);
      const node = address.includes(":") ? `"[${address}]"` : address;
      assert.ok(headers.get("forwarded")?.startsWith(`for=${node};`));
    }
    assert.equal(origin.requests.length, first + 2);
  }
});

Deno.test("a header may come octet by octet", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = start(origin);
  for (const header of [V1, V2]) {
    await using client = await RawClient.connect(proxy);
    for (const octet of header) await client.send(octet);
    assert.equal((await client.ask(get("/"))).status, 200);
  }
});

Deno.test("TRUSTED_PROXIES is held against the address in the header", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: { proxyProtocol: true, trustedProxies: ["192.0.2.0/24"] },
  });
  for (const header of [V1, "PROXY UNKNOWN\r\n"]) {
    await using client = await RawClient.connect(proxy);
    await client.ask(header + get("/", "X-Forwarded-For: 203.0.113.9"));
  }
  assert.deepEqual(
    origin.requests.map(({ headers }) => headers.get("x-forwarded-for")),
    ["203.0.113.9, 192.0.2.7", "127.0.0.1"],
  );
});

for (const start of [get("/"), "PROXY TCP4 nowhere\r\n" + get("/"), "\x16"]) {
  Deno.test(`a connection that begins ${JSON.stringify(start.slice(0, 12))} is closed without a word`, async () => {
    await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
    await using proxy = startProxy({
      origins: [origin.port],
      options: { proxyProtocol: true },
    });
    await using client = await RawClient.connect(proxy);
    await client.send(start);
    assert.equal((await client.readUntilEnd()).bytes.length, 0);
    assert.equal(origin.connections.length, 0);
  });
}

Deno.test("who begins with no PROXY header is told of once, with the setting, however often it comes", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = start(origin);
  for (let i = 0; i < 3; i++) {
    await using client = await RawClient.connect(proxy);
    await client.send(get("/"));
    await client.readUntilEnd();
  }
  // A check of whether the port is open is nobody's mistake.
  await RawClient.connect(proxy).then((client) => client.close());
  const notices = proxy.events.filter(({ type }) => type === "notice");
  assert.deepEqual(notices, [{
    type: "notice",
    level: "warning",
    message:
      "PROXY_PROTOCOL is on, and a connection from 127.0.0.1 was closed: " +
      "The connection begins with no PROXY header. Have whoever connects " +
      "here send the header, or set PROXY_PROTOCOL=off.",
  }]);
});

for (const part of ["", "PROXY TCP4", V2.slice(0, 20)]) {
  Deno.test(`a header of which ${part.length} octets come is waited for until HEAD_TIMEOUT_MS`, async () => {
    await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
    await using proxy = start(origin, 300);
    await using client = await RawClient.connect(proxy);
    await client.send(part);
    assert.equal((await client.readUntilEnd()).bytes.length, 0);
  });
}

Deno.test("TLS follows the header", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: { proxyProtocol: true },
    tls: new TestTlsServer(),
  });
  for (const header of [V1, V2]) {
    await using connection = await connectTls(proxy.port, {}, header);
    await connection.client.ask(get("/"));
  }
  for (const { headers } of origin.requests) {
    assert.equal(headers.get("x-forwarded-for"), "192.0.2.7");
    assert.equal(headers.get("x-forwarded-proto"), "https");
  }
  await using plain = await RawClient.connect(proxy);
  assert.equal((await plain.ask(V1 + get("/"))).status, 400);
  assert.equal(origin.requests.length, 2);
});
