/**
 * The client of the load generators: one connection, one request at a time.
 *
 * It does what a browser does and no more: a connection that is known to have
 * been closed is not used again, but nothing is sent twice. What fails is told
 * apart by what had come of it.
 *
 * @module
 */

import net from "node:net";
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
  /** Address to come from, one of 127.0.0.0/8. @default {undefined} the system's choice */
  readonly localAddress?: string;
}

/** A client that keeps its connection for as long as the server does. */
export class HttpClient implements Disposable {
  readonly #options: HttpClientOptions;
  #connection: Connection | null = null;

  /** Creates a client that is not connected yet. */
  constructor(options: HttpClientOptions) {
    this.#options = options;
  }

  /** Sends a request and reads the answer. */
  async ask(
    request: Uint8Array,
    { method = "GET", deadlineMs = this.#options.deadlineMs } = {},
  ): Promise<Outcome> {
    const reused = this.#connection?.open === true;
    if (!reused) {
      this.close();
      try {
        this.#connection = await Connection.open(this.#options);
      } catch (error) {
        if (codeOf(error) === "ECONNREFUSED") return "refused";
        if (codeOf(error) === "ECONNRESET") return "reset";
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
  readonly #socket: net.Socket;
  readonly #reader = new ByteReader(() => this.#next());
  readonly #chunks: Uint8Array[] = [];
  #open = true;
  #error: Error | null = null;
  #wake: () => void = () => {};

  /** Bytes of the present answer. */
  received = 0;

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Uint8Array) => {
      this.received += chunk.length;
      this.#chunks.push(chunk);
      this.#wake();
    });
    socket.on("error", (error: Error) => this.#error = error);
    const end = (): void => {
      this.#open = false;
      this.#wake();
    };
    socket.on("end", end);
    socket.on("close", end);
  }

  static open({ port, localAddress }: HttpClientOptions): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({
        port,
        host: "127.0.0.1",
        ...(localAddress === undefined ? {} : { localAddress }),
      });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new Connection(socket));
      });
    });
  }

  get open(): boolean {
    return this.#open;
  }

  exchange(request: Uint8Array, method: string): Promise<RawResponse> {
    this.received = 0;
    // What goes wrong in writing is learnt in reading.
    this.#socket.write(request);
    return readResponse(this.#reader, method);
  }

  close(): void {
    this.#socket.destroy();
  }

  async #next(): Promise<Uint8Array | null> {
    while (true) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) return chunk;
      if (this.#error !== null) throw this.#error;
      if (!this.#open) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

/** What a system call failed with, or "". */
function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function staysOpen({ startLine, headers }: RawResponse): boolean {
  return startLine.startsWith("HTTP/1.1") &&
    !/\bclose\b/i.test(headers.get("connection") ?? "");
}

/** An address of its own for each client: some balancers go by it. */
export function clientAddress(client: number): string {
  return `127.1.${client >> 8 & 255}.${client & 255}`;
}
