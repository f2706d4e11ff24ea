/** Bytes taken apart into lines. */

import assert from "node:assert/strict";
import { LineSplitter, MAX_LINE_BYTES } from "../../src/pool/line_splitter.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function split(
  bytes: Uint8Array,
  chunkBytes: number = bytes.length,
): readonly string[] {
  const splitter = new LineSplitter();
  const lines: string[] = [];
  const take = (line: Uint8Array): boolean => {
    lines.push(decoder.decode(line));
    return true;
  };
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    splitter.split(bytes.subarray(at, at + chunkBytes), 0, take);
  }
  splitter.finish(take);
  return lines;
}

Deno.test("lines are the same however the bytes arrive", () => {
  const text = "eins\r\n\n\r\nzwei, ähnlich 😀\n" + "x".repeat(1000) +
    "\ndrei\rvier\n\ufeffende";
  const bytes = encoder.encode(text);
  const expected = text.split(/\r?\n/);
  for (const chunkBytes of [1, 2, 3, 7, 64, 1000, bytes.length]) {
    assert.deepEqual(split(bytes, chunkBytes), expected, `${chunkBytes}`);
  }
});

Deno.test("a line without end is cut into pieces, and no character in two", () => {
  // Three octets each, so that no piece ends where a character does by chance.
  const text = "€".repeat(MAX_LINE_BYTES);
  for (const chunkBytes of [1000, 65_536, Infinity]) {
    const pieces = split(encoder.encode(text), chunkBytes);
    assert.equal(pieces.length, 4);
    assert.equal(pieces.join(""), text);
  }
});

Deno.test("octets that are no UTF-8 are cut anywhere", () => {
  const bytes = new Uint8Array(2 * MAX_LINE_BYTES).fill(0x80);
  const splitter = new LineSplitter();
  const lengths: number[] = [];
  const take = (line: Uint8Array): boolean => lengths.push(line.length) > 0;
  splitter.split(bytes, 0, take);
  splitter.finish(take);
  assert.deepEqual(lengths, [MAX_LINE_BYTES, MAX_LINE_BYTES]);
});

Deno.test("who wants no more lines gets the others later", () => {
  const splitter = new LineSplitter();
  const chunk = encoder.encode("a\nb\nc\nd");
  const lines: string[] = [];
  const one = (line: Uint8Array): boolean => {
    lines.push(decoder.decode(line));
    return false;
  };
  let offset = 0;
  while (offset < chunk.length) {
    offset = splitter.split(chunk, offset, one);
  }
  splitter.finish(one);
  assert.deepEqual(lines, ["a", "b", "c", "d"]);
});

Deno.test("lines passed over are counted, and the last ones are left", () => {
  const splitter = new LineSplitter();
  const lines: string[] = [];
  const take = (line: Uint8Array): boolean => {
    lines.push(decoder.decode(line));
    return true;
  };
  splitter.split(encoder.encode("begun"), 0, take);
  const chunk = encoder.encode(" before\n1\n2\n3\n4\nrest");
  const skipped = splitter.skip(chunk, 0, 2);
  assert.deepEqual(skipped, { offset: 12, lines: 3, bytes: 17 });
  splitter.split(chunk, skipped.offset, take);
  assert.deepEqual(splitter.skip(encoder.encode("\n"), 0, 2).lines, 0);
  splitter.split(encoder.encode(" of it\n"), 0, take);
  assert.deepEqual(lines, ["3", "4", "rest of it"]);
});

Deno.test("all lines of a chunk can be passed over", () => {
  const splitter = new LineSplitter();
  const chunk = encoder.encode("\n\n\n");
  assert.deepEqual(splitter.skip(chunk, 0, 0), {
    offset: 3,
    lines: 3,
    bytes: 3,
  });
});
