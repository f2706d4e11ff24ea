import assert from "node:assert/strict";
import { bodyDecoder } from "../../src/http1/body_decoder.ts";
import { CHUNKED, NO_BODY, UNTIL_CLOSE } from "../../src/http1/body_length.ts";
import {
  CHUNK_HEADROOM,
  CHUNK_TAILROOM,
  writeChunkEnd,
  writeChunkSize,
} from "../../src/http1/chunked_encoding.ts";
import { toBytes, toText } from "../support/raw_socket.ts";

Deno.test("a body of a known length ends after so many octets, and takes no more", () => {
  const bytes = toBytes("abcdefGET");
  const decoder = bodyDecoder({ type: "length", bytes: 6 });
  decoder.decode(bytes, 0, 4);
  assert.deepEqual([decoder.contentEnd, decoder.done], [4, false]);
  decoder.decode(bytes, 4, 9);
  assert.deepEqual(
    [decoder.contentStart, decoder.contentEnd, decoder.next, decoder.done],
    [4, 6, 6, true],
  );
  assert.ok(!decoder.endsWithConnection);
});

Deno.test("no body takes nothing", () => {
  const decoder = bodyDecoder(NO_BODY);
  decoder.decode(toBytes("GET"), 0, 3);
  assert.ok(decoder.done);
  assert.deepEqual([decoder.contentEnd, decoder.next], [0, 0]);
});

Deno.test("a body that ends with the connection takes everything and is never done", () => {
  const decoder = bodyDecoder(UNTIL_CLOSE);
  decoder.decode(toBytes("abc"), 1, 3);
  assert.deepEqual(
    [decoder.contentStart, decoder.contentEnd, decoder.next, decoder.done],
    [1, 3, 3, false],
  );
  assert.ok(decoder.endsWithConnection);
});

Deno.test("RFC 9112 §7.1: chunks put on in place are the content again when taken off", () => {
  for (const length of [1, 9, 10, 15, 16, 255, 4096, 70_000]) {
    const bytes = new Uint8Array(CHUNK_HEADROOM + length + CHUNK_TAILROOM);
    const contentEnd = CHUNK_HEADROOM + length;
    bytes.fill(0x78, CHUNK_HEADROOM, contentEnd);
    const start = writeChunkSize(bytes, CHUNK_HEADROOM, length);
    const end = writeChunkEnd(bytes, contentEnd, true);
    assert.ok(start >= 0 && end <= bytes.length);
    const size = `${length.toString(16)}\r\n`;
    assert.equal(
      toText(bytes.subarray(start, end)),
      `${size}${"x".repeat(length)}\r\n0\r\n\r\n`,
    );
    const decoder = bodyDecoder(CHUNKED);
    decoder.decode(bytes, start, end);
    assert.ok(decoder.done && decoder.next === end);
    assert.equal(decoder.contentEnd - decoder.contentStart, length);
  }
});

Deno.test("RFC 9112 §7.1: the largest size fits into the room before the content", () => {
  const bytes = new Uint8Array(CHUNK_HEADROOM);
  assert.equal(writeChunkSize(bytes, CHUNK_HEADROOM, 0xffff_ffff), 0);
  assert.equal(toText(bytes), "ffffffff\r\n");
});
