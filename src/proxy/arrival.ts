/**
 * What comes before the first request of a connection: the PROXY header of
 * the balancer in front of us, and TLS.
 *
 * @module
 */

import { errorResponse } from "../http1/error_response.ts";
import {
  NEED_MORE,
  parseProxyHeader,
  ProxyProtocolError,
} from "../net/proxy_protocol.ts";
import { SMALL_BUFFER_BYTES, TINY_BUFFER_BYTES } from "./buffer_pool.ts";
import { DRAIN_IDLE_MS } from "./connection.ts";
import type { ProxyContext } from "./context.ts";
import { Socket } from "./socket.ts";
import type { Sweepable } from "./sweep.ts";
import type { Transport } from "./transport.ts";

/** First octet of every TLS connection: a handshake record (RFC 8446 §5.1). */
export const TLS_HANDSHAKE_RECORD = 0x16;

/** Puts TLS on connections. */
export interface TlsServer {
  /** The server's side of TLS on `transport`, from which `first` has been read already. */
  secure(transport: Transport, first: Uint8Array): Transport;
}

/** How connections arrive. */
export interface ArrivalOptions {
  /** Whether each begins with a PROXY header. */
  readonly proxyProtocol: boolean;
  /** Speaks TLS, which is large and only loaded where it is spoken; `null` for plain HTTP. */
  readonly tls: TlsServer | null;
}

/** A connection that requests can be read from. */
export interface Arrived {
  readonly socket: Socket;
  /** The client's address from the PROXY header; `null` when that is the peer's own. */
  readonly sourceAddress: string | null;
}

/** A connection on its way to its first request. */
export class Arrival implements Sweepable {
  readonly #context: ProxyContext;
  readonly #options: ArrivalOptions;
  readonly #transport: Transport;
  #socket: Socket;
  #deadline: number;

  /** Takes over `transport`. */
  constructor(
    context: ProxyContext,
    transport: Transport,
    options: ArrivalOptions,
  ) {
    this.#context = context;
    this.#options = options;
    this.#transport = transport;
    // A PROXY header is read whole.
    this.#socket = new Socket(transport, context.buffers, SMALL_BUFFER_BYTES);
    this.#deadline = context.sweep.now + context.options.headTimeoutMs;
  }

  /** When it has taken too long. */
  get deadline(): number {
    return this.#deadline;
  }

  /** Gives up what has taken too long. */
  expire(): void {
    this.#socket.close();
  }

  /** Gives it as long as an idle connection gets when the pool stops. */
  drain(): void {
    const { now } = this.#context.sweep;
    this.#deadline = Math.min(this.#deadline, now + DRAIN_IDLE_MS);
  }

  /** Ends at once. */
  abort(): void {
    this.#socket.close();
  }

  /** Resolves when requests can be read; with `null` when there will be none. */
  async arrive(): Promise<Arrived | null> {
    const { sweep } = this.#context;
    const { proxyProtocol, tls } = this.#options;
    if (!proxyProtocol && tls === null) {
      return { socket: this.#socket, sourceAddress: null };
    }
    sweep.add(this);
    try {
      const sourceAddress = proxyProtocol
        ? await this.#readProxyHeader()
        : null;
      if (sourceAddress === undefined) return null;
      if (tls !== null && !await this.#startTls(tls)) return null;
      return { socket: this.#socket, sourceAddress };
    } finally {
      sweep.delete(this);
    }
  }

  /** The client's address, `null` for the peer's own, `undefined` when the header is none. */
  async #readProxyHeader(): Promise<string | null | undefined> {
    const socket = this.#socket;
    for (;;) {
      const bytes = socket.buffer.subarray(socket.start, socket.end);
      try {
        const header = bytes.length === 0 ? NEED_MORE : parseProxyHeader(bytes);
        if (header !== NEED_MORE) {
          socket.start += header.length;
          return header.sourceAddress;
        }
      } catch (error) {
        if (!(error instanceof ProxyProtocolError)) throw error;
        // Whoever is there does not know the protocol: nothing can be said.
        socket.dispose();
        return undefined;
      }
      if (!await socket.more()) {
        socket.dispose();
        return undefined;
      }
    }
  }

  /** Goes on with TLS; `false` when the client does not speak it. */
  async #startTls(tls: TlsServer): Promise<boolean> {
    const socket = this.#socket;
    if (socket.available === 0 && !await socket.more()) {
      socket.dispose();
      return false;
    }
    if (socket.buffer[socket.start] === TLS_HANDSHAKE_RECORD) {
      const first = socket.detach();
      this.#socket = newClientSocket(
        tls.secure(this.#transport, first),
        this.#context,
      );
      return true;
    }
    const { counters, dateLine } = this.#context;
    counters.record(400, 0, null);
    counters.recordError(400);
    await socket.write(errorResponse({
      status: 400,
      message: "This port speaks HTTPS, and the request came as plain HTTP",
      dateLine: dateLine.text,
    }));
    await socket.endWriting();
    // Until the client has read its answer, or the deadline passes.
    while (await socket.more()) socket.start = socket.end;
    socket.dispose();
    return false;
  }
}

/** The socket of a client: it waits with a small buffer. */
export function newClientSocket(
  transport: Transport,
  { buffers }: ProxyContext,
): Socket {
  return new Socket(transport, buffers, TINY_BUFFER_BYTES);
}
