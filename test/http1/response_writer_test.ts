import assert from "node:assert/strict";
import { responseBodyLength } from "../../src/http1/body_length.ts";
import { ByteWriter } from "../../src/http1/byte_writer.ts";
import { rewriteOwnLocations } from "../../src/http1/own_location.ts";
import {
  RESPONSE_HEAD_GROWTH,
  type ResponseContext,
  writeResponseHead,
} from "../../src/http1/response_writer.ts";
import { SkewCookie } from "../../src/proxy/core/skew_cookie.ts";
import { toBytes, toText } from "../support/raw_socket.ts";
import { parseRequest, parseResponse } from "./parsing.ts";

const DATE = "Date: Tue, 15 Nov 1994 08:12:31 GMT\r\n";
const REQUEST = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const ID = "X-Request-Id: id\r\n";

function write(
  text: string,
  context: Partial<ResponseContext> & { readonly toHead?: boolean } = {},
): string {
  const { head, bytes } = parseResponse(text);
  const out = new ByteWriter();
  const { bareLfs } = head.fields;
  const { length: locationBytes = 0 } = context.locations ?? {};
  const growth = RESPONSE_HEAD_GROWTH + bareLfs + locationBytes;
  out.reset(new Uint8Array(text.length + growth));
  const { toHead = false, ...rest } = context;
  writeResponseHead(out, bytes, head, {
    body: responseBodyLength(head.framing, head.status, toHead),
    trailers: false,
    connection: "keep-alive",
    http10: false,
    requestId: { bytes: toBytes("id"), idStart: 0, idEnd: 2 },
    setCookie: null,
    date: { line: toBytes(DATE) },
    ...rest,
  });
  assert.ok(out.at <= out.bytes.length, "the room that is promised is enough");
  return toText(out.bytes.subarray(0, out.at));
}

Deno.test("an answer goes on as it came, with the date and the id put in", () => {
  assert.equal(
    write(
      "HTTP/1.1 404 N\xe9t\r\nsErver: w\r\nX-A:  1 \r\nContent-Length: 02\r\n\r\n",
    ),
    "HTTP/1.1 404 N\xe9t\r\nsErver: w\r\nX-A:  1\r\n" +
      `${DATE}Content-Length: 2\r\n${ID}\r\n`,
  );
});

Deno.test("RFC 9112 §2.2: whatever ended its lines, they are ended with CRLF", () => {
  const ends = ["\n", "\r\n", " \n", "\t\n", " \r\n"];
  for (const first of ends) {
    for (const second of ends) {
      assert.equal(
        write(`HTTP/1.1 200 OK\nA: 1${first}B: 2${second}C:\n\n`),
        `HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC:\r\n${DATE}${ID}\r\n`,
      );
    }
  }
  // Fails in write() if there is no room for that.
  write(`HTTP/1.1 200\n${"A:\n".repeat(100)}\n`, {
    requestId: { bytes: toBytes("i".repeat(128)), idStart: 0, idEnd: 128 },
  });
});

Deno.test("fields that have been rewritten stand in the lines for them", () => {
  const { head, bytes } = parseResponse(
    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:81/\r\nA: b\r\n\r\n",
  );
  const locations = rewriteOwnLocations(
    bytes,
    head,
    { hostname: "127.0.0.1", port: 81 },
    () => "\r\nX-Forwarded-Host: example.org\r\n",
  );
  const out = new ByteWriter();
  out.reset(new Uint8Array(1000));
  writeResponseHead(out, bytes, head, {
    body: { type: "none" },
    connection: "keep-alive",
    http10: false,
    requestId: { bytes: toBytes("id"), idStart: 0, idEnd: 2 },
    setCookie: null,
    trailers: false,
    locations,
    date: { line: toBytes(DATE) },
  });
  assert.equal(
    toText(out.bytes.subarray(0, out.at)),
    `HTTP/1.1 302 Found\r\nA: b\r\nLocation: //example.org/\r\n${DATE}${ID}\r\n`,
  );
});

Deno.test("RFC 9110 §6.6.1: the date of the worker stays", () => {
  const line = "date: Mon, 14 Nov 1994 08:12:31 GMT\r\n";
  const head = write(`HTTP/1.1 200 OK\r\n${line}Content-Length: 0\r\n\r\n`);
  assert.ok(head.includes(line) && !head.includes(DATE), head);
});

Deno.test("RFC 9110 §7.6.1: the fields of the worker's hop are taken out", () => {
  const lines = [
    "Connection: close, X-Hop",
    "X-Hop: 1",
    "Keep-Alive: timeout=5",
    "Proxy-Connection: keep-alive",
    "Proxy-Authenticate: Basic",
    "TE: trailers",
    "Trailer: X-T",
    "Upgrade: h2c",
    "X-Request-Id: theirs",
    "Content-Length: 0",
  ];
  assert.equal(
    write(`HTTP/1.1 200 OK\r\n${lines.join("\r\n")}\r\n\r\n`),
    `HTTP/1.1 200 OK\r\n${DATE}Content-Length: 0\r\n${ID}\r\n`,
  );
});

Deno.test("RFC 9110 §7.6.1: naming what the message needs does not take it out", () => {
  const head = write(
    "HTTP/1.1 200 OK\r\nConnection: Content-Length, Date\r\n" +
      `${DATE}Content-Length: 3\r\n\r\n`,
  );
  assert.equal(
    head,
    `HTTP/1.1 200 OK\r\n${DATE}Content-Length: 3\r\n${ID}\r\n`,
  );
});

Deno.test("RFC 9112 §9.6: what becomes of the connection is said where it is not a matter of course", () => {
  const cases = [
    ["keep-alive", false, ""],
    ["close", false, "Connection: close\r\n"],
    ["keep-alive", true, "Connection: keep-alive\r\n"],
    ["close", true, "Connection: close\r\n"],
  ] as const;
  for (const [connection, http10, line] of cases) {
    const head = write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", {
      connection,
      http10,
    });
    assert.equal(
      head,
      `HTTP/1.1 200 OK\r\n${DATE}Content-Length: 0\r\n${line}${ID}\r\n`,
    );
  }
});

Deno.test("a cookie of our own stands beside the worker's, and not with an interim answer", () => {
  const ours = "Set-Cookie: a=1; Path=/\r\n";
  const theirs = "Set-Cookie: a=2\r\nset-cookie: b=3\r\n";
  const setCookie = toBytes(ours);
  assert.equal(
    write(`HTTP/1.1 200 OK\r\n${theirs}Content-Length: 0\r\n\r\n`, {
      setCookie,
    }),
    `HTTP/1.1 200 OK\r\n${theirs}${DATE}Content-Length: 0\r\n${ours}${ID}\r\n`,
  );
  for (const status of ["103 Early Hints", "101 Switching Protocols"]) {
    const head = write(`HTTP/1.1 ${status}\r\n\r\n`, { setCookie });
    assert.ok(!head.includes("Set-Cookie"), head);
  }
});

Deno.test("the room for what is put in is enough for the longest of all", () => {
  // Fails in write() if it is not.
  write("HTTP/1.0 200\r\n\r\n", {
    connection: "close",
    body: { type: "chunked" },
    requestId: { bytes: toBytes("i".repeat(128)), idStart: 0, idEnd: 128 },
    setCookie: new SkewCookie("0123abcd", true)
      .pinOf(new Uint8Array(0), parseRequest(REQUEST).head, false)
      .renewal(999_999_999),
  });
});

Deno.test("RFC 9112 §6.3: how the body is framed towards the client", () => {
  const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  assert.ok(write(chunked).includes("Transfer-Encoding: chunked\r\n"));
  const untilClose = write(chunked, { body: { type: "until-close" } });
  assert.ok(!untilClose.includes("Transfer-Encoding"), untilClose);
  const bare = write("HTTP/1.1 200 OK\r\n\r\n", { body: { type: "chunked" } });
  assert.ok(bare.includes("Transfer-Encoding: chunked\r\n"), bare);
});

Deno.test("RFC 9110 §8.6: who may say a length without a body", () => {
  const cases = [
    [200, true, true],
    [304, false, true],
    [204, false, false],
    [103, false, false],
  ] as const;
  for (const [status, toHead, says] of cases) {
    const head = write(`HTTP/1.1 ${status} X\r\nContent-Length: 5\r\n\r\n`, {
      toHead,
    });
    assert.equal(head.includes("Content-Length: 5\r\n"), says, head);
    assert.ok(!head.includes("Transfer-Encoding"), head);
  }
  const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const toHead = write(chunked, { toHead: true });
  assert.ok(!toHead.includes("Transfer-Encoding"), toHead);
});

Deno.test("RFC 9110 §15.2: an interim answer says nothing of date and connection", () => {
  assert.equal(
    write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", {
      connection: "close",
    }),
    `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n${ID}\r\n`,
  );
});

Deno.test("RFC 9110 §7.8: 101 says what to", () => {
  assert.equal(
    write(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade, x-a\r\n" +
        "Upgrade: websocket\r\nX-A: 1\r\nSec-WebSocket-Accept: b\r\n\r\n",
    ),
    "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: b\r\n" +
      `Connection: Upgrade\r\nUpgrade: websocket\r\n${ID}\r\n`,
  );
});

Deno.test("RFC 9110 §15.5.22: 426 says to what, and other responses do not", () => {
  const lines = "Connection: Upgrade\r\nUpgrade: a, h2c\r\n";
  const length = "Content-Length: 0\r\n";
  const upgrade = "Connection: Upgrade\r\nUpgrade: a, h2c\r\n";
  assert.equal(
    write(`HTTP/1.1 426 U\r\n${lines}${length}\r\n`, { connection: "close" }),
    `HTTP/1.1 426 U\r\n${DATE}${length}${upgrade}Connection: close\r\n${ID}\r\n`,
  );
  assert.equal(
    write(`HTTP/1.1 426 U\r\n${length}\r\n`),
    `HTTP/1.1 426 U\r\n${DATE}${length}${ID}\r\n`,
  );
  assert.equal(
    write(`HTTP/1.1 200 OK\r\n${lines}${length}\r\n`),
    `HTTP/1.1 200 OK\r\n${DATE}${length}${ID}\r\n`,
  );
});

Deno.test("RFC 9110 §6.6.2: Trailer goes with the trailers only", () => {
  const lines = "Transfer-Encoding: chunked\r\n";
  const text = `HTTP/1.1 200 OK\r\nTrailer: X-T\r\n${lines}\r\n`;
  const head = `HTTP/1.1 200 OK\r\n${DATE}${lines}`;
  assert.equal(write(text), `${head}${ID}\r\n`);
  assert.equal(
    write(text, { trailers: true }),
    `${head}Trailer: X-T\r\n${ID}\r\n`,
  );
});
