/**
 * Pipes of the kernel's, through which content goes from one socket to another
 * without being copied into this process (splice(2)).
 *
 * A pipe is held only while there is something in it, as a buffer is.
 *
 * @module
 */

import { LARGE_BUFFER_BYTES } from "../../proxy/core/buffer_pool.ts";
import type { PipedContent } from "../../proxy/core/link.ts";
import { F_SETPIPE_SZ, PIPE_FLAGS, SPLICE } from "./abi.ts";
import type { EventLoop, Source } from "./event_loop.ts";
import type { Libc } from "./libc.ts";

/** Pipes at once: whoever finds none has its content copied. */
const MOST_PIPES = 64;

/** Empty pipes that are kept for the next. */
const KEPT_PIPES = 8;

/** For how long they are kept unused, in milliseconds. */
const UNUSED_MS = 1_000;

/** Neither a pipe nor a socket has a place to begin at. */
const NO_OFFSET = 0;

const FLAGS = SPLICE.MOVE | SPLICE.NONBLOCK;

/** What pipes are made with. */
export interface PipeContext {
  readonly libc: Libc;
  readonly loop: EventLoop;
}

/** A pipe, and what is in it. A source of its loop only so that it is closed with it. */
export class Pipe implements PipedContent, Source {
  /** Octets in it. */
  length = 0;

  readonly #context: PipeContext;
  readonly #onReleased: (pipe: Pipe) => void;
  readonly #readEnd: number;
  readonly #writeEnd: number;
  #closed = false;

  /** Takes over both ends. */
  constructor(
    context: PipeContext,
    [readEnd, writeEnd]: readonly [number, number],
    onReleased: (pipe: Pipe) => void,
  ) {
    this.#context = context;
    this.#readEnd = readEnd;
    this.#writeEnd = writeEnd;
    this.#onReleased = onReleased;
    context.loop.attach(readEnd, this);
    context.loop.attach(writeEnd, this);
  }

  /** Takes up to `most` octets from a socket; returns what `recv` would. */
  fill(fd: number, most: number): number {
    const { splice } = this.#context.libc.call;
    const length = Math.min(most, LARGE_BUFFER_BYTES);
    const count = splice(
      fd,
      NO_OFFSET,
      this.#writeEnd,
      NO_OFFSET,
      length,
      FLAGS,
    );
    if (count > 0) this.length += count;
    return count;
  }

  /** Gives what is in it to a socket; returns what `send` would. */
  drainTo(fd: number): number {
    const { splice } = this.#context.libc.call;
    const { length } = this;
    const count = splice(
      this.#readEnd,
      NO_OFFSET,
      fd,
      NO_OFFSET,
      length,
      FLAGS,
    );
    if (count > 0) this.length -= count;
    return count;
  }

  release(): void {
    this.#onReleased(this);
  }

  /** Gives both ends back. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { loop, libc } = this.#context;
    for (const end of [this.#readEnd, this.#writeEnd]) {
      loop.detach(end);
      libc.call.close(end);
    }
  }

  /** For the loop alone. */
  abort(): void {
    this.close();
  }

  /** For the loop alone: nothing is waited for. */
  onReady(): void {}
}

/** Hands out pipes and takes them back. */
export class PipePool {
  readonly #context: PipeContext;
  readonly #free: Pipe[] = [];
  readonly #ends = new Int32Array(2);
  #open = 0;
  #usedAt = 0;

  /** Begins without a pipe. */
  constructor(context: PipeContext) {
    this.#context = context;
  }

  /** An empty pipe; `null` where there are enough, or no descriptors left. */
  take(): Pipe | null {
    return this.#free.pop() ?? this.#create();
  }

  /** Closes those that nobody has used of late. */
  sweep(now: number): void {
    if (now - this.#usedAt < UNUSED_MS) return;
    for (const pipe of this.#free.splice(0)) this.#close(pipe);
  }

  #create(): Pipe | null {
    const { call } = this.#context.libc;
    if (this.#open >= MOST_PIPES) return null;
    if (call.pipe2(this.#ends, PIPE_FLAGS) < 0) return null;
    const [readEnd, writeEnd] = this.#ends as unknown as [number, number];
    // A user who has many already gets a smaller one, which takes more calls.
    call.fcntl(writeEnd, F_SETPIPE_SZ, LARGE_BUFFER_BYTES);
    this.#open++;
    return new Pipe(this.#context, [readEnd, writeEnd], (pipe) => {
      this.#takeBack(pipe);
    });
  }

  /** One with something in it is closed: that was for one connection alone. */
  #takeBack(pipe: Pipe): void {
    this.#usedAt = this.#context.loop.now();
    if (pipe.length === 0 && this.#free.length < KEPT_PIPES) {
      this.#free.push(pipe);
    } else this.#close(pipe);
  }

  #close(pipe: Pipe): void {
    this.#open--;
    pipe.close();
  }
}
