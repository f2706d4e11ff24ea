/**
 * What a connection has received and nobody has consumed yet, in a buffer of
 * the pool. A connection with nothing in it need not have one.
 *
 * @module
 */

import { type BufferPool, HEADROOM, TAILROOM } from "./buffer_pool.ts";

const NO_BYTES = new Uint8Array(0);

/** All of a buffer that may be read into: buffers are used again and again, and a view is dearer than to find it. */
const ROOMS = new WeakMap<Uint8Array, Uint8Array<ArrayBuffer>>();

/** Owns the buffer that a connection is read into. */
export class InputBuffer {
  /** What was received and not yet consumed is between `start` and `end`. */
  bytes: Uint8Array<ArrayBuffer> = NO_BYTES;
  /** First octet not consumed. Consumers move it. */
  start: number = HEADROOM;
  /** Just past the last octet received. */
  end: number = HEADROOM;

  /** Whether it is being read into: then it stays what it is. For the link. */
  locked = false;

  readonly #buffers: BufferPool;
  /** Size of the buffer that is taken when one is needed. */
  #wantedBytes: number;
  /** All of the buffer that may be read into: nearly every read begins with an empty one. */
  #room: Uint8Array<ArrayBuffer> = NO_BYTES;

  /** Begins without a buffer. */
  constructor(buffers: BufferPool, wantedBytes: number) {
    this.#buffers = buffers;
    this.#wantedBytes = wantedBytes;
  }

  /** Octets received and not consumed. */
  get available(): number {
    return this.end - this.start;
  }

  /** Whether no more can be received before something is consumed or the buffer grows. */
  get full(): boolean {
    return this.bytes.length > 0 && this.start <= HEADROOM &&
      this.end >= this.bytes.length - TAILROOM;
  }

  /** Whether the last read has left no room, so that a larger buffer would have brought more. */
  get filled(): boolean {
    return this.bytes.length > 0 && this.end >= this.bytes.length - TAILROOM;
  }

  /**
   * Goes on with a buffer of at least `bytes`, or of just enough for what is
   * not consumed; from the next one on while it is being read into.
   */
  resize(bytes: number): void {
    this.#wantedBytes = bytes;
    if (this.bytes.length === 0 || this.locked) return;
    if (this.available === 0) return this.release();
    const wanted = Math.max(bytes, this.available + HEADROOM + TAILROOM);
    if (this.#buffers.sizeFor(wanted) !== this.bytes.length) {
      this.#moveTo(this.#buffers.take(wanted));
    }
  }

  /** The next buffer is of `bytes`. */
  continueWith(bytes: number): void {
    this.#wantedBytes = bytes;
  }

  /** The next buffer is of at least `bytes`. */
  grow(bytes: number): void {
    if (this.#wantedBytes < bytes) this.#wantedBytes = bytes;
  }

  /**
   * Hands the buffer over to whoever writes from it: the caller passes it on.
   * What has not been consumed goes on in another one.
   */
  detach(): Uint8Array<ArrayBuffer> {
    const { bytes, start, end } = this;
    this.bytes = this.#room = NO_BYTES;
    this.start = this.end = HEADROOM;
    if (start < end) {
      const rest = bytes.subarray(start, end);
      this.#put(this.#buffers.take(
        Math.max(this.#wantedBytes, rest.length + HEADROOM + TAILROOM),
      ));
      this.bytes.set(rest, HEADROOM);
      this.end = HEADROOM + rest.length;
    }
    return bytes;
  }

  /**
   * Where the next read goes, just past `end`; takes a buffer where there is
   * none. Empty when the buffer is full.
   */
  room(): Uint8Array<ArrayBuffer> {
    if (this.bytes.length === 0) {
      this.#put(this.#buffers.take(this.#wantedBytes));
    }
    if (this.start === this.end) this.start = this.end = HEADROOM;
    else if (this.filled) this.#compact();
    return this.end === HEADROOM
      ? this.#room
      : this.bytes.subarray(this.end, this.bytes.length - TAILROOM);
  }

  /** Takes note that `count` octets were read into the {@linkcode room}. */
  received(count: number): void {
    this.end += count;
  }

  /** Gives the buffer back, with all that is in it. Once nothing reads into it or writes from it any more. */
  release(): void {
    if (this.bytes.length === 0) return;
    this.#buffers.release(this.bytes);
    this.bytes = this.#room = NO_BYTES;
    this.start = this.end = HEADROOM;
  }

  #put(buffer: Uint8Array<ArrayBuffer>): void {
    this.bytes = buffer;
    this.#room = roomIn(buffer);
    this.start = this.end = HEADROOM;
  }

  #moveTo(buffer: Uint8Array<ArrayBuffer>): void {
    const old = this.bytes;
    const rest = old.subarray(this.start, this.end);
    this.#put(buffer);
    buffer.set(rest, HEADROOM);
    this.end = HEADROOM + rest.length;
    this.#buffers.release(old);
  }

  #compact(): void {
    if (this.start === HEADROOM) return;
    const { available } = this;
    this.bytes.copyWithin(HEADROOM, this.start, this.end);
    this.start = HEADROOM;
    this.end = HEADROOM + available;
  }
}

function roomIn(buffer: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  let room = ROOMS.get(buffer);
  if (room === undefined) {
    room = buffer.subarray(HEADROOM, buffer.length - TAILROOM);
    ROOMS.set(buffer, room);
  }
  return room;
}
