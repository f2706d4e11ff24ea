/**
 * TLS on a connection that has been accepted, and whose first octets have been
 * read: a client that does not speak TLS can still be told so.
 *
 * The certificate is that of the moment; a new one does not touch the
 * connections that are.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { type SecureContext, TLSSocket } from "node:tls";
import { SMALL_BUFFER_BYTES } from "../proxy/core/buffer_pool.ts";
import type { BufferPool } from "../proxy/core/buffer_pool.ts";
import { InputBuffer } from "../proxy/core/input_buffer.ts";
import {
  type Link,
  type LinkHandler,
  NOBODY,
  type WriteResult,
} from "../proxy/core/link.ts";

/** What is spoken, the favourite first: `curl --http1.0` offers the other alone. */
const PROTOCOLS = ["http/1.1", "http/1.0"] as const;

/** Read from the network at once: a TLS record and its frame, and more. */
const READ_BYTES = 32_768;

/** How long the closing alert may take before the connection is closed without it. */
const FINISH_TIMEOUT_MS = 2_000;

/** The server's side of a TLS connection. */
export class TlsLink implements Link {
  readonly input: InputBuffer;
  readonly splicing = null;
  handler: LinkHandler = NOBODY;
  ended = false;
  failed = false;
  closed = false;

  readonly #buffers: BufferPool;
  readonly #tls: TLSSocket;
  readonly #stream: LinkStream;
  #wanted: "more" | "end" | "nothing" = "nothing";
  /** What was decrypted and did not fit. */
  #rest: Uint8Array | null = null;
  #peerEnded = false;
  #broken = false;
  /** Gives back what the write under way was handed; `null` while there is none. */
  #onWriteOver: ((written: boolean) => void) | null = null;
  #finishing: ReturnType<typeof setTimeout> | undefined;

  /** Puts TLS on `link`; what is in its input is the beginning of it. */
  constructor(link: Link, buffers: BufferPool, context: SecureContext) {
    this.#buffers = buffers;
    this.input = new InputBuffer(buffers, SMALL_BUFFER_BYTES);
    const stream = this.#stream = new LinkStream(link);
    this.#tls = new TLSSocket(stream, {
      isServer: true,
      secureContext: context,
      ALPNProtocols: [...PROTOCOLS],
    });
    // Who has ended its side may still read its response.
    this.#tls.allowHalfOpen = true;
    // `node:tls` does not always say so when the connection beneath breaks.
    stream.on("error", () => this.#break());
    this.#tls.on("readable", () => this.#deliver());
    this.#tls.on("end", () => {
      this.#peerEnded = true;
      this.#deliver();
    });
    this.#tls.on("close", () => this.#break());
    // A record that cannot be decrypted is an error only during the handshake.
    for (const event of ["error", "_tlsError"]) {
      // Not at once: it tells the peer what is wrong after it has told us.
      this.#tls.on(event, () => setTimeout(() => this.#break(), 0));
    }
  }

  resume(_inTurn: boolean): void {
    this.#want("more");
  }

  pause(): void {
    this.#want("nothing");
  }

  watch(_brief: boolean): void {
    this.#want("end");
  }

  write(
    bytes: Uint8Array,
    owned: Uint8Array<ArrayBuffer> | null,
    length: number = bytes.length,
  ): WriteResult {
    if (this.#broken) {
      if (owned !== null) this.#buffers.release(owned);
      return "failed";
    }
    const over = (written: boolean): void => {
      // On a broken connection `node:tls` may say so, or may not.
      if (this.#onWriteOver !== over) return;
      this.#onWriteOver = null;
      if (owned !== null && written) this.#buffers.release(owned);
      if (!this.closed) this.handler.onWritten(this, written);
    };
    this.#onWriteOver = over;
    this.#tls.write(bytes.subarray(0, length), (error) => over(!error));
    return "pending";
  }

  acknowledge(): void {}

  taken(): number {
    return this.#stream.taken();
  }

  endWrite(): void {
    if (!this.#broken) this.#tls.end();
  }

  /** Sends the closing alert first: an end without it is a cut (RFC 8446 §6.1). */
  finish(): void {
    if (this.closed) return;
    if (this.#broken) return this.close();
    this.closed = this.ended = true;
    this.#want("nothing");
    this.handler = NOBODY;
    this.#finishing = setTimeout(() => this.#destroy(), FINISH_TIMEOUT_MS);
    this.#tls.end(() => this.#destroy());
  }

  // Without an alert that it is the end.
  cut(): void {
    this.close();
  }

  close(): void {
    if (this.closed) return;
    this.closed = this.ended = true;
    this.#destroy();
  }

  #destroy(): void {
    clearTimeout(this.#finishing);
    this.handler = NOBODY;
    this.#wanted = "nothing";
    this.#broken = true;
    this.#onWriteOver = null;
    this.#tls.destroy();
    this.#stream.close();
    this.input.release();
  }

  #want(wanted: "more" | "end" | "nothing"): void {
    this.#wanted = wanted;
    this.#stream.wanted = wanted !== "nothing";
    // Not during the call.
    if (wanted !== "nothing") queueMicrotask(() => this.#deliver());
  }

  /** Passes on what has been decrypted, or the end, to whoever wants it. */
  #deliver(): void {
    while (!this.ended && this.#wanted !== "nothing") {
      if (this.#wanted === "end" && this.input.available > 0) return;
      const chunk = this.#rest ?? this.#tls.read() as Uint8Array | null;
      if (chunk === null) {
        if (this.#peerEnded || this.#broken) this.#end();
        return;
      }
      const room = this.input.room();
      const count = Math.min(chunk.length, room.length);
      room.set(chunk.subarray(0, count));
      this.#rest = count < chunk.length ? chunk.subarray(count) : null;
      this.input.received(count);
      if (this.#wanted === "more") this.handler.onData(this);
    }
  }

  #end(): void {
    this.ended = true;
    this.failed = !this.#peerEnded;
    this.handler.onEnd(this);
  }

  #break(): void {
    if (this.#broken) return;
    this.#broken = true;
    if (this.closed) return this.#destroy();
    this.#onWriteOver?.(false);
    this.#deliver();
  }
}

/**
 * A link as the stream that `node:tls` works on. It reads only while more is
 * wanted: `node:tls` would read ahead without end.
 */
class LinkStream extends Duplex implements LinkHandler {
  readonly #link: Link;
  #wanted = false;
  #asked = false;
  /** Whether the first octets have been handed on. */
  #begun = false;
  #onWritten: ((error?: Error) => void) | null = null;

  constructor(link: Link) {
    super({ allowHalfOpen: true });
    this.#link = link;
    link.handler = this;
    link.input.grow(READ_BYTES);
  }

  /** Whether somebody waits for what comes. */
  set wanted(wanted: boolean) {
    this.#wanted = wanted;
    if (wanted && this.#asked) this.#readMore();
  }

  /** Octets of records that the peer has taken. */
  taken(): number {
    return this.#link.taken();
  }

  /** Closes the connection. */
  close(): void {
    super.destroy();
    this.#link.close();
  }

  // `node:tls` does so when a handshake has failed, and only then writes the
  // alert that says why. Whoever has the connection closes it.
  override destroy(error?: Error): this {
    return error === undefined ? this : super.destroy(error);
  }

  onData(): void {
    this.#link.pause();
    this.#push();
  }

  onEnd(link: Link): void {
    if (link.failed) this.destroy(new Error("The connection broke"));
    else this.push(null);
  }

  onWritten(_link: Link, written: boolean): void {
    const callback = this.#onWritten;
    this.#onWritten = null;
    callback?.(written ? undefined : new Error("The peer takes no more"));
  }

  override _read(): void {
    this.#asked = true;
    if (this.#wanted) this.#readMore();
  }

  #readMore(): void {
    this.#asked = false;
    if (!this.#begun) {
      this.#begun = true;
      // Not at once: `node:tls` is not ready for a handshake that fails
      // before it has begun, and would bring the process down.
      setTimeout(() => this.#push(), 0);
    } else if (this.#link.ended) this.push(null);
    else this.#link.resume(false);
  }

  #push(): void {
    const { input } = this.#link;
    if (this.destroyed || input.available === 0) return;
    const octets = Buffer.from(input.bytes.slice(input.start, input.end));
    input.start = input.end;
    this.push(octets);
  }

  override _write(
    chunk: Uint8Array,
    _encoding: string,
    callback: (error?: Error) => void,
  ): void {
    this.#onWritten = callback;
    const result = this.#link.write(chunk, null);
    if (result !== "pending") this.onWritten(this.#link, result === "written");
  }

  override _final(callback: (error?: Error) => void): void {
    this.#link.endWrite();
    callback();
  }
}
