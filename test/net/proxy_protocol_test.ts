/** The PROXY protocol, by the sections of its specification. */

import assert from "node:assert/strict";
import {
  NEED_MORE,
  parseProxyHeader,
  ProxyProtocolError,
} from "../../src/net/proxy_protocol.ts";
import { toBytes } from "../support/raw_socket.ts";

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const V4 = "\xc0\x00\x02\x07\xc6\x33\x64\x01\xc8\x22\x01\xbb";
const V6_SOURCE = "\x20\x01\x0d\xb8" + "\0".repeat(11) + "\x07";
const V6 = V6_SOURCE + V6_SOURCE + "\xc8\x22\x01\xbb";
const MAPPED = "\0".repeat(10) + "\xff\xff\xc0\x00\x02\x07";

/** A header of version 2. */
function v2(command: number, family: number, rest: string): string {
  return SIGNATURE + String.fromCharCode(
    command,
    family,
    rest.length >> 8,
    rest.length & 255,
  ) + rest;
}

/** Headers and the address each names; `null` stands for the peer's own. */
const HEADERS: readonly (readonly [string, string | null])[] = [
  ["PROXY TCP4 192.0.2.7 198.51.100.1 51234 443\r\n", "192.0.2.7"],
  ["PROXY TCP6 2001:DB8::7 2001:db8::1 51234 443\r\n", "2001:db8::7"],
  ["PROXY TCP6 ::ffff:192.0.2.7 ::ffff:10.0.0.1 1 2\r\n", "192.0.2.7"],
  [
    `PROXY TCP6 ${"ffff:".repeat(7)}ffff ${
      "ffff:".repeat(7)
    }ffff 65535 65535\r\n`,
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
  ],
  ["PROXY UNKNOWN\r\n", null],
  [`PROXY UNKNOWN ${"f".repeat(91)}\r\n`, null],
  [v2(0x21, 0x11, V4), "192.0.2.7"],
  [v2(0x21, 0x21, V6), "2001:db8::7"],
  [v2(0x21, 0x21, MAPPED + MAPPED + "\0\0\0\0"), "192.0.2.7"],
  [v2(0x21, 0x11, V4 + "\x04\0\x01x"), "192.0.2.7"],
  [v2(0x21, 0x11, V4 + "x".repeat(500)), "192.0.2.7"],
  [v2(0x20, 0x00, ""), null],
  [v2(0x20, 0x11, V4), null],
  [v2(0x21, 0x00, ""), null],
  [v2(0x21, 0x31, "/".repeat(216)), null],
];

Deno.test("a header tells the client's address and its own length, split at every octet", () => {
  for (const [text, sourceAddress] of HEADERS) {
    const bytes = toBytes(text + "GET / HTTP/1.1\r\n");
    const header = { sourceAddress, length: text.length };
    for (let end = 1; end <= bytes.length; end++) {
      assert.deepEqual(
        parseProxyHeader(bytes.subarray(0, end)),
        end < text.length ? NEED_MORE : header,
        `${JSON.stringify(text)} up to ${end}`,
      );
    }
  }
});

Deno.test("what is no header is refused at the first octet that shows it", () => {
  const cases: readonly (readonly [string, number?])[] = [
    ["GET / HTTP/1.1\r\n", 1],
    ["\x16\x03\x01", 1],
    ["\r\n\r\n\0\r\nQUIX", 11],
    ["PROXX", 5],
    ["PROXY TCP4 192.0.2.7 198.51.100.1 51234 443\n"],
    ["PROXY TCP4 192.0.2.7 198.51.100.1 51234\r\n"],
    ["PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n"],
    ["PROXY TCP4 192.0.2.999 198.51.100.1 1 2\r\n"],
    ["PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\n"],
    ["PROXY TCP4 ::1 ::1 1 2\r\n"],
    ["PROXY TCP4 10.0.0.1 ::1 1 2\r\n"],
    ["PROXY TCP6 127.0.0.1 127.0.0.1 1 2\r\n"],
    ["PROXY TCP4  10.0.0.1 10.0.0.1 1 2\r\n"],
    ["PROXY TCP4 10.0.0.1 10.0.0.1 1 2 3\r\n"],
    ["PROXY tcp4 10.0.0.1 10.0.0.1 1 2\r\n"],
    ["PROXY UNKNOWNX\r\n"],
    ["PROXY UNKNOWN \r\r\n"],
    ["PROXY UNKNOWN " + "x".repeat(200), 107],
    [v2(0x11, 0x11, V4), 16],
    [v2(0x22, 0x11, V4), 16],
    [v2(0x21, 0x11, V4.slice(1)), 16 + 11],
    [v2(0x21, 0x21, V6.slice(1)), 16 + 35],
    [v2(0x21, 0x11, V4 + "x".repeat(501)), 16],
  ];
  for (const [text, refusedAt = text.length] of cases) {
    const bytes = toBytes(text);
    for (let end = 1; end < refusedAt; end++) {
      assert.equal(parseProxyHeader(bytes.subarray(0, end)), NEED_MORE, text);
    }
    assert.throws(
      () => parseProxyHeader(bytes.subarray(0, refusedAt)),
      ProxyProtocolError,
      JSON.stringify(text),
    );
  }
});
