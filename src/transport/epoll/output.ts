/**
 * What is written to a connection: sent at once as far as the kernel takes it,
 * and kept where it is until it takes the rest.
 *
 * @module
 */

import type { BufferPool } from "../../proxy/core/buffer_pool.ts";
import type { WriteResult } from "../../proxy/core/link.ts";
import { ERRNO, MSG, SIOCOUTQ } from "./abi.ts";
import type { Libc } from "./libc.ts";
import type { Pipe } from "./pipe.ts";

const QUEUED = new Int32Array(1);

/** Sends octets to a socket, one write at a time, and gives their buffers back. */
export class Output {
  readonly #libc: Libc;
  readonly #buffers: BufferPool;
  readonly #fd: number;
  /** What the kernel has not taken yet, in the buffer it came in. */
  #rest: Uint8Array | null = null;
  /** The pooled buffer that it is in, where that was handed over. */
  #owned: Uint8Array<ArrayBuffer> | null = null;
  /** What else the kernel has not taken yet. */
  #pipe: Pipe | null = null;
  /** Octets that the kernel has taken. */
  #sent = 0;

  /** Writes to a non-blocking socket. */
  constructor(libc: Libc, buffers: BufferPool, fd: number) {
    this.#libc = libc;
    this.#buffers = buffers;
    this.#fd = fd;
  }

  /** Whether a write is not over. */
  get pending(): boolean {
    return this.#rest !== null || this.#pipe !== null;
  }

  /** Sends what the kernel takes of the first `length` octets. Not while a write is pending. */
  write(
    bytes: Uint8Array,
    owned: Uint8Array<ArrayBuffer> | null,
    length: number,
  ): WriteResult {
    this.#owned = owned;
    return this.#send(bytes, length);
  }

  /** Sends of what is in `pipe` what the kernel takes. Not while a write is pending. */
  writePipe(pipe: Pipe): WriteResult {
    this.#pipe = pipe;
    return this.#drain(pipe);
  }

  /** Goes on with the pending write. */
  flush(): WriteResult {
    const pipe = this.#pipe;
    if (pipe !== null) return this.#drain(pipe);
    const rest = this.#rest!;
    return this.#send(rest, rest.length);
  }

  /** Octets that the peer has acknowledged. */
  taken(): number {
    const { call } = this.#libc;
    const known = call.ioctl(this.#fd, SIOCOUTQ, QUEUED) >= 0;
    return this.#sent - (known ? QUEUED[0]! : 0);
  }

  /** Gives up what is pending. */
  drop(): void {
    this.#rest = null;
    const owned = this.#owned;
    this.#owned = null;
    if (owned !== null) this.#buffers.release(owned);
    const pipe = this.#pipe;
    this.#pipe = null;
    pipe?.release();
  }

  #send(bytes: Uint8Array, length: number): WriteResult {
    const flags = MSG.NOSIGNAL | MSG.DONTWAIT;
    const sent = this.#libc.call.send(this.#fd, bytes, length, flags);
    if (sent > 0) this.#sent += sent;
    if (sent === length) {
      this.drop();
      return "written";
    }
    if (sent < 0 && !isTransient(this.#libc.errno())) {
      this.drop();
      return "failed";
    }
    this.#rest = bytes.subarray(Math.max(0, sent), length);
    return "pending";
  }

  #drain(pipe: Pipe): WriteResult {
    const sent = pipe.drainTo(this.#fd);
    if (sent > 0) this.#sent += sent;
    const failed = sent < 0 && !isTransient(this.#libc.errno());
    if (!failed && pipe.length > 0) return "pending";
    this.drop();
    return failed ? "failed" : "written";
  }
}

/** Whether a call on a socket may be made again. */
export function isTransient(errno: number): boolean {
  return errno === ERRNO.EAGAIN || errno === ERRNO.EINTR;
}
