/**
 * A connection on epoll.
 *
 * It has a buffer, or a pipe, only while there is something in it.
 *
 * @module
 */

import type { InputBuffer } from "../../proxy/core/input_buffer.ts";
import {
  type Link,
  type LinkHandler,
  NOBODY,
  type PipedContent,
  type SplicingLink,
  type WriteResult,
} from "../../proxy/core/link.ts";
import type { BufferPool } from "../../proxy/core/buffer_pool.ts";
import { EPOLL, ERRNO, isBroken, MSG, SHUT_WR, SO } from "./abi.ts";
import type { EventLoop, Source } from "./event_loop.ts";
import type { Libc } from "./libc.ts";
import { Interest } from "./interest.ts";
import { LingeringClose } from "./lingering_close.ts";
import { isTransient, Output } from "./output.ts";
import type { Pipe, PipePool } from "./pipe.ts";

/** What is read after our end goes here, and is looked at by nobody. */
const DISCARDED = new Uint8Array(65_536);

/** `struct linger`: what is closed with it is reset. */
const RESET = new Int32Array([1, 0]);

const ONE = new Int32Array([1]);

const PEEKED = new Uint8Array(1);

/** What is done with what comes. */
type Reading =
  /** It is reported. */
  | "on"
  /** A read's worth is taken in, unreported, and then the end alone is looked for. */
  | "watching"
  /** It is left in the kernel. */
  | "off"
  /** It is thrown away: we have ended, and are about to close. */
  | "discarding";

/** Our end of the connection. */
type Writing =
  | "open"
  /** To be ended when what is pending has been written. */
  | "ending"
  | "ended";

/** What links of the same loop share. */
export interface LinkContext {
  readonly libc: Libc;
  readonly loop: EventLoop;
  readonly buffers: BufferPool;
  readonly pipes: PipePool;
}

/** A descriptor that becomes a link. */
export interface LinkOptions {
  readonly fd: number;
  readonly input: InputBuffer;
  /** What it is watched for already, by a source that the link takes the place of. */
  readonly watchedFor?: number;
  /** Whether a peer that has reset the connection wants nothing any more, so that it is ended with what was not read. @default {false} */
  readonly endsOnReset?: boolean;
  /** Called once, when the descriptor has been closed. */
  readonly onClosed?: () => void;
}

/** A connection that epoll watches. */
export class EpollLink implements Link, SplicingLink, Source {
  readonly input: InputBuffer;
  readonly splicing: SplicingLink = this;
  handler: LinkHandler = NOBODY;
  unseen = 0;

  readonly #context: LinkContext;
  readonly #fd: number;
  readonly #interest: Interest;
  readonly #output: Output;
  readonly #endsOnReset: boolean;
  readonly #onClosed: (() => void) | undefined;
  #reading: Reading = "off";
  #writing: Writing = "open";
  #ended = false;
  #failed = false;
  #closed = false;
  /** What has come unseen. */
  #piped: Pipe | null = null;
  /** While it is finishing. */
  #linger: LingeringClose | null = null;

  /** Takes a connected, non-blocking socket over. */
  constructor(context: LinkContext, options: LinkOptions) {
    this.#context = context;
    this.#fd = options.fd;
    this.#output = new Output(context.libc, context.buffers, options.fd);
    this.input = options.input;
    const { loop } = context;
    this.#interest = new Interest(loop, options.fd, options.watchedFor);
    this.#endsOnReset = options.endsOnReset ?? false;
    this.#onClosed = options.onClosed;
    if (options.watchedFor === undefined) loop.attach(this.#fd, this);
    else loop.replace(this.#fd, this);
  }

  get ended(): boolean {
    return this.#ended || this.closed;
  }

  get failed(): boolean {
    return this.#failed;
  }

  get closed(): boolean {
    return this.#closed || this.#linger !== null;
  }

  resume(): void {
    this.#read("on");
  }

  pause(): void {
    if (!this.closed) this.#reading = "off";
  }

  // To be told of what comes costs nothing where it was being told before, so
  // that it makes no difference for how long.
  watch(_brief: boolean): void {
    this.#read("watching");
  }

  write(
    bytes: Uint8Array,
    owned: Uint8Array<ArrayBuffer> | null,
    length: number = bytes.length,
  ): WriteResult {
    if (this.closed || this.#writing !== "open" || this.#output.pending) {
      if (owned !== null) this.#context.buffers.release(owned);
      return "failed";
    }
    return this.#begun(this.#output.write(bytes, owned, length));
  }

  takePiped(): PipedContent | null {
    const piped = this.#piped;
    this.#piped = null;
    return piped;
  }

  writePiped(content: PipedContent): WriteResult {
    // The same transport has filled it.
    const pipe = content as Pipe;
    if (this.closed || this.#writing !== "open" || this.#output.pending) {
      pipe.release();
      return "failed";
    }
    return this.#begun(this.#output.writePipe(pipe));
  }

  taken(): number {
    return this.#closed ? 0 : this.#output.taken();
  }

  acknowledge(): void {
    if (this.#closed) return;
    const { IPPROTO_TCP, TCP_QUICKACK } = SO;
    const { call } = this.#context.libc;
    // No option of a Unix socket, which delays nothing.
    call.setsockopt(this.#fd, IPPROTO_TCP, TCP_QUICKACK, ONE, ONE.byteLength);
  }

  endWrite(): void {
    if (this.#closed || this.#writing !== "open") return;
    if (this.#output.pending) this.#writing = "ending";
    else this.#shutdown();
  }

  finish(): void {
    if (this.closed) return;
    this.handler = NOBODY;
    if (this.#failed || (this.#ended && !this.#output.pending)) {
      return this.close();
    }
    this.endWrite();
    this.#reading = "discarding";
    this.input.release();
    const { loop } = this.#context;
    this.#linger = new LingeringClose(loop, () => this.close());
    if (!this.#ended) this.#want(EPOLL.IN);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#linger?.cancel();
    this.handler = NOBODY;
    this.#output.drop();
    this.takePiped()?.release();
    this.input.release();
    this.#context.loop.detach(this.#fd);
    this.#context.libc.call.close(this.#fd);
    this.#onClosed?.();
  }

  cut(): void {
    if (this.#closed) return;
    const { call } = this.#context.libc;
    const { SOL_SOCKET, LINGER } = SO;
    call.setsockopt(this.#fd, SOL_SOCKET, LINGER, RESET, RESET.byteLength);
    this.close();
  }

  /** For the loop alone. */
  abort(): void {
    this.close();
  }

  /** For the loop alone: the descriptor is ready. */
  onReady(events: number): void {
    const broken = (events & (EPOLL.ERR | EPOLL.HUP)) !== 0;
    if (this.#output.pending && (broken || (events & EPOLL.OUT) !== 0)) {
      this.#flush();
    }
    if (this.#closed) return;
    if (!this.#ended && (broken || (events & EPOLL.IN) !== 0)) {
      this.#receive(broken, (events & EPOLL.ERR) !== 0);
    }
    if (this.#closed) return;
    this.#settle(events);
  }

  /** Has what comes reported, or taken in; nothing is known of the link but what is in its input. */
  #read(reading: "on" | "watching"): void {
    if (this.closed || this.#ended) return;
    this.#reading = reading;
    if (this.input.available === 0) this.input.release();
    this.#want(EPOLL.IN);
  }

  /** A write has begun. */
  #begun(result: WriteResult): WriteResult {
    if (result === "pending") this.#want(EPOLL.OUT);
    else if (result === "failed") this.#failed = true;
    return result;
  }

  #receive(broken: boolean, reset: boolean): void {
    switch (this.#reading) {
      case "on":
      case "watching":
        return this.#receiveInput(this.#reading, broken);
      case "discarding":
        return this.#discard();
      case "off":
        if (reset && this.#endsOnReset) this.#noteEnd(ERRNO.ECONNRESET);
        // What cannot be read now is read later, and the end after it.
        else if (broken) this.#peek();
    }
  }

  #receiveInput(reading: "on" | "watching", broken: boolean): void {
    const { input } = this;
    // Only a read says what it broke of: a splice takes the error with it.
    const unseen = this.unseen > 0 && reading === "on" && !broken;
    if (unseen && this.#receiveUnseen()) return;
    // What waits to be consumed is not moved: it may be being written from there.
    if (
      this.#piped !== null || reading === "watching" && input.available > 0
    ) {
      this.#reading = "off";
      return;
    }
    const room = input.room();
    // Full: until somebody has made room, and resumes.
    if (room.length === 0) {
      this.#reading = "off";
      return;
    }
    const { libc } = this.#context;
    const count = libc.call.recv(this.#fd, room, room.length, MSG.DONTWAIT);
    if (count > 0) {
      this.unseen = 0;
      input.received(count);
      if (reading === "watching") this.#reading = "off";
      else this.handler.onData(this);
    } else this.#noteEnd(count === 0 ? 0 : libc.errno());
    // An idle connection has no buffer.
    if (this.#reading !== "off" && input.available === 0) input.release();
  }

  /** Takes in what need not be seen, or the break of the connection; returns whether either can be had so. */
  #receiveUnseen(): boolean {
    const pipe = this.input.available === 0 ? this.#context.pipes.take() : null;
    if (pipe === null) return false;
    const count = pipe.fill(this.#fd, this.unseen);
    if (count <= 0) {
      const errno = count === 0 ? 0 : this.#context.libc.errno();
      pipe.release();
      // A read says why, and gets past urgent data, where a splice does not.
      if (!isBroken(errno)) return false;
      // The error has been taken: a read would bring an end in order.
      this.#noteEnd(errno);
      return true;
    }
    this.unseen = 0;
    this.#piped = pipe;
    this.handler.onData(this);
    return true;
  }

  #peek(): void {
    const { libc } = this.#context;
    const flags = MSG.PEEK | MSG.DONTWAIT;
    const count = libc.call.recv(this.#fd, PEEKED, PEEKED.length, flags);
    if (count <= 0) this.#noteEnd(count === 0 ? 0 : libc.errno());
  }

  #discard(): void {
    const { libc } = this.#context;
    const { length } = DISCARDED;
    const count = libc.call.recv(this.#fd, DISCARDED, length, MSG.DONTWAIT);
    this.#linger?.noteProgress();
    if (count > 0 || (count < 0 && isTransient(libc.errno()))) return;
    this.#ended = true;
    if (count < 0 || !this.#output.pending) this.close();
  }

  /** A read has brought the end, or nothing. */
  #noteEnd(errno: number): void {
    if (errno !== 0 && isTransient(errno)) return;
    if (errno !== 0) this.#failed = true;
    this.#ended = true;
    this.handler.onEnd(this);
  }

  #flush(): void {
    const result = this.#output.flush();
    this.#linger?.noteProgress();
    if (result === "pending") return;
    if (result === "failed") this.#failed = true;
    else if (this.#writing === "ending") this.#shutdown();
    if (this.#linger !== null && (this.#failed || this.#ended)) this.close();
    else this.handler.onWritten(this, result === "written");
  }

  #shutdown(): void {
    this.#writing = "ended";
    this.#context.libc.call.shutdown(this.#fd, SHUT_WR);
  }

  /** Has the kernel watch for `events` beside what it does. */
  #want(events: number): void {
    if (this.#interest.want(events)) return;
    // The kernel has no memory for it. Nobody is called during this call.
    this.#context.loop.atTurnEnd(() => {
      if (this.#closed || this.#ended) return;
      this.#failed = this.#ended = true;
      if (this.closed) this.close();
      else this.handler.onEnd(this);
    });
  }

  /** Takes interest off that an event has shown nobody to have. */
  #settle(events: number): void {
    const wanted = (this.#reading === "off" || this.#ended ? 0 : EPOLL.IN) |
      (this.#output.pending ? EPOLL.OUT : 0);
    this.#interest.settle(events, wanted);
  }
}
