/**
 * Buffers that are used again, so that neither a request nor a connection
 * has to allocate one.
 *
 * @module
 */

import { CHUNK_HEADROOM, CHUNK_TAILROOM } from "../http1/chunked_encoding.ts";

/** What an idle client connection waits with: most request heads fit, and 10,000 of them are 40 MiB. */
export const SMALL_BUFFER_BYTES = 4096;

/** What a response is read into: a head and a body of ordinary size come in one read. */
export const MEDIUM_BUFFER_BYTES = 32_768;

/** What a long body is relayed with: larger ones save nothing more, smaller ones cost system calls. */
export const LARGE_BUFFER_BYTES = 262_144;

/**
 * Octets left free before what is read, so that the size line of a chunk can
 * be put in front of content where it is.
 */
export const HEADROOM = CHUNK_HEADROOM;

/** Octets left free after what is read, for the end of a chunk. */
export const TAILROOM = CHUNK_TAILROOM;

/** Free buffers kept of each size: what a burst leaves behind is given back beyond this. */
const KEPT_BYTES = 16 * 1024 * 1024;

/** Hands out buffers of three sizes and takes them back. */
export class BufferPool {
  readonly #free = new Map<number, Uint8Array<ArrayBuffer>[]>([
    [SMALL_BUFFER_BYTES, []],
    [MEDIUM_BUFFER_BYTES, []],
    [LARGE_BUFFER_BYTES, []],
  ]);

  /** A buffer of at least `bytes`; beyond the largest size, one of its own that is not kept. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    const size = bytes <= SMALL_BUFFER_BYTES
      ? SMALL_BUFFER_BYTES
      : bytes <= MEDIUM_BUFFER_BYTES
      ? MEDIUM_BUFFER_BYTES
      : Math.max(bytes, LARGE_BUFFER_BYTES);
    return this.#free.get(size)?.pop() ?? new Uint8Array(size);
  }

  /** Takes a buffer back. Nothing may refer to it any more. */
  release(buffer: Uint8Array<ArrayBuffer>): void {
    const free = this.#free.get(buffer.length);
    if (free && (free.length + 1) * buffer.length <= KEPT_BYTES) {
      free.push(buffer);
    }
  }
}
