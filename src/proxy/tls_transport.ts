/**
 * TLS on a connection that has been accepted, and whose first bytes have been
 * read: those of a client that does not speak TLS can still be answered.
 *
 * The certificate is that of the moment; a new one does not touch the
 * connections that are.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { type SecureContext, TLSSocket } from "node:tls";
import type { Transport } from "./transport.ts";

/** Octets read from the network at once: a TLS record and its frame. */
const READ_BYTES = 16_640;

/** The server's side of a TLS connection. */
export class TlsTransport implements Transport {
  /** An end without its alert is a cut (RFC 8446 §6.1). */
  readonly announcesEnd = true;

  readonly #tls: TLSSocket;
  readonly #stream: TransportStream;
  readonly #transport: Transport;
  #rest: Uint8Array | null = null;
  #ended = false;
  #error: Error | null = null;
  #wake: (() => void) | null = null;

  /** Puts TLS on `transport`, from which `first` has been read already. */
  constructor(transport: Transport, first: Uint8Array, context: SecureContext) {
    this.#transport = transport;
    const stream = this.#stream = new TransportStream(transport, first);
    this.#tls = new TLSSocket(stream, {
      isServer: true,
      secureContext: context,
      ALPNProtocols: ["http/1.1"],
    });
    // Who has ended its side may still read its answer.
    this.#tls.allowHalfOpen = true;
    // `node:tls` does not always say so when the connection beneath breaks.
    stream.on("error", (error) => this.#fail(error));
    this.#tls.on("readable", () => this.#wake?.());
    this.#tls.on("end", () => this.#end());
    this.#tls.on("close", () => this.#fail(new Error("The connection ended")));
    this.#tls.on("error", (error) => this.#fail(error));
  }

  /** Reads what has been decrypted. */
  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      const chunk = this.#rest ?? this.#tls.read() as Uint8Array | null;
      if (chunk !== null) {
        const count = Math.min(chunk.length, buffer.length);
        buffer.set(chunk.subarray(0, count));
        this.#rest = count < chunk.length ? chunk.subarray(count) : null;
        return count;
      }
      if (this.#ended) return null;
      if (this.#error !== null) throw this.#error;
      this.#stream.wanted = true;
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#stream.wanted = false;
      this.#wake = null;
    }
  }

  /** Encrypts and writes all of `bytes`. */
  async write(bytes: Uint8Array): Promise<number> {
    await this.#settled((done) => this.#tls.write(bytes, done));
    return bytes.length;
  }

  /** Sends the closing alert. */
  closeWrite(): Promise<void> {
    return this.#settled((done) => this.#tls.end(done));
  }

  /** Closes the connection beneath. */
  close(): void {
    this.#fail(new Deno.errors.Interrupted("The connection was closed"));
    this.#tls.destroy();
    this.#transport.close();
  }

  /** Begins something that calls `done` when it is done; on a broken connection `node:tls` would not. */
  #settled(
    begin: (done: (error?: Error | null) => void) => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#error !== null) return reject(this.#error);
      begin((error) => error ? reject(error) : resolve());
    });
  }

  #end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  #fail(error: Error): void {
    this.#error ??= error;
    this.#wake?.();
  }
}

/**
 * A transport as the stream that `node:tls` works on. It reads only while more
 * is wanted: `node:tls` would read ahead without end.
 */
class TransportStream extends Duplex {
  readonly #transport: Transport;
  readonly #buffer = new Uint8Array(READ_BYTES);
  #first: Uint8Array | null;
  #wanted = false;
  #asked = false;

  constructor(transport: Transport, first: Uint8Array) {
    super({ allowHalfOpen: true });
    this.#transport = transport;
    this.#first = first;
  }

  /** Whether somebody waits for what comes. */
  set wanted(wanted: boolean) {
    this.#wanted = wanted;
    if (wanted && this.#asked) this.#readMore();
  }

  override _read(): void {
    this.#asked = true;
    if (this.#wanted) this.#readMore();
  }

  #readMore(): void {
    this.#asked = false;
    if (this.#first !== null) {
      const first = Buffer.from(this.#first);
      this.#first = null;
      // Not at once: `node:tls` is not ready for a handshake that fails
      // before it has begun, and would bring the process down.
      setTimeout(() => this.push(first), 0);
      return;
    }
    this.#transport.read(this.#buffer).then(
      (count) =>
        this.push(
          count === null ? null : Buffer.from(this.#buffer.subarray(0, count)),
        ),
      (error) => this.destroy(error),
    );
  }

  override _write(
    chunk: Uint8Array,
    _encoding: string,
    callback: (error?: Error) => void,
  ): void {
    this.#writeAll(chunk).then(() => callback(), callback);
  }

  override _final(callback: (error?: Error) => void): void {
    this.#transport.closeWrite().then(() => callback(), callback);
  }

  async #writeAll(chunk: Uint8Array): Promise<void> {
    let written = 0;
    while (written < chunk.length) {
      written += await this.#transport.write(chunk.subarray(written));
    }
  }
}
