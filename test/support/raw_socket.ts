/**
 * A TCP connection as a pair of plain byte operations: read, write, half
 * close, reset. Knows nothing of HTTP.
 *
 * On `node:net` because `Deno.TcpConn` cannot send a reset at will.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import net from "node:net";

/** Where to connect. */
export interface SocketAddress {
  readonly port: number;
  /** @default {"127.0.0.1"} */
  readonly hostname?: string;
}

/** One TCP connection. Reads only when asked to, so that a test can leave bytes lying. */
export class RawSocket implements AsyncDisposable {
  readonly #socket: net.Socket;
  readonly #closed: Promise<void>;
  readonly #chunks: Uint8Array[] = [];
  #ended = false;
  #error: Error | null = null;
  #wake: () => void = () => {};

  /** Takes over a socket that is paused. */
  constructor(socket: net.Socket) {
    this.#socket = socket;
    // Every write goes out by itself: tests rely on how bytes are split.
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      socket.pause();
      this.#chunks.push(new Uint8Array(chunk));
      this.#wake();
    });
    socket.on("end", () => {
      this.#ended = true;
      this.#wake();
    });
    socket.on("error", (error: Error) => {
      this.#error = error;
      this.#wake();
    });
    this.#closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#ended = true;
        this.#wake();
        resolve();
      });
    });
  }

  /** Connects to `address`. */
  static connect(address: SocketAddress): Promise<RawSocket> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({
        port: address.port,
        host: address.hostname ?? "127.0.0.1",
        allowHalfOpen: true,
      });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        socket.pause();
        resolve(new RawSocket(socket));
      });
    });
  }

  /** Our own port of the connection. */
  get localPort(): number {
    return this.#socket.localPort ?? 0;
  }

  /**
   * The next bytes, or `null` when the peer has closed its side.
   *
   * @throws {Error} with the code `ECONNRESET` when the peer has reset the connection.
   */
  async read(): Promise<Uint8Array | null> {
    while (true) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) return chunk;
      if (this.#error !== null) throw this.#error;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#socket.resume();
      });
    }
  }

  /** Sends bytes; resolves when the kernel has taken them all. */
  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(
        bytes,
        (error) => error ? reject(error) : resolve(),
      );
      // A reset that a read has met is not always told to who writes.
      this.#closed.then(() =>
        reject(this.#error ?? new Deno.errors.ConnectionReset("closed"))
      );
    });
  }

  /** Closes our sending side; reading goes on. */
  closeWrite(): Promise<void> {
    return new Promise((resolve) => this.#socket.end(() => resolve()));
  }

  /** Closes with a reset: the peer's next read or write fails. */
  async reset(): Promise<void> {
    this.#socket.resetAndDestroy();
    await this.#closed;
  }

  /** Closes both sides. May be called again. */
  async close(): Promise<void> {
    this.#socket.destroy();
    await this.#closed;
  }

  /** As {@linkcode RawSocket.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Error codes of a connection that the peer has torn down, seen in reading or in writing. */
const RESET_CODES: ReadonlySet<unknown> = new Set([
  "ECONNRESET",
  "EPIPE",
  // What a write meets when the reset was noticed before it.
  "ERR_STREAM_DESTROYED",
  // What a write meets that was under way when a read found the reset.
  "ECANCELED",
]);

/** Whether an error says that the peer has torn down the connection. */
export function isReset(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset ||
    error instanceof Error && "code" in error && RESET_CODES.has(error.code);
}

/**
 * Bytes of a string, one for each character.
 *
 * @throws {RangeError} for characters above U+00FF: pass the encoded bytes instead.
 */
export function toBytes(data: string | Uint8Array): Uint8Array {
  if (typeof data !== "string") return data;
  const beyond = /[^\0-\xff]/u.exec(data)?.[0];
  if (beyond !== undefined) {
    throw new RangeError(`Cannot send "${beyond}": it is not one byte`);
  }
  return new Uint8Array(Buffer.from(data, "latin1"));
}

/** The string whose characters are the bytes: the inverse of {@linkcode toBytes}. */
export function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString("latin1");
}

/** All parts in one piece. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
