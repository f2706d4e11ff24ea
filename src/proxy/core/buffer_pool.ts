/**
 * Buffers that are used again, so that neither a request nor a connection
 * has to allocate one.
 *
 * @module
 */

import {
  CHUNK_HEADROOM,
  CHUNK_TAILROOM,
} from "../../http1/chunked_encoding.ts";

/** What a client connection waits with: small heads fit, and 10,000 of them are 5 MiB. */
export const TINY_BUFFER_BYTES = 512;

/** What one waits with whose heads are larger: those of browsers fit. */
export const SMALL_BUFFER_BYTES = 4096;

/** What a response is read into: a head and a body of ordinary size come in one read. */
export const MEDIUM_BUFFER_BYTES = 32_768;

/** What a long body is relayed with: larger ones save nothing more, smaller ones cost system calls. */
export const LARGE_BUFFER_BYTES = 262_144;

/**
 * Octets left free before what is read, so that the size line of a chunk, and
 * a head that has grown by a request id and a date, can be put in front of
 * content where it is.
 */
export const HEADROOM = 86 + CHUNK_HEADROOM;

/** Octets left free after what is read, for the end of a chunk. */
export const TAILROOM = CHUNK_TAILROOM;

/** Free buffers kept of each size: what a burst leaves behind is given back beyond this. */
const KEPT_BYTES = 16 * 1024 * 1024;

/** Buffers of one size that nobody uses. */
class FreeList {
  readonly #buffers: Uint8Array<ArrayBuffer>[] = [];
  readonly #bytes: number;
  readonly #kept: number;

  constructor(bytes: number) {
    this.#bytes = bytes;
    this.#kept = KEPT_BYTES / bytes;
  }

  take(): Uint8Array<ArrayBuffer> {
    return this.#buffers.pop() ?? new Uint8Array(this.#bytes);
  }

  release(buffer: Uint8Array<ArrayBuffer>): void {
    if (this.#buffers.length < this.#kept) this.#buffers.push(buffer);
  }
}

/** Hands out buffers of four sizes and takes them back. */
export class BufferPool {
  readonly #tiny = new FreeList(TINY_BUFFER_BYTES);
  readonly #small = new FreeList(SMALL_BUFFER_BYTES);
  readonly #medium = new FreeList(MEDIUM_BUFFER_BYTES);
  readonly #large = new FreeList(LARGE_BUFFER_BYTES);

  /** The length of the buffer that {@linkcode take} would return. */
  sizeFor(bytes: number): number {
    if (bytes <= TINY_BUFFER_BYTES) return TINY_BUFFER_BYTES;
    if (bytes <= SMALL_BUFFER_BYTES) return SMALL_BUFFER_BYTES;
    if (bytes <= MEDIUM_BUFFER_BYTES) return MEDIUM_BUFFER_BYTES;
    if (bytes <= LARGE_BUFFER_BYTES) return LARGE_BUFFER_BYTES;
    return bytes;
  }

  /** A buffer of at least `bytes`; beyond the largest size, one of its own that is not kept. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    if (bytes <= TINY_BUFFER_BYTES) return this.#tiny.take();
    if (bytes <= SMALL_BUFFER_BYTES) return this.#small.take();
    if (bytes <= MEDIUM_BUFFER_BYTES) return this.#medium.take();
    if (bytes <= LARGE_BUFFER_BYTES) return this.#large.take();
    return new Uint8Array(bytes);
  }

  /** Takes a buffer back. Nothing may refer to it any more. */
  release(buffer: Uint8Array<ArrayBuffer>): void {
    switch (buffer.length) {
      case TINY_BUFFER_BYTES:
        return this.#tiny.release(buffer);
      case SMALL_BUFFER_BYTES:
        return this.#small.release(buffer);
      case MEDIUM_BUFFER_BYTES:
        return this.#medium.release(buffer);
      case LARGE_BUFFER_BYTES:
        return this.#large.release(buffer);
    }
  }
}
