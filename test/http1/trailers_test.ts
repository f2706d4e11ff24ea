import assert from "node:assert/strict";
import { ByteWriter } from "../../src/http1/byte_writer.ts";
import { ChunkedDecoder } from "../../src/http1/chunked_decoder.ts";
import { HttpError } from "../../src/http1/http_error.ts";
import {
  acceptsTrailers,
  DROP_REQUEST_TRAILERS,
  DROP_RESPONSE_TRAILERS,
  requestTrailers,
  responseTrailers,
  type TrailerHandling,
  writeAnnouncements,
} from "../../src/http1/trailers.ts";
import { toBytes, toText } from "../support/raw_socket.ts";
import { parseRequest, parseResponse } from "./parsing.ts";

/** What passes of these trailer lines, and what is left unread; or the status they are refused with. */
function decode(
  lines: string,
  handling: TrailerHandling,
  ends: readonly number[] = [],
): { passed: string | null; rest: string } | number {
  const bytes = toBytes(`0\r\n${lines}`);
  const decoder = new ChunkedDecoder(handling);
  let at = 0;
  try {
    for (const end of [...ends, bytes.length]) {
      decoder.decode(bytes, at, end);
      at = decoder.next;
    }
  } catch (error) {
    if (error instanceof HttpError) return error.status;
    throw error;
  }
  assert.ok(decoder.done);
  const { trailers } = decoder;
  return {
    passed: trailers === null ? null : toText(trailers),
    rest: toText(bytes.subarray(at)),
  };
}

function handlingOf(fields: string): TrailerHandling {
  const { bytes, head } = parseRequest(
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n${fields}\r\n`,
  );
  return requestTrailers(bytes, head);
}

function announced(fields: string): string {
  const { bytes, head } = parseResponse(`HTTP/1.1 200 OK\r\n${fields}\r\n`);
  const out = new ByteWriter();
  out.reset(new Uint8Array(fields.length));
  writeAnnouncements(out, bytes, head);
  return toText(out.bytes.subarray(0, out.at));
}

Deno.test("RFC 9110 §10.1.4: trailers are taken by those who say so, on HTTP/1.1", () => {
  const accepts = (text: string): boolean => {
    const { bytes, head } = parseRequest(text);
    return acceptsTrailers(bytes, head);
  };
  const lines = (te: string): string => `Host: a\r\n${te}\r\n\r\n`;
  assert.ok(accepts(`GET / HTTP/1.1\r\n${lines("TE: trailers")}`));
  assert.ok(accepts(`GET / HTTP/1.1\r\n${lines("TE: gzip, TRAILERS")}`));
  assert.ok(accepts(`GET / HTTP/1.1\r\n${lines("TE: gzip\r\nte: trailers")}`));
  assert.ok(!accepts(`GET / HTTP/1.1\r\n${lines("TE: xtrailers")}`));
  assert.ok(!accepts(`GET / HTTP/1.1\r\n${lines("X: trailers")}`));
  assert.ok(!accepts(`GET / HTTP/1.0\r\n${lines("TE: trailers")}`));
});

Deno.test("RFC 9110 §6.5: those of a request pass when they are meant to be read", () => {
  const lines = "X-A: 1\r\n\r\n";
  assert.equal(handlingOf(""), DROP_REQUEST_TRAILERS);
  for (const fields of ["Trailer: X-A\r\n", "TE: trailers\r\n"]) {
    const passed = decode(lines, handlingOf(fields));
    assert.deepEqual(passed, { passed: "X-A: 1\r\n", rest: "" });
  }
});

Deno.test("RFC 9110 §6.5.1: what a recipient could take for a part of the head never passes, underscores or not", () => {
  const names = [
    ...["Content-Length", "Transfer-Encoding", "Host", "Connection", "TE"],
    ...["Trailer", "Upgrade", "Keep-Alive", "Proxy-Connection", "Forwarded"],
    ...["X-Forwarded-For", "X-Forwarded-Anything", "X-Real-IP", "Via"],
    ...["Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie"],
    ...["WWW-Authenticate", "Content-Type", "Content-Encoding", "Range"],
    ...["If-None-Match", "Expect", "Cache-Control", "Location", "Vary"],
    ...["X-HTTP-Method-Override", "X-Request-Id", "Content-Range", "Age"],
  ];
  const handling = handlingOf("Trailer: X\r\n");
  for (const name of names) {
    for (const spelt of [name, name.toUpperCase(), name.replaceAll("-", "_")]) {
      const of = decode(`X-A: 1\r\n${spelt}: 1\r\nX-B: 2\r\n\r\n`, handling);
      assert.deepEqual(of, { passed: "X-A: 1\r\nX-B: 2\r\n", rest: "" }, spelt);
      const alone = decode(`${spelt}: 1\r\n\r\n`, handling);
      assert.deepEqual(alone, { passed: null, rest: "" }, spelt);
    }
  }
  for (const name of ["ETag", "Content-Digest", "Server-Timing", "Digest"]) {
    assert.notEqual(decode(`${name}: 1\r\n\r\n`, handling), null, name);
  }
});

Deno.test("RFC 9110 §7.6.1: what Connection names is no trailer either", () => {
  const handling = handlingOf("Trailer: X\r\nConnection: TE, x-HOP, close\r\n");
  const passed = decode("X-Hop: 1\r\nX-A: 1\r\nx-hop: 2\r\n\r\n", handling);
  assert.deepEqual(passed, { passed: "X-A: 1\r\n", rest: "" });
});

Deno.test("trailers pass alike in one read as in many", () => {
  const lines = "X-A: 1\r\nHost: b\r\nX-B:  2 \r\n\r\nGET";
  const handling = handlingOf("Trailer: X-A\r\n");
  const whole = decode(lines, handling);
  assert.deepEqual(whole, { passed: "X-A: 1\r\nX-B:  2\r\n", rest: "GET" });
  const length = lines.length + 3;
  for (let i = 0; i <= length; i++) {
    assert.deepEqual(decode(lines, handling, [i]), whole, `split at ${i}`);
  }
  const each = Array.from({ length }, (_, i) => i + 1);
  assert.deepEqual(decode(lines, handling, each), whole);
});

Deno.test("malformed trailers are an error in a request, and left where they are in a response", () => {
  const { bytes, head } = parseResponse("HTTP/1.1 200 OK\r\n\r\n");
  for (
    const lines of [
      "X-A: 1\r\nX B: 1\r\n\r\n",
      "X-A: 1\r\n\rx",
      `X-A: ${"a".repeat(20_000)}\r\n\r\n`,
      "X-A: 1\r\n".repeat(101),
    ]
  ) {
    assert.ok(typeof decode(lines, DROP_REQUEST_TRAILERS) === "number");
    assert.ok(typeof decode(lines, handlingOf("Trailer: X\r\n")) === "number");
    for (
      const handling of [DROP_RESPONSE_TRAILERS, responseTrailers(bytes, head)]
    ) {
      const left = { passed: null, rest: lines };
      assert.deepEqual(decode(lines, handling), left);
    }
  }
});

Deno.test("RFC 9110 §6.6.2: Trailer announces what passes, as it did", () => {
  const same = "Trailer: X-A, X-B\r\ntrailer:X-C\r\n";
  assert.equal(announced(same), same);
  assert.equal(
    announced("Connection: x-b\r\nTrailer: Host, X-A,X-B , X-C\r\n"),
    "Trailer: X-A , X-C\r\n",
  );
  assert.equal(announced("Trailer: Host\r\nTrailer: ,\r\nX: 1\r\n"), "");
});
