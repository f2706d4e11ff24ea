/**
 * A link in memory, whose other end is a test: what the peer sends is taken
 * in, and what it is sent is taken off, only when the test says so.
 *
 * It keeps to what the port promises, and holds whoever uses it to the rest:
 * one write at a time, none after the end, the octets of a pending one left
 * alone, the input left alone while it is being read into.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  type BufferPool,
  TINY_BUFFER_BYTES,
} from "../../../src/proxy/core/buffer_pool.ts";
import { InputBuffer } from "../../../src/proxy/core/input_buffer.ts";
import {
  type Link,
  type LinkHandler,
  NOBODY,
  type WriteResult,
} from "../../../src/proxy/core/link.ts";
import { PoisonedPool } from "../poisoned_pool.ts";
import { toText } from "../raw_socket.ts";

/** How a link behaves. */
export interface ScriptedLinkOptions {
  /** Where its buffers come from. @default {a pool of its own} */
  readonly buffers?: BufferPool;
  /** Size of the input's first buffer. @default {TINY_BUFFER_BYTES} */
  readonly bufferBytes?: number;
  /**
   * Whether a read is begun at once and then completes, wanted or not, as with
   * `Deno.Conn`; else nothing is read before it is wanted, as with epoll.
   * @default {false}
   */
  readonly readsAhead?: boolean;
  /** Whether a write is complete when the call returns, where the peer takes it. @default {true} */
  readonly writesAtOnce?: boolean;
  /** Octets of a pending write that one step moves. @default {Infinity} */
  readonly partBytes?: number;
  /** Octets that the peer takes before it takes no more, for now. @default {Infinity} */
  readonly capacity?: number;
}

/** How our side ended, as the peer sees it. */
export type OutputEnd = "open" | "ended" | "reset";

/** What a link can do next. */
export type LinkStep = "read" | "write";

interface PendingWrite {
  readonly bytes: Uint8Array;
  /** What it was when it was handed over. */
  readonly original: Uint8Array;
  readonly owned: Uint8Array<ArrayBuffer> | null;
  at: number;
}

/** A read that has been begun: what it must find when it completes. */
interface PendingRead {
  readonly room: Uint8Array;
  readonly bytes: Uint8Array;
  readonly end: number;
}

/** One end of a connection. */
export class ScriptedLink implements Link {
  readonly input: InputBuffer;
  readonly splicing = null;
  handler: LinkHandler = NOBODY;
  ended = false;
  failed = false;
  closed = false;

  /** All that the peer has been sent, one character an octet. */
  output = "";
  /** Octets that the peer takes before it takes no more, for now. */
  capacity: number;
  /** Octets of a pending write that one step moves. */
  partBytes: number;
  /** Whether a write is complete when the call returns. */
  writesAtOnce: boolean;

  readonly #buffers: BufferPool;
  readonly #readsAhead: boolean;
  readonly #arrived: Uint8Array[] = [];
  #peer: "open" | "ended" | "reset" = "open";
  #wanted: "more" | "end" | "nothing" = "nothing";
  #deferred = false;
  #read: PendingRead | null = null;
  #write: PendingWrite | null = null;
  /** The write that was pending when the link was closed, where what it is from was not handed over. */
  #abandoned: PendingWrite | null = null;
  #end: OutputEnd = "open";
  #endsAfterWrite = false;
  #stepping = false;
  #finished = false;

  /** Creates a link that nothing has come from. */
  constructor(options: ScriptedLinkOptions = {}) {
    this.#buffers = options.buffers ?? new PoisonedPool();
    this.#readsAhead = options.readsAhead ?? false;
    this.writesAtOnce = options.writesAtOnce ?? true;
    this.partBytes = options.partBytes ?? Infinity;
    this.capacity = options.capacity ?? Infinity;
    const bufferBytes = options.bufferBytes ?? TINY_BUFFER_BYTES;
    this.input = new InputBuffer(this.#buffers, bufferBytes);
  }

  /** How our side has ended, as the peer sees it once it has read all output. */
  get outputEnd(): OutputEnd {
    return this.#end;
  }

  /** Octets that have arrived and have not been taken in. */
  get undelivered(): number {
    return this.#arrived.reduce((sum, { length }) => sum + length, 0);
  }

  /** Whether a write has not been completed. */
  get writing(): boolean {
    return this.#write !== null;
  }

  /**
   * What was being written, and was not handed over, when the link was closed:
   * whoever wrote it must leave it alone for good, as the kernel may still read
   * it.
   */
  get abandoned(): Uint8Array | null {
    const write = this.#abandoned;
    if (write === null) return null;
    assert.ok(
      equal(write.bytes, write.original),
      "octets given up have changed",
    );
    return write.bytes;
  }

  /** Whether the peer has ended its side, in whatever way. */
  get peerEnded(): boolean {
    return this.#peer !== "open";
  }

  // What the peer does.

  /** The peer has sent `bytes`; one read takes them, or what there is room for. */
  deliver(bytes: Uint8Array): void {
    assert.equal(this.#peer, "open", "a peer that has ended sends no more");
    if (bytes.length === 0) return;
    if (this.#finished) return;
    if (this.closed) this.#end = "reset";
    else this.#arrived.push(bytes.slice());
  }

  /** The peer has ended its side, in order. */
  deliverEnd(): void {
    if (this.#peer === "open") this.#peer = "ended";
  }

  /** The connection is broken: what has arrived is lost, and the peer takes no more. */
  reset(): void {
    this.#peer = "reset";
    this.#arrived.length = 0;
  }

  /** What can be done now. */
  get steps(): readonly LinkStep[] {
    const steps: LinkStep[] = [];
    if (this.#canRead) steps.push("read");
    if (this.#canWrite) steps.push("write");
    return steps;
  }

  /** Does what {@linkcode steps} has offered. */
  step(step: LinkStep): void {
    assert.ok(!this.#stepping, "a step within a step");
    this.#stepping = true;
    try {
      if (step === "read") this.#doRead();
      else this.#doWrite();
    } finally {
      this.#stepping = false;
    }
  }

  /** A while has passed: what was to be watched if it took one is watched. */
  beginBriefWatch(): void {
    if (!this.#deferred) return;
    this.#deferred = false;
    this.#begin();
  }

  // What the port asks for.

  resume(_inTurn = false): void {
    if (this.closed) return;
    assert.ok(!this.ended, "more is wanted where nothing will come");
    assert.ok(!this.input.full, "more is wanted, and there is no room for it");
    this.#want("more");
  }

  pause(): void {
    this.#wanted = "nothing";
  }

  watch(brief: boolean): void {
    if (this.closed) return;
    if (brief && this.#readsAhead) {
      this.#wanted = "end";
      this.#deferred = true;
    } else this.#want("end");
  }

  write(
    from: Uint8Array,
    owned: Uint8Array<ArrayBuffer> | null,
    length: number = from.length,
  ): WriteResult {
    const bytes = from.subarray(0, length);
    assert.ok(!this.closed, "written to after it was closed");
    assert.equal(this.#end, "open", "written to after its end");
    assert.ok(!this.#endsAfterWrite, "written to after its end");
    assert.equal(this.#write, null, "written to while a write is pending");
    if (this.writesAtOnce && this.#peer === "reset") {
      this.#giveBack(owned);
      return "failed";
    }
    if (this.writesAtOnce && bytes.length <= this.capacity) {
      this.#take(bytes);
      this.#giveBack(owned);
      return "written";
    }
    this.#write = { bytes, original: bytes.slice(), owned, at: 0 };
    return "pending";
  }

  acknowledge(): void {}

  taken(): number {
    return this.output.length;
  }

  endWrite(): void {
    if (this.closed || this.#end !== "open") return;
    if (this.#write !== null) this.#endsAfterWrite = true;
    else this.#end = "ended";
  }

  finish(): void {
    assert.equal(this.#write, null, "finished while a write is pending");
    // What has not been read is read, and dropped, so that nothing is lost.
    this.#arrived.length = 0;
    this.#finished = true;
    this.close();
  }

  cut(): void {
    this.close();
  }

  close(): void {
    if (this.closed) return;
    this.closed = this.ended = true;
    this.handler = NOBODY;
    this.#wanted = "nothing";
    const lost = this.#write !== null || this.#arrived.length > 0;
    if (lost) this.#end = "reset";
    else if (this.#end === "open") this.#end = "ended";
    if (this.#write !== null) this.#abandon(this.#write);
    if (this.#read === null) this.input.release();
  }

  #want(wanted: "more" | "end"): void {
    this.#wanted = wanted;
    this.#deferred = false;
    this.#begin();
  }

  /** Begins a read, where reads are begun before there is anything to read. */
  #begin(): void {
    if (this.ended || this.#wanted === "nothing") return;
    if (!this.#readsAhead) {
      if (this.input.available === 0) this.input.release();
      return;
    }
    if (this.#read !== null) return;
    if (this.#wanted === "end" && this.input.available > 0) return;
    const room = this.input.room();
    assert.ok(room.length > 0, "there is no room to read into");
    const { bytes, end } = this.input;
    this.#read = { room, bytes, end };
    this.input.locked = true;
  }

  get #canRead(): boolean {
    if (this.closed) return this.#read !== null;
    if (this.ended) return false;
    const something = this.#arrived.length > 0 || this.#peer !== "open";
    if (this.#readsAhead) return something && this.#read !== null;
    // A break is seen by whoever looks at the socket at all.
    if (this.#wanted === "nothing") return this.#peer === "reset";
    return something && (this.#wanted === "more" || !this.input.full);
  }

  #doRead(): void {
    const { input } = this;
    const read = this.#read;
    this.#read = null;
    input.locked = false;
    if (this.closed) return input.release();
    if (read !== null) {
      assert.equal(input.bytes, read.bytes, "the input was changed in a read");
      assert.equal(input.end, read.end, "the input was changed in a read");
    }
    const [arrived] = this.#arrived;
    if (arrived === undefined) return this.#seeEnd();
    const room = read?.room ?? input.room();
    assert.ok(room.length > 0, "there is no room to read into");
    const count = Math.min(room.length, arrived.length);
    room.set(arrived.subarray(0, count));
    if (count === arrived.length) this.#arrived.shift();
    else this.#arrived[0] = arrived.subarray(count);
    input.received(count);
    if (this.#wanted === "more") {
      this.handler.onData(this);
      // Whoever was told may have paused or closed it.
      if ((this.#wanted as string) === "more") this.#begin();
    } else if (!this.#readsAhead) this.#wanted = "nothing";
    this.#releaseUnused();
  }

  /** An idle connection needs no buffer, where nothing is read ahead. */
  #releaseUnused(): void {
    const idle = !this.#readsAhead && this.#wanted !== "nothing";
    if (idle && !this.closed && this.input.available === 0) {
      this.input.release();
    }
  }

  #seeEnd(): void {
    this.ended = true;
    this.failed = this.#peer === "reset";
    if (this.#readsAhead && this.input.available === 0) this.input.release();
    this.#releaseUnused();
    this.handler.onEnd(this);
  }

  get #canWrite(): boolean {
    if (this.#write === null) return false;
    if (this.#peer === "reset" || this.#write.bytes.length === 0) return true;
    return this.capacity > 0;
  }

  #doWrite(): void {
    const write = this.#write!;
    const { bytes, original, owned } = write;
    assert.ok(equal(bytes, original), "octets of a pending write have changed");
    const failed = this.#peer === "reset";
    if (!failed) {
      const most = Math.min(this.partBytes, this.capacity);
      const part = bytes.subarray(write.at, write.at + most);
      this.#take(part);
      write.at += part.length;
      if (write.at < bytes.length) return;
    }
    this.#write = null;
    this.#giveBack(owned);
    if (this.#endsAfterWrite) {
      this.#endsAfterWrite = false;
      this.#end = "ended";
    }
    this.handler.onWritten(this, !failed);
  }

  #take(bytes: Uint8Array): void {
    this.capacity -= bytes.length;
    this.output += toText(bytes);
  }

  #abandon(write: PendingWrite): void {
    this.#write = null;
    if (write.owned === null) this.#abandoned = write;
    else this.#giveBack(write.owned);
  }

  #giveBack(owned: Uint8Array<ArrayBuffer> | null): void {
    if (owned !== null) this.#buffers.release(owned);
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
