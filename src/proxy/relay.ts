/**
 * Passing a body on: taken out of one framing, put into another, never more
 * of it held than one buffer. Reading waits for writing, so a slow reader
 * slows the sender down.
 *
 * @module
 */

import type { BodyDecoder } from "../http1/body_decoder.ts";
import {
  LAST_CHUNK,
  lastChunks,
  writeChunkEnd,
  writeChunkSize,
} from "../http1/chunked_encoding.ts";
import { LARGE_BUFFER_BYTES } from "./buffer_pool.ts";
import type { Socket } from "./socket.ts";

/** How a relay ended. */
export type RelayOutcome =
  /** The whole body was passed on. */
  | "complete"
  /** The source ended before the body did. */
  | "cut"
  /** The sink takes no more. */
  | "sink-gone";

/** What is relayed and how. */
export interface RelayOptions {
  readonly source: Socket;
  readonly sink: Socket;
  readonly decoder: BodyDecoder;
  /** Whether the body is written in chunks. */
  readonly chunked: boolean;
  /**
   * Called at each step with the octets of content it is about to pass on, so
   * that whoever closes the sink then keeps them from arriving.
   */
  readonly onProgress: (contentBytes: number) => void;
}

/**
 * Takes the content that is in the source's buffer out of its framing.
 * Returns it framed for the sink, possibly empty, and still in that buffer but
 * for what ends with trailers: write it before anything else is read from the
 * source.
 *
 * @throws {HttpError} When the source breaks the framing.
 */
export function takeContent(
  source: Socket,
  decoder: BodyDecoder,
  chunked: boolean,
): Uint8Array {
  const { buffer } = source;
  decoder.decode(buffer, source.start, source.end);
  source.start = decoder.next;
  const { contentStart, contentEnd, done } = decoder;
  if (!chunked) return buffer.subarray(contentStart, contentEnd);
  if (done && decoder.trailers !== null) {
    const content = buffer.subarray(contentStart, contentEnd);
    return lastChunks(content, decoder.trailers);
  }
  if (contentStart === contentEnd) {
    return done ? LAST_CHUNK : buffer.subarray(0, 0);
  }
  const from = writeChunkSize(buffer, contentStart, contentEnd - contentStart);
  // The last chunk fits: the source's own stood between here and `next`.
  const to = writeChunkEnd(buffer, contentEnd, done);
  return buffer.subarray(from, to);
}

/**
 * Passes on what is still to come of a body.
 *
 * @throws {HttpError} When the source breaks the framing.
 */
export async function relay(options: RelayOptions): Promise<RelayOutcome> {
  const { source, sink, decoder, chunked, onProgress } = options;
  while (!decoder.done) {
    if (source.full) source.resize(LARGE_BUFFER_BYTES);
    if (!await source.more()) {
      if (!decoder.endsWithConnection || source.failed) return "cut";
      if (chunked && !await sink.write(LAST_CHUNK)) return "sink-gone";
      return "complete";
    }
    const filled = source.full;
    const content = takeContent(source, decoder, chunked);
    onProgress(decoder.contentEnd - decoder.contentStart);
    if (content.length > 0 && !await sink.write(content)) return "sink-gone";
    // A buffer that one read fills is too small for a body this quick.
    if (filled && !decoder.done) source.resize(LARGE_BUFFER_BYTES);
  }
  return "complete";
}
