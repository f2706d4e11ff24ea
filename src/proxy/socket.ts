/**
 * A connection with a buffer and at most one read under way.
 *
 * The read can be left pending while nobody waits for it. That is how an idle
 * worker connection is seen to end before it is used, and how a client is
 * seen to go while its answer is being made.
 *
 * To end somebody's wait, close the socket: the wait resolves with `false`.
 * No promise is ever raced against another.
 *
 * @module
 */

import { type BufferPool, HEADROOM, TAILROOM } from "./buffer_pool.ts";
import type { Transport } from "./transport.ts";

/** Is told of a read that ended while nobody waited for it. */
export type UnawaitedReadListener = (socket: Socket) => void;

const NO_MORE = Promise.resolve(false);
const NO_BYTES = new Uint8Array(0);

/** Owns a connection and the buffer it is read into. */
export class Socket {
  /** What was read and not yet consumed is between `start` and `end`. */
  buffer: Uint8Array<ArrayBuffer>;
  /** First octet not consumed. */
  start: number = HEADROOM;
  /** Just past the last octet read. */
  end: number = HEADROOM;
  /** Called when bytes or the end arrive while nobody waits in {@linkcode more}. */
  onUnawaitedRead: UnawaitedReadListener | null = null;

  readonly #transport: Transport;
  readonly #buffers: BufferPool;
  /** The read under way; resolves with whether it brought something. */
  #reading: Promise<boolean> | null = null;
  #awaited = false;
  #ended = false;
  #failed = false;
  #closed = false;
  #disposed = false;
  /** All of the buffer that may be read into: nearly every read begins with an empty one. */
  #room: Uint8Array<ArrayBuffer>;

  /** Takes the connection over, with a buffer of at least `bufferBytes`. */
  constructor(
    transport: Transport,
    buffers: BufferPool,
    bufferBytes: number,
  ) {
    this.#transport = transport;
    this.#buffers = buffers;
    this.buffer = buffers.take(bufferBytes);
    this.#room = roomIn(this.buffer);
  }

  /** Whether nothing more will come: the peer has ended, failed, or we have closed. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether the connection broke, instead of being ended in order. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Whether we have closed it. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whether somebody waits for more. */
  get awaited(): boolean {
    return this.#awaited;
  }

  /** Octets read and not consumed. */
  get available(): number {
    return this.end - this.start;
  }

  /** Whether no more can be read before something is consumed or the buffer grows. */
  get full(): boolean {
    return this.start <= HEADROOM && this.end >= this.buffer.length - TAILROOM;
  }

  /**
   * Waits for octets beyond `end`. Resolves with `false` when there will be
   * none. One caller at a time; what is in the buffer already does not count.
   */
  more(): Promise<boolean> {
    if (this.#ended) return NO_MORE;
    this.#awaited = true;
    return this.#reading ?? this.#read();
  }

  /**
   * Leaves a read pending. Not while octets wait to be consumed: they may have
   * to be moved or written from where they are, and whoever takes them would
   * not know of those that came since.
   */
  watch(): void {
    if (this.available === 0 && !this.#ended) this.#reading ?? this.#read();
  }

  /** Goes on with a buffer of at least `bytes`, keeping what is not consumed. Not while a read is pending. */
  resize(bytes: number): void {
    const wanted = Math.max(bytes, this.available + HEADROOM + TAILROOM);
    if (
      this.#reading !== null || this.#closed || wanted === this.buffer.length
    ) return;
    const old = this.buffer;
    const buffer = this.#buffers.take(wanted);
    if (buffer.length === old.length) {
      this.#buffers.release(buffer);
      return;
    }
    buffer.set(old.subarray(this.start, this.end), HEADROOM);
    this.end = HEADROOM + this.available;
    this.start = HEADROOM;
    this.buffer = buffer;
    this.#room = roomIn(buffer);
    this.#buffers.release(old);
  }

  /** Writes all of `bytes`; `false` when the peer no longer takes them. */
  async write(bytes: Uint8Array): Promise<boolean> {
    try {
      let written = await this.#transport.write(bytes);
      while (written < bytes.length) {
        written += await this.#transport.write(bytes.subarray(written));
      }
      return true;
    } catch {
      // Whatever it was (broken pipe, reset, closed by us), it is not written.
      return false;
    }
  }

  /** Does what is to be done before {@linkcode dispose}, so that the end is seen to be in order. */
  async finish(): Promise<void> {
    if (this.#transport.announcesEnd && !this.#closed) await this.endWriting();
  }

  /** Tells the peer that no more will be written. */
  async endWriting(): Promise<void> {
    try {
      await this.#transport.closeWrite();
    } catch {
      // The peer is gone already: there is nobody to tell.
    }
  }

  /**
   * Closes the connection, at once and in both directions. The buffer stays:
   * somebody may still be writing from it.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.onUnawaitedRead = null;
    this.#ended = true;
    // Makes the read under way fail, and so ends the wait for it.
    this.#transport.close();
  }

  /**
   * Lets go of the connection without closing it, and returns what has been
   * read and not consumed. Not while a read is pending.
   */
  detach(): Uint8Array {
    const rest = this.buffer.slice(this.start, this.end);
    this.#closed = this.#ended = this.#disposed = true;
    this.#giveUpBuffer();
    return rest;
  }

  /** Closes the connection and gives the buffer back. For its owner, when nobody uses either any more. */
  dispose(): void {
    this.close();
    this.#disposed = true;
    this.#giveUpBuffer();
  }

  #read(): Promise<boolean> {
    if (this.start === this.end) this.start = this.end = HEADROOM;
    else if (this.end === this.buffer.length - TAILROOM) this.#compact();
    const room = this.end === HEADROOM
      ? this.#room
      : this.buffer.subarray(this.end, this.buffer.length - TAILROOM);
    if (room.length === 0) throw new Error("Cannot read: the buffer is full");
    return this.#reading = this.#transport.read(room)
      .then(this.#onRead, this.#onReadError);
  }

  readonly #onRead = (count: number | null): boolean => {
    this.#reading = null;
    if (count === null || this.#closed) return this.#onEnd();
    this.end += count;
    this.#notify();
    return true;
  };

  readonly #onReadError = (): boolean => {
    this.#reading = null;
    this.#failed = true;
    return this.#onEnd();
  };

  #onEnd(): boolean {
    this.#ended = true;
    this.#notify();
    this.#giveUpBuffer();
    return false;
  }

  #notify(): void {
    if (this.#awaited) this.#awaited = false;
    else this.onUnawaitedRead?.(this);
  }

  #compact(): void {
    if (this.start === HEADROOM) return;
    this.buffer.copyWithin(HEADROOM, this.start, this.end);
    this.end = HEADROOM + this.available;
    this.start = HEADROOM;
  }

  /** Gives the buffer back, once no read can write into it any more. */
  #giveUpBuffer(): void {
    if (!this.#disposed || this.#reading !== null || this.buffer.length === 0) {
      return;
    }
    this.#buffers.release(this.buffer);
    this.buffer = this.#room = NO_BYTES;
    this.start = this.end = 0;
  }
}

function roomIn(buffer: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return buffer.subarray(HEADROOM, buffer.length - TAILROOM);
}
