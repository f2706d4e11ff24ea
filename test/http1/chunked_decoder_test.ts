import assert from "node:assert/strict";
import {
  MAX_EXCESS_BYTES,
  MAX_EXTENSION_BYTES,
} from "../../src/http1/chunk_extensions.ts";
import { ChunkedDecoder } from "../../src/http1/chunked_decoder.ts";
import { HttpError } from "../../src/http1/http_error.ts";
import { MAX_REQUEST_TRAILER_BYTES } from "../../src/http1/trailers.ts";
import { toBytes, toText } from "../support/raw_socket.ts";

interface Decoded {
  readonly content: string;
  readonly done: boolean;
  /** What was not consumed. */
  readonly rest: string;
}

/** Decodes what has come up to each of `ends`, one after the other, as a connection would. */
function decode(text: string, ends: readonly number[]): Decoded | number {
  const bytes = toBytes(text);
  const decoder = new ChunkedDecoder();
  let content = "";
  let at = 0;
  try {
    for (const end of ends) {
      decoder.decode(bytes, at, end);
      const { contentStart, contentEnd, next } = decoder;
      assert.ok(at <= contentStart && contentEnd <= next && next <= end);
      content += toText(bytes.subarray(contentStart, contentEnd));
      at = next;
    }
  } catch (error) {
    if (error instanceof HttpError) return error.status;
    throw error;
  }
  return { content, done: decoder.done, rest: toText(bytes.subarray(at)) };
}

/** Decodes whole, byte by byte, and in two and three pieces split in every place: always the same. */
function decodeInEveryWay(text: string): Decoded | number {
  const { length } = text;
  const whole = decode(text, [length]);
  const single = Array.from({ length }, (_, i) => i + 1);
  assert.deepEqual(decode(text, single), whole, "byte by byte");
  for (let i = 0; i <= length; i++) {
    assert.deepEqual(decode(text, [i, length]), whole, `split at ${i}`);
    const j = Math.min(length, i + 3);
    assert.deepEqual(decode(text, [i, j, length]), whole, `${i} and ${j}`);
  }
  return whole;
}

Deno.test("RFC 9112 §7.1: content is found however the body is split", () => {
  const cases = [
    ["0\r\n\r\n", ""],
    ["3\r\nabc\r\n0\r\n\r\n", "abc"],
    ["1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n000\r\n\r\n", "abcdef"],
    ["a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"],
    ["7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", "\r\n0\r\n\r\n"],
    ['3;a=b;c="d"\r\nabc\r\n0;e\r\n\r\n', "abc"],
    ["3;e\r\nabc\r\n0\r\nA: b\r\nContent-Length: 50\r\n\r\n", "abc"],
    ["3 \r\nabc\r\n0 \t\r\n\r\n", "abc"],
    ["3\t;a\r\nabc\r\n0 ; a = b\r\n\r\n", "abc"],
    ['3 ; a = b\t;\tc=\t"d ;\\" \xe9" \r\nabc\r\n0\r\n\r\n', "abc"],
    ["3;a ;b \r\nabc\r\n0\r\n\r\n", "abc"],
    ["0000000000000003\r\nabc\r\n0000000000000000\r\n\r\n", "abc"],
    [`${"0".repeat(29)}3\r\nabc\r\n0\r\n\r\n`, "abc"],
  ] as const;
  for (const [text, content] of cases) {
    const next = "GET / HTTP/1.1\r\n";
    assert.deepEqual(
      decodeInEveryWay(text + next),
      { content, done: true, rest: next },
      text,
    );
  }
});

Deno.test("RFC 9112 §8: a body that was cut is not done, wherever it was cut", () => {
  const text = "3;x\r\nabc\r\n2\r\nde\r\n0\r\nA: b\r\n\r\n";
  for (let end = 0; end < text.length; end++) {
    const cut = decode(text.slice(0, end), [end]);
    assert.ok(typeof cut === "object" && !cut.done, `cut at ${end}`);
  }
});

Deno.test("RFC 9112 §7.1: framing that could be read in two ways is refused, however it is split", () => {
  const bodies = [
    "3\nabc\r\n0\r\n\r\n",
    "3\rabc",
    "3\r\nabc\n0\r\n\r\n",
    "3\r\nabc\rX",
    "2\r\nabc\r\n",
    "4\r\nabc\r\n0\r\n\r\n",
    "\r\nabc",
    ";a\r\nabc",
    "+3\r\nabc",
    "-3\r\nabc",
    "0x3\r\nabc",
    " 3\r\nabc",
    "\t3\r\nabc",
    "3 3\r\nabc",
    "3 a\r\nabc",
    "3 \nabc",
    "3 \rabc",
    "3\x0b\r\nabc",
    "3\0\r\nabc",
    "FFFFFFFFFFFFFFFFF\r\n",
    "20000000000000\r\n",
    "10000000000000003\r\nabc",
    `${"0".repeat(30)}3\r\nabc`,
    "3;a\nabc\r\n",
    "3;a\rb\r\n",
    "3;a\0\r\n",
    "3;\r\nabc",
    "3; \r\nabc",
    "3;;a\r\nabc",
    "3;=a\r\nabc",
    "3;a=\r\nabc",
    "3;a= \r\nabc",
    "3;a=;b\r\nabc",
    "3;a=b=c\r\nabc",
    "3;a b\r\nabc",
    "3;a=b c\r\nabc",
    '3;a="b\r\nabc',
    '3;a="b\\"\r\nabc',
    '3;a="b"c\r\nabc',
    '3;a="\x01"\r\nabc',
    '3;a="\\\x01"\r\nabc',
    '3;a="\n"\r\nabc',
    '3;"a"\r\nabc',
    "3;a\x80\r\nabc",
    "3;a\x01\r\nabc",
    "3 \0\r\nabc",
    "0\r\n\n",
    "0\r\n\rX",
    "0\r\nA : b\r\n\r\n",
    "0\r\nA: b\r\n c\r\n\r\n",
    "0\r\nA\r\n\r\n",
  ];
  for (const body of bodies) {
    assert.equal(decodeInEveryWay(body), 400, JSON.stringify(body));
  }
});

Deno.test("RFC 9112 §7.1: sizes are exact up to the largest that is taken", () => {
  const decoder = new ChunkedDecoder();
  const bytes = toBytes("000000000001fffffffffffff\r\nab");
  decoder.decode(bytes, 0, bytes.length);
  assert.equal(decoder.contentEnd - decoder.contentStart, 2);
  assert.ok(!decoder.done);
});

Deno.test("RFC 9112 §7.1.1: extensions are bounded for each chunk, white space and all", () => {
  const chunk = (bytes: number): string =>
    `1;${"a".repeat(bytes - 1)}\r\nx\r\n`;
  const most = chunk(MAX_EXTENSION_BYTES).repeat(2);
  const taken = decode(most, [most.length]);
  assert.ok(typeof taken === "object" && taken.content === "xx");
  const more = chunk(MAX_EXTENSION_BYTES + 1);
  assert.equal(decode(more, [more.length]), 400);
  assert.equal(decode(more, [more.length - 7, more.length]), 400);
  const blank = `1${" ".repeat(MAX_EXTENSION_BYTES + 1)}`;
  assert.equal(decode(blank, [blank.length]), 400);
});

Deno.test("RFC 9112 §7.1.1: extensions are bounded for a body, by what its chunks hold", () => {
  const body = (content: string, extensionBytes: number): string => {
    const extension = `;${"a".repeat(999)}`;
    const size = content.length.toString(16);
    return `${size}${extension}\r\n${content}\r\n`
      .repeat(extensionBytes / extension.length);
  };
  const little = body("x", MAX_EXCESS_BYTES - MAX_EXCESS_BYTES % 1000);
  assert.ok(typeof decode(little, [little.length]) === "object");
  const much = body("x", 2 * MAX_EXCESS_BYTES - 2 * MAX_EXCESS_BYTES % 1000);
  assert.equal(decode(much, [much.length]), 400);
  const amid = body("x".repeat(1000), 1_000_000);
  assert.ok(typeof decode(amid, [amid.length]) === "object");
});

Deno.test("RFC 9112 §7.1.2: trailers are bounded, in one read as in many", () => {
  const trailers = (bytes: number): string =>
    `0\r\nA: ${"b".repeat(bytes - "A: \r\n\r\n".length)}\r\n\r\n`;
  for (const pieceBytes of [1000, Infinity]) {
    const ends = (text: string): number[] => {
      const count = Math.ceil(text.length / pieceBytes) || 1;
      return Array.from(
        { length: count },
        (_, i) => Math.min(text.length, (i + 1) * pieceBytes),
      );
    };
    const most = trailers(MAX_REQUEST_TRAILER_BYTES);
    const more = trailers(MAX_REQUEST_TRAILER_BYTES + 1);
    assert.ok(typeof decode(most, ends(most)) === "object");
    assert.equal(decode(more, ends(more)), 431);
  }
});
