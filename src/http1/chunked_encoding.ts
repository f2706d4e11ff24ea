/**
 * Putting the chunked transfer coding on, in place around content that is in
 * a buffer already (RFC 9112 §7.1). Pure.
 *
 * @module
 */

import { ascii, CR, LF, ZERO } from "./bytes.ts";

/** Room needed before the content: eight hexadecimal digits, CR, LF. */
export const CHUNK_HEADROOM = 10;

/** Room needed after the content: CR, LF, and the last chunk. */
export const CHUNK_TAILROOM = 7;

/** The last chunk, with no trailer fields. */
export const LAST_CHUNK: Uint8Array = ascii("0\r\n\r\n");

/** A new buffer with `content` as a chunk, and the last chunk with these trailer lines. */
export function lastChunks(
  content: Uint8Array,
  trailers: Uint8Array,
): Uint8Array {
  const { length } = content;
  const bytes = new Uint8Array(
    CHUNK_HEADROOM + length + CHUNK_TAILROOM + trailers.length,
  );
  bytes.set(content, CHUNK_HEADROOM);
  let from = CHUNK_HEADROOM;
  let at = from + length;
  if (length > 0) {
    from = writeChunkSize(bytes, from, length);
    at = writeChunkEnd(bytes, at, false);
  }
  bytes[at++] = ZERO;
  bytes[at++] = CR;
  bytes[at++] = LF;
  bytes.set(trailers, at);
  at += trailers.length;
  bytes[at++] = CR;
  bytes[at++] = LF;
  return bytes.subarray(from, at);
}

/** Writes a chunk's size line so that it ends at `contentStart`; returns where it starts. */
export function writeChunkSize(
  bytes: Uint8Array,
  contentStart: number,
  length: number,
): number {
  let at = contentStart;
  bytes[--at] = LF;
  bytes[--at] = CR;
  let rest = length;
  do {
    const digit = rest & 15;
    bytes[--at] = digit < 10 ? ZERO + digit : 0x57 + digit;
    rest >>>= 4;
  } while (rest > 0);
  return at;
}

/** Writes what follows a chunk's content at `at`, the last chunk too if `last`; returns the end. */
export function writeChunkEnd(
  bytes: Uint8Array,
  at: number,
  last: boolean,
): number {
  bytes[at] = CR;
  bytes[at + 1] = LF;
  if (!last) return at + 2;
  bytes.set(LAST_CHUNK, at + 2);
  return at + 2 + LAST_CHUNK.length;
}
