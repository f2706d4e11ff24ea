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

/** Free buffers that nobody has wanted for so long, in milliseconds, are given back: a burst is over then. */
const UNUSED_MS = 1_000;

/** Buffers of one size that nobody uses. */
class FreeList {
  readonly bytes: number;
  readonly #buffers: Uint8Array<ArrayBuffer>[] = [];
  readonly #kept: number;
  /** Fewest that were free since {@linkcode trim}: so many were not needed. */
  #unused = 0;

  constructor(bytes: number) {
    this.bytes = bytes;
    this.#kept = KEPT_BYTES / bytes;
  }

  get length(): number {
    return this.#buffers.length;
  }

  take(): Uint8Array<ArrayBuffer> {
    const buffer = this.#buffers.pop();
    if (buffer === undefined) return new Uint8Array(this.bytes);
    if (this.#buffers.length < this.#unused) {
      this.#unused = this.#buffers.length;
    }
    return buffer;
  }

  release(buffer: Uint8Array<ArrayBuffer>): void {
    if (this.#buffers.length < this.#kept) this.#buffers.push(buffer);
  }

  trim(): void {
    if (this.#unused > 0) this.#buffers.splice(0, this.#unused);
    this.#unused = this.#buffers.length;
  }
}

/** Hands out buffers of four sizes and takes them back. */
export class BufferPool {
  readonly #tiny = new FreeList(TINY_BUFFER_BYTES);
  readonly #small = new FreeList(SMALL_BUFFER_BYTES);
  readonly #medium = new FreeList(MEDIUM_BUFFER_BYTES);
  readonly #large = new FreeList(LARGE_BUFFER_BYTES);
  #trimmedAt = 0;

  /** Buffers kept that nobody uses. */
  get free(): number {
    return this.#tiny.length + this.#small.length + this.#medium.length +
      this.#large.length;
  }

  /** The length of the buffer that {@linkcode take} would return. */
  sizeFor(bytes: number): number {
    return this.#listFor(bytes)?.bytes ?? bytes;
  }

  /** A buffer of at least `bytes`; beyond the largest size, one of its own that is not kept. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    return this.#listFor(bytes)?.take() ?? new Uint8Array(bytes);
  }

  /** Takes a buffer back. Nothing may refer to it any more. */
  release(buffer: Uint8Array<ArrayBuffer>): void {
    const list = this.#listFor(buffer.length);
    if (list?.bytes === buffer.length) list.release(buffer);
  }

  /** Gives back what nobody has wanted of late. */
  sweep(now: number): void {
    if (now - this.#trimmedAt < UNUSED_MS) return;
    this.#trimmedAt = now;
    this.#tiny.trim();
    this.#small.trim();
    this.#medium.trim();
    this.#large.trim();
  }

  /** Those of the smallest size that `bytes` fit in; `null` beyond the largest. */
  #listFor(bytes: number): FreeList | null {
    if (bytes <= TINY_BUFFER_BYTES) return this.#tiny;
    if (bytes <= SMALL_BUFFER_BYTES) return this.#small;
    if (bytes <= MEDIUM_BUFFER_BYTES) return this.#medium;
    return bytes <= LARGE_BUFFER_BYTES ? this.#large : null;
  }
}
