/**
 * A client that sends exactly the bytes it is told to and keeps exactly the
 * bytes it gets. Every wait has a deadline.
 *
 * @module
 */

import { ByteReader, type PeerState } from "./byte_reader.ts";
import { DEFAULT_DEADLINE_MS, withDeadline } from "./deadline.ts";
import { type RawResponse, readResponse } from "./http_message.ts";
import { RawSocket, type SocketAddress, toBytes } from "./raw_socket.ts";

/** Where to connect and how long to wait. */
export interface RawClientOptions extends SocketAddress {
  /** Longest wait of any one call. @default {60000} */
  readonly deadlineMs?: number;
}

/** What had come when the peer ended the connection, and how it did. */
export interface ConnectionEnd {
  readonly bytes: Uint8Array;
  readonly peer: Exclude<PeerState, "open">;
}

/**
 * One connection to a server.
 *
 * Strings stand for bytes, one character each.
 *
 * @example
 * ```ts ignore
 * await using client = await RawClient.connect({ port });
 * await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
 * const response = await client.readResponse();
 * assert.equal(response.status, 200);
 * ```
 */
export class RawClient implements AsyncDisposable {
  readonly #socket: RawSocket;
  readonly #reader: ByteReader;
  readonly #deadlineMs: number;

  private constructor(socket: RawSocket, deadlineMs: number) {
    this.#socket = socket;
    this.#reader = new ByteReader(() => socket.read());
    this.#deadlineMs = deadlineMs;
  }

  /** Connects. */
  static async connect(options: RawClientOptions): Promise<RawClient> {
    const deadlineMs = options.deadlineMs ?? DEFAULT_DEADLINE_MS;
    const socket = await withDeadline(
      RawSocket.connect(options),
      deadlineMs,
      () => `Cannot connect to port ${options.port}: no answer`,
    );
    return new RawClient(socket, deadlineMs);
  }

  /** Speaks over a connection that is there already. */
  static over(
    socket: RawSocket,
    deadlineMs: number = DEFAULT_DEADLINE_MS,
  ): RawClient {
    return new RawClient(socket, deadlineMs);
  }

  /** Our port: what the server sees as the client's. */
  get localPort(): number {
    return this.#socket.localPort;
  }

  /** Sends all at once. */
  send(data: string | Uint8Array): Promise<void> {
    return this.#within(this.#socket.write(toBytes(data)), "send");
  }

  /** Sends in pieces of `pieceBytes`, each a write of its own. */
  async sendInPieces(
    data: string | Uint8Array,
    pieceBytes: number = 1,
  ): Promise<void> {
    const bytes = toBytes(data);
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      await this.send(bytes.subarray(at, at + pieceBytes));
    }
  }

  /** Exactly `count` bytes. @throws {CutError} when there are fewer. */
  read(count: number): Promise<Uint8Array> {
    return this.#within(this.#reader.take(count), `read ${count} bytes`);
  }

  /** Whatever comes next, or `null` when the server has ended. */
  readSome(): Promise<Uint8Array | null> {
    return this.#within(this.#reader.takeSome(), "read");
  }

  /** Everything up to and with `delimiter`. @throws {CutError} when it does not come. */
  readThrough(delimiter: string): Promise<Uint8Array> {
    return this.#within(
      this.#reader.takeThrough(delimiter),
      `read up to ${JSON.stringify(delimiter)}`,
    );
  }

  /** Everything until the server ends, and how it ended. */
  async readUntilEnd(): Promise<ConnectionEnd> {
    const bytes = await this.#within(
      this.#reader.takeRest(),
      "read to the end of the connection",
    );
    // At the end of the stream the peer is no longer open.
    return { bytes, peer: this.#reader.peer as ConnectionEnd["peer"] };
  }

  /**
   * One response; interim ones (1xx) are responses of their own.
   *
   * @param method What was asked with: the answer to HEAD has no body.
   * @throws {CutMessageError} with what had come when it is cut short.
   */
  readResponse(method: string = "GET"): Promise<RawResponse> {
    return this.#within(
      readResponse(this.#reader, method),
      "read a response",
    );
  }

  /** Sends and reads the one response to it. */
  async ask(
    data: string | Uint8Array,
    method: string = "GET",
  ): Promise<RawResponse> {
    await this.send(data);
    return await this.readResponse(method);
  }

  /** Says that nothing more will be sent; reading goes on. */
  closeWrite(): Promise<void> {
    return this.#within(this.#socket.closeWrite(), "close for writing");
  }

  /** Ends the connection with a reset. */
  reset(): Promise<void> {
    return this.#within(this.#socket.reset(), "reset");
  }

  /** Ends the connection. May be called again. */
  close(): Promise<void> {
    return this.#within(this.#socket.close(), "close");
  }

  /** As {@linkcode RawClient.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #within<T>(action: Promise<T>, name: string): Promise<T> {
    return await withDeadline(
      action,
      this.#deadlineMs,
      () => `Cannot ${name}: nothing came of it`,
    );
  }
}
