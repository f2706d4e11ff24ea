/**
 * What comes before the first request of a connection: the PROXY header of
 * the balancer in front of us, and TLS.
 *
 * @module
 */

import { errorResponse } from "../../http1/error_response.ts";
import {
  NEED_MORE,
  parseProxyHeader,
  ProxyProtocolError,
} from "../../net/proxy_protocol.ts";
import { type BufferPool, SMALL_BUFFER_BYTES } from "./buffer_pool.ts";
import { DRAIN_IDLE_MS } from "./client_session.ts";
import type { ProxyContext } from "./context.ts";
import type { Deadlined } from "./deadlines.ts";
import type { Link, LinkHandler } from "./link.ts";

/** First octet of every TLS connection: a handshake record (RFC 8446 §5.1). */
export const TLS_HANDSHAKE_RECORD = 0x16;

/** Puts TLS on connections. */
export interface TlsServer {
  /** The server's side of TLS on `link`; what is in its input already is the beginning of it. */
  secure(link: Link, buffers: BufferPool): Link;
}

/** How connections begin. */
export interface HandshakeOptions {
  /** Whether each begins with a PROXY header. */
  readonly proxyProtocol: boolean;
  /** Speaks TLS, which is large and only loaded where it is spoken; `null` for plain HTTP. */
  readonly tls: TlsServer | null;
}

/** What a connection has yet to bring. */
export type HandshakeState =
  /** Its PROXY header. */
  | "proxy-header"
  /** The first octet, which says whether it is TLS. */
  | "first-octet"
  /** Nothing: it is told that it has to speak TLS, and is listened to until it has read that. */
  | "refusing"
  | "over";

/** A connection that requests can be read from. */
export interface Introduced {
  readonly link: Link;
  /** The client's address from the PROXY header; `null` when that is the peer's own. */
  readonly sourceAddress: string | null;
}

/** A connection on its way to its first request. */
export class Handshake implements LinkHandler, Deadlined {
  /** When it came. */
  readonly idleSince: number;

  readonly #context: ProxyContext;
  readonly #options: HandshakeOptions;
  readonly #link: Link;
  readonly #onRefusedHeader: (reason: string) => void;
  readonly #onOver: (introduced: Introduced | null) => void;
  #state: HandshakeState;
  #sourceAddress: string | null = null;
  #deadline: number;

  /** Takes `link` over; `onOver` is called once, when requests can be read, or with `null` when there will be none. */
  constructor(
    context: ProxyContext,
    parts: {
      readonly link: Link;
      readonly options: HandshakeOptions;
      /** Called before `onOver`, with what is wrong with the PROXY header. */
      readonly onRefusedHeader: (reason: string) => void;
      readonly onOver: (introduced: Introduced | null) => void;
    },
  ) {
    this.#context = context;
    this.#link = parts.link;
    this.#options = parts.options;
    this.#onRefusedHeader = parts.onRefusedHeader;
    this.#onOver = parts.onOver;
    this.#state = parts.options.proxyProtocol ? "proxy-header" : "first-octet";
    this.idleSince = context.deadlines.now;
    this.#deadline = this.idleSince + context.options.headTimeoutMs;
  }

  /** What the connection has yet to bring. */
  get state(): HandshakeState {
    return this.#state;
  }

  /** Whether nothing has come yet. */
  get idle(): boolean {
    return this.#link.input.available === 0;
  }

  /** When it has taken too long. */
  get deadline(): number {
    return this.#deadline;
  }

  /** Begins. */
  start(): void {
    this.#context.deadlines.add(this);
    this.#link.handler = this;
    this.#proceed();
  }

  /** Gives up what has taken too long. */
  expire(): void {
    this.#end(null);
  }

  /** Gives it as long as an idle connection gets when the pool stops. */
  drain(): void {
    const { now } = this.#context.deadlines;
    this.#deadline = Math.min(this.#deadline, now + DRAIN_IDLE_MS);
  }

  /** Ends at once. */
  abort(): void {
    this.#end(null);
  }

  onData(): void {
    if (this.#state !== "refusing") return this.#proceed();
    const { input } = this.#link;
    input.start = input.end;
    this.#link.resume(false);
  }

  onEnd(): void {
    this.#end(null);
  }

  onWritten(_link: Link, written: boolean): void {
    if (!written) return this.#end(null);
    this.#link.endWrite();
    // Until the client has read its response, or the deadline passes.
    this.onData();
  }

  /** Takes what has come as far as it goes. */
  #proceed(): void {
    const { tls } = this.#options;
    if (this.#state === "proxy-header") {
      if (!this.#readProxyHeader()) return;
      this.#state = "first-octet";
    }
    if (tls === null) return this.#end(this.#link);
    const { input } = this.#link;
    if (input.available === 0) return this.#awaitMore();
    this.#link.pause();
    if (input.bytes[input.start] === TLS_HANDSHAKE_RECORD) {
      return this.#end(tls.secure(this.#link, this.#context.buffers));
    }
    this.#refuse();
  }

  /** Whether it is there whole. */
  #readProxyHeader(): boolean {
    const { input } = this.#link;
    const bytes = input.bytes.subarray(input.start, input.end);
    try {
      const header = bytes.length === 0 ? NEED_MORE : parseProxyHeader(bytes);
      if (header === NEED_MORE) {
        this.#awaitMore();
        return false;
      }
      input.start += header.length;
      this.#sourceAddress = header.sourceAddress;
      return true;
    } catch (error) {
      if (!(error instanceof ProxyProtocolError)) throw error;
      this.#onRefusedHeader(error.message);
      // Whoever is there does not know the protocol: nothing can be said.
      this.#end(null);
      return false;
    }
  }

  #awaitMore(): void {
    const { input, ended } = this.#link;
    if (ended) return this.#end(null);
    // A PROXY header is read whole.
    if (input.full) input.resize(SMALL_BUFFER_BYTES);
    this.#link.resume(false);
  }

  #refuse(): void {
    const { counters, dateLine } = this.#context;
    counters.record(400, 0, null);
    counters.recordError(400);
    this.#state = "refusing";
    const { bytes } = errorResponse({
      status: 400,
      message: "This port speaks HTTPS, and the request came as plain HTTP",
      dateLine: dateLine.text,
    });
    const result = this.#link.write(bytes, null);
    if (result !== "pending") this.onWritten(this.#link, result === "written");
  }

  #end(link: Link | null): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#context.deadlines.delete(this);
    if (link === null) this.#link.close();
    const sourceAddress = this.#sourceAddress;
    this.#onOver(link === null ? null : { link, sourceAddress });
  }
}
