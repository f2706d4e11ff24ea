/**
 * The client of the load generators: one connection, one request at a time.
 *
 * It does what a browser does and no more: a connection that is known to have
 * been closed is not used again, but nothing is sent twice. What fails is told
 * apart by what had come of it.
 *
 * @module
 */

import { ByteReader } from "../../test/support/byte_reader.ts";
import {
  type RawResponse,
  readResponse,
} from "../../test/support/http_message.ts";

/** How a request can fail. */
export const FAILURES = [
  /** Nobody listens. */
  "refused",
  /** A connection that had been used before ended before a byte of the answer. */
  "stale",
  /** A new connection ended before a byte of the answer. */
  "reset",
  /** The answer ended early. */
  "cut",
  /** No whole answer in time. */
  "timeout",
] as const;

/** How a request failed. */
export type Failure = typeof FAILURES[number];

/** An answer, whatever its status, or how there came to be none. */
export type Outcome = RawResponse | Failure;

/** Where to ask, and how long to wait. */
export interface HttpClientOptions {
  readonly port: number;
  /** Longest wait for a whole answer. */
  readonly deadlineMs: number;
}

/** Answers of the benchmarks fit in one read, most of them. */
const BUFFER_BYTES = 16_384;

/** A client that keeps its connection for as long as the server does. */
export class HttpClient implements Disposable {
  readonly #port: number;
  readonly #deadlineMs: number;
  #connection: Connection | null = null;

  /** Creates a client that is not connected yet. */
  constructor({ port, deadlineMs }: HttpClientOptions) {
    this.#port = port;
    this.#deadlineMs = deadlineMs;
  }

  /** Sends a request and reads the answer. */
  async ask(
    request: Uint8Array,
    { method = "GET", deadlineMs = this.#deadlineMs } = {},
  ): Promise<Outcome> {
    const reused = this.#connection?.open === true;
    if (!reused) {
      this.close();
      try {
        this.#connection = await Connection.open(this.#port);
      } catch (error) {
        if (error instanceof Deno.errors.ConnectionRefused) return "refused";
        if (error instanceof Deno.errors.ConnectionReset) return "reset";
        throw error;
      }
    }
    const connection = this.#connection!;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      connection.close();
    }, deadlineMs);
    try {
      const response = await connection.exchange(request, method);
      if (!staysOpen(response)) this.close();
      return response;
    } catch {
      this.close();
      if (late) return "timeout";
      if (connection.received > 0) return "cut";
      return reused ? "stale" : "reset";
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the connection; the next request makes a new one. */
  close(): void {
    this.#connection?.close();
    this.#connection = null;
  }

  /** As {@linkcode HttpClient.close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** A connection that always reads, so that it learns of its end when it idles. */
class Connection {
  readonly #conn: Deno.TcpConn;
  readonly #reader = new ByteReader(() => this.#next());
  #ahead: Promise<Uint8Array | null>;
  #open = true;

  /** Bytes of the present answer. */
  received = 0;

  private constructor(conn: Deno.TcpConn) {
    conn.setNoDelay(true);
    this.#conn = conn;
    this.#ahead = this.#readAhead();
  }

  static async open(port: number): Promise<Connection> {
    return new Connection(
      await Deno.connect({ hostname: "127.0.0.1", port }),
    );
  }

  get open(): boolean {
    return this.#open;
  }

  async exchange(request: Uint8Array, method: string): Promise<RawResponse> {
    this.received = 0;
    let written = await this.#conn.write(request);
    while (written < request.length) {
      written += await this.#conn.write(request.subarray(written));
    }
    return await readResponse(this.#reader, method);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#conn.close();
  }

  async #next(): Promise<Uint8Array | null> {
    const bytes = await this.#ahead;
    if (bytes !== null) this.#ahead = this.#readAhead();
    return bytes;
  }

  #readAhead(): Promise<Uint8Array | null> {
    const read = this.#read();
    // Whoever wants the bytes sees the error; between answers nobody does.
    read.catch(() => {});
    return read;
  }

  async #read(): Promise<Uint8Array | null> {
    const buffer = new Uint8Array(BUFFER_BYTES);
    try {
      const count = await this.#conn.read(buffer);
      if (count !== null) {
        this.received += count;
        return buffer.subarray(0, count);
      }
    } catch (error) {
      this.close();
      throw error;
    }
    this.close();
    return null;
  }
}

function staysOpen({ startLine, headers }: RawResponse): boolean {
  return startLine.startsWith("HTTP/1.1") &&
    !/\bclose\b/i.test(headers.get("connection") ?? "");
}
