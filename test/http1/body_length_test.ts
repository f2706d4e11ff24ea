import assert from "node:assert/strict";
import {
  type BodyLength,
  CHUNKED,
  NO_BODY,
  responseBodyLength,
  UNTIL_CLOSE,
} from "../../src/http1/body_length.ts";
import { judgeRequest, parseRequest, parseResponse } from "./parsing.ts";

function post(...lines: readonly string[]): string {
  return ["POST / HTTP/1.1", "Host: a", ...lines, "", ""].join("\r\n");
}

function ofLength(bytes: number): BodyLength {
  return { type: "length", bytes };
}

Deno.test("RFC 9112 §6.3: the body of a request", () => {
  const cases: [string[], BodyLength][] = [
    [[], NO_BODY],
    [["Content-Length: 0"], NO_BODY],
    [["Content-Length: 3"], ofLength(3)],
    [["Content-Length: 007"], ofLength(7)],
    [["Content-Length: 3", "content-length: 3"], ofLength(3)],
    [["Content-Length: 999999999999999"], ofLength(999_999_999_999_999)],
    [["Transfer-Encoding: chunked"], CHUNKED],
    [["Transfer-Encoding: \t CHUNKED "], CHUNKED],
  ];
  for (const [lines, body] of cases) {
    assert.deepEqual(parseRequest(post(...lines)).head.body, body, `${lines}`);
  }
});

Deno.test("RFC 9112 §6.2: a Content-Length that is not digits alone is refused", () => {
  const values = ["", "+3", "-3", "0x3", "1_0", "1 2", "3,3", "3, 4", "3a"];
  for (const value of [...values, "1.0", "\xb2", "9".repeat(16)]) {
    assert.equal(judgeRequest(post(`Content-Length: ${value}`)), "refused 400");
  }
});

Deno.test("RFC 9112 §6.3: Content-Lengths that differ are refused", () => {
  const text = post("Content-Length: 3", "Content-Length: 4");
  assert.equal(judgeRequest(text), "refused 400");
});

Deno.test("RFC 9112 §6.1: Transfer-Encoding that is not exactly chunked is refused", () => {
  const cases = [
    ["chunked, identity", 400],
    ["gzip, chunked", 400],
    ["chunked,", 400],
    ["", 400],
    ["\x0bchunked", 400],
    ["xchunked", 501],
    ["gzip", 501],
    ["chunked;q=1", 501],
  ] as const;
  for (const [value, status] of cases) {
    const text = post(`Transfer-Encoding: ${value}`);
    assert.equal(judgeRequest(text), `refused ${status}`, value);
  }
});

Deno.test("RFC 9112 §6.1: Transfer-Encoding twice, with Content-Length or in HTTP/1.0 is refused", () => {
  const chunked = "Transfer-Encoding: chunked";
  for (
    const text of [
      post(chunked, chunked),
      post(chunked, "Content-Length: 3"),
      post("Content-Length: 0", chunked),
      post(chunked).replace("HTTP/1.1", "HTTP/1.0"),
    ]
  ) assert.equal(judgeRequest(text), "refused 400", text);
});

Deno.test("RFC 9112 §6.3: the body of a response", () => {
  const cases: [string, number, boolean, BodyLength][] = [
    ["", 200, false, UNTIL_CLOSE],
    ["Content-Length: 0\r\n", 200, false, NO_BODY],
    ["Content-Length: 3\r\n", 200, false, ofLength(3)],
    ["Transfer-Encoding: chunked\r\n", 404, false, CHUNKED],
    ["Content-Length: 3\r\n", 200, true, NO_BODY],
    ["Transfer-Encoding: chunked\r\n", 200, true, NO_BODY],
    ["", 200, true, NO_BODY],
    ["Content-Length: 3\r\n", 204, false, NO_BODY],
    ["Content-Length: 3\r\n", 304, false, NO_BODY],
    ["Transfer-Encoding: chunked\r\n", 103, false, NO_BODY],
  ];
  for (const [fields, status, toHead, body] of cases) {
    const { head } = parseResponse(`HTTP/1.1 ${status} X\r\n${fields}\r\n`);
    const actual = responseBodyLength(head.framing, status, toHead);
    assert.deepEqual(actual, body, `${status} ${fields}`);
  }
});
