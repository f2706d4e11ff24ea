/**
 * A link over a connection of Deno's: a read or a write under way is a promise
 * of the runtime.
 *
 * A read can be left pending while nobody wants more. That is how an idle
 * worker connection is seen to end before it is used, and how a client is seen
 * to go while its response is being made.
 *
 * @module
 */

import { InputBuffer } from "../../proxy/core/input_buffer.ts";
import type { BufferPool } from "../../proxy/core/buffer_pool.ts";
import {
  type Link,
  type LinkHandler,
  NOBODY,
  type WriteResult,
} from "../../proxy/core/link.ts";
import type { BriefWatches } from "./brief_watches.ts";
import type { ReadScheduler } from "./read_scheduler.ts";
import type { Turn } from "./turn.ts";

/** What a link needs of a connection. TCP and unix connections of Deno have it by their shape. */
export interface DenoConnection {
  /** Reads into `buffer`; resolves to how many octets, or to `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of `bytes`; resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Says that no more will be written. */
  closeWrite(): Promise<void>;
  /** Ends both ways at once. Operations under way reject. */
  close(): void;
}

/** What the links of a data plane share. */
export interface LinkSurroundings {
  readonly buffers: BufferPool;
  readonly scheduler: ReadScheduler;
  readonly watches: BriefWatches;
  readonly turn: Turn;
}

/** Drives one connection. */
export class DenoLink implements Link {
  readonly input: InputBuffer;
  readonly splicing = null;
  handler: LinkHandler = NOBODY;
  ended = false;
  failed = false;
  closed = false;

  readonly #connection: DenoConnection;
  readonly #surroundings: LinkSurroundings;
  #wanted: "more" | "end" | "nothing" = "nothing";
  #writing = false;
  /** Octets that the kernel has taken. */
  #taken = 0;
  #endsAfterWrite = false;

  /** Takes `connection` over; each read may bring as much as a buffer of `bufferBytes` holds. */
  constructor(
    connection: DenoConnection,
    surroundings: LinkSurroundings,
    bufferBytes: number,
  ) {
    this.#connection = connection;
    this.#surroundings = surroundings;
    this.input = new InputBuffer(surroundings.buffers, bufferBytes);
  }

  resume(inTurn: boolean): void {
    this.#wanted = "more";
    // The read under way brings it.
    if (this.input.locked) return;
    const { scheduler, turn } = this.#surroundings;
    if (inTurn && scheduler.crowded) scheduler.enqueue(this);
    else turn.read(this);
  }

  pause(): void {
    this.#wanted = "nothing";
  }

  watch(brief: boolean): void {
    this.#wanted = "end";
    const { scheduler, watches } = this.#surroundings;
    // To interrupt a read costs as much as half a request.
    if (brief || scheduler.crowded) watches.add(this);
    else this.read();
  }

  /** Begins to watch, where that is still all that is wanted. */
  look(): void {
    if (this.#wanted === "end") this.read();
  }

  /** Begins to read, where somebody wants it and nobody does. For those who have put it off. */
  read(): void {
    if (this.ended || this.input.locked || this.#wanted === "nothing") return;
    // What waits to be consumed may have to be moved or written from there.
    if (this.#wanted === "end" && this.input.available > 0) return;
    const room = this.input.room();
    this.input.locked = true;
    this.#connection.read(room).then(this.#onRead, this.#onReadError);
  }

  write(
    bytes: Uint8Array,
    owned: Uint8Array<ArrayBuffer> | null,
    length: number = bytes.length,
  ): WriteResult {
    this.#writing = true;
    this.#writeAll(bytes.subarray(0, length), owned);
    return "pending";
  }

  // The runtime has no way to say so.
  acknowledge(): void {}

  // The runtime does not say what of it the kernel still has.
  taken(): number {
    return this.#taken;
  }

  endWrite(): void {
    if (this.#writing) this.#endsAfterWrite = true;
    // Whoever is gone already need not be told.
    else this.#connection.closeWrite().catch(() => {});
  }

  finish(): void {
    this.close();
  }

  // The runtime has no reset.
  cut(): void {
    this.close();
  }

  close(): void {
    if (this.closed) return;
    this.closed = this.ended = true;
    this.handler = NOBODY;
    this.#wanted = "nothing";
    // Makes the read under way fail, after which the buffer is given back.
    this.#connection.close();
    if (!this.input.locked) this.input.release();
  }

  readonly #onRead = (count: number | null): void => {
    this.input.locked = false;
    if (count === null || this.closed) return this.#onEnd();
    this.input.received(count);
    if (this.#wanted !== "more") return;
    this.handler.onData(this);
    // The handler may have paused it, or closed it.
    if ((this.#wanted as string) === "more") this.#surroundings.turn.read(this);
  };

  readonly #onReadError = (): void => {
    this.input.locked = false;
    this.failed = true;
    this.#onEnd();
  };

  #onEnd(): void {
    if (this.closed) return this.input.release();
    this.ended = true;
    if (this.input.available === 0) this.input.release();
    this.handler.onEnd(this);
  }

  async #writeAll(
    bytes: Uint8Array,
    owned: Uint8Array<ArrayBuffer> | null,
  ): Promise<void> {
    let isWritten = false;
    try {
      for (let at = 0; at < bytes.length;) {
        const rest = at === 0 ? bytes : bytes.subarray(at);
        const count = await this.#connection.write(rest);
        at += count;
        this.#taken += count;
      }
      isWritten = true;
    } catch {
      // Whatever it was (broken pipe, reset, closed by us), it is not written.
    }
    this.#writing = false;
    if (owned !== null) this.#surroundings.buffers.release(owned);
    if (this.closed) return;
    if (this.#endsAfterWrite) this.endWrite();
    this.handler.onWritten(this, isWritten);
  }
}
