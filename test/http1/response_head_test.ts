import assert from "node:assert/strict";
import { toText } from "../support/raw_socket.ts";
import { checkPrefixes, judgeResponse, parseResponse } from "./parsing.ts";

const REFUSED = [
  "HTTP/1.1 20 OK\r\n\r\n",
  "HTTP/1.1 2000 OK\r\n\r\n",
  "HTTP/1.1 099 OK\r\n\r\n",
  "HTTP/1.1 2x0 OK\r\n\r\n",
  "HTTP/1.1  200 OK\r\n\r\n",
  "HTTP/1.10 200 OK\r\n\r\n",
  "HTTP/1.: 200 OK\r\n\r\n",
  "HTTP/2.0 200 OK\r\n\r\n",
  "http/1.1 200 OK\r\n\r\n",
  "HTTP/1.1 200 O\0K\r\n\r\n",
  "\nHTTP/1.1 200 OK\r\n\r\n",
  "HTTP/1.1 200\rOK\r\n\r\n",
  "HTTP/1.1 200 OK\r\r\n\r\n",
  "HTTP/1.1 200 OK\rX\r\n\r\n",
  "ICY 200 OK\r\n\r\n",
  "<html></html>\r\n\r\n",
];

/** Of a status line, a field line and the empty line: all that workers send. */
const LINE_ENDS = ["\r\n", "\n"].flatMap((first) =>
  ["\r\n", "\n"].flatMap((second) =>
    ["\r\n", "\n"].map((last) => [first, second, last] as const)
  )
);

Deno.test("RFC 9112 §4: what is no status line is refused, wherever it is cut", () => {
  for (const text of REFUSED) {
    assert.equal(judgeResponse(text), "refused 502", JSON.stringify(text));
    checkPrefixes(text, judgeResponse);
  }
});

Deno.test("RFC 9112 §5: malformed fields are refused, wherever they are cut", () => {
  for (
    const line of [
      "A : b",
      "A",
      ": b",
      "A: \0",
      "A\x01: b",
      "A: b\r\n c",
      "A: b\n c",
      "A: b\n\tc",
      "A: b\nc",
      "A: b\rc",
      "A: b\r\r",
      "A: b\n\rc",
      "Content-Length: 2\x0b",
      "Transfer-Encoding:\r\n chunked",
    ]
  ) {
    const text = `HTTP/1.1 200 OK\r\n${line}\r\n\r\n`;
    assert.equal(judgeResponse(text), "refused 400", line);
    checkPrefixes(text, judgeResponse);
  }
});

Deno.test("RFC 9112 §4: a valid head is incomplete at every prefix", () => {
  const lines = ["HTTP/1.1 200 OK", "HTTP/1.0 404 ", "HTTP/1.1 999"];
  for (const line of lines) {
    for (const [first, second, last] of LINE_ENDS) {
      const text = `${line}${first}Server: w${second}${last}`;
      assert.equal(judgeResponse(text + "body"), text.length);
      for (let end = 0; end < text.length; end++) {
        assert.equal(judgeResponse(text.slice(0, end)), "incomplete");
      }
    }
  }
});

Deno.test("RFC 9112 §4: version, status and reason", () => {
  const cases = [
    ["HTTP/1.1 200 OK", 1, 200, "OK"],
    ["HTTP/1.0 204 \xe9 x", 0, 204, "\xe9 x"],
    ["HTTP/1.1 301 ", 1, 301, ""],
    ["HTTP/1.1 599", 1, 599, ""],
    ["HTTP/1.2 200 OK", 1, 200, "OK"],
    ["HTTP/1.9 200", 1, 200, ""],
    ["HTTP/1.1 200 O\x01K\x7f", 1, 200, "O\x01K\x7f"],
  ] as const;
  for (const [line, minorVersion, status, reason] of cases) {
    const { head, bytes } = parseResponse(`${line}\r\n\r\n`);
    const { reasonStart, reasonEnd } = head;
    assert.deepEqual(
      [head.minorVersion, head.status],
      [minorVersion, status],
      line,
    );
    assert.equal(toText(bytes.subarray(reasonStart, reasonEnd)), reason);
  }
});

Deno.test("RFC 9112 §9.3: whether the worker keeps the connection, and for how long", () => {
  const cases = [
    ["HTTP/1.1", "", true, -1],
    ["HTTP/1.1", "Connection: close\r\n", false, -1],
    ["HTTP/1.0", "", false, -1],
    ["HTTP/1.0", "Connection: keep-alive\r\n", true, -1],
    ["HTTP/1.1", "Keep-Alive: timeout=5\r\n", true, 5],
    ["HTTP/1.1", "Keep-Alive: max=100, timeout=72\r\n", true, 72],
    ["HTTP/1.1", "Keep-Alive: timeout=0\r\n", true, 0],
    ["HTTP/1.1", "Keep-Alive: timeout=-1\r\n", true, -1],
    ["HTTP/1.1", "Keep-Alive: timeout=x\r\n", true, -1],
    ["HTTP/1.1", "Keep-Alive: timeout=\r\n", true, -1],
  ] as const;
  for (const [version, fields, keepAlive, seconds] of cases) {
    const { head } = parseResponse(`${version} 200 OK\r\n${fields}\r\n`);
    assert.equal(head.keepAlive, keepAlive, version + fields);
    assert.equal(head.keepAliveSeconds, seconds, version + fields);
  }
});

Deno.test("RFC 9112 §2.2: lines that a bare LF ends, and control characters in values, are taken of workers", () => {
  for (const [first, second, last] of LINE_ENDS) {
    const text = `HTTP/1.1 200 OK${first}A: b\x01\x0b\x1b\x7fc \t${second}` +
      `Content-Length: 3${second}${last}`;
    const { head, bytes, next } = parseResponse(`${text}abc`);
    assert.equal(next, text.length);
    assert.deepEqual(head.fields.entries(bytes), [
      ["A", "b\x01\x0b\x1b\x7fc"],
      ["Content-Length", "3"],
    ]);
    assert.equal(head.framing.contentLength, 3);
    assert.equal(
      toText(bytes.subarray(head.reasonStart, head.reasonEnd)),
      "OK",
    );
  }
});
