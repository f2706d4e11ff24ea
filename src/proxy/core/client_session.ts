/**
 * One client connection: read a head, serve it, and again, for as long as
 * both sides want to keep it.
 *
 * @module
 */

import { latin1Slice, SLASH } from "../../http1/bytes.ts";
import { errorResponse } from "../../http1/error_response.ts";
import { INCOMPLETE } from "../../http1/field_table.ts";
import { parseRequestHead } from "../../http1/request_head.ts";
import { type AdminExchange, takeAdminExchange } from "./admin_exchange.ts";
import {
  HEADROOM,
  SMALL_BUFFER_BYTES,
  TAILROOM,
  TINY_BUFFER_BYTES,
} from "./buffer_pool.ts";
import type { Client } from "./client.ts";
import type { ProxyContext } from "./context.ts";
import type { Deadlined } from "./deadlines.ts";
import {
  Exchange,
  type ExchangeOutcome,
  type ExchangeOwner,
} from "./exchange.ts";
import type { Link, LinkHandler } from "./link.ts";
import { ProxiedRequest } from "./proxied_request.ts";
import { asProxyError, ProxyError } from "./proxy_error.ts";
import { reportAccess, reportFailure } from "./reports.ts";
import { MAX_DISCARDED_BYTES } from "./request_body.ts";
import { decideReuse } from "./reuse.ts";

/** How long a client that has its response may be silent, with something left to send, before it is cut off ... */
const LINGER_MS = 2000;

/** ... and how long it may go on sending what nobody wants. As nginx's `lingering_time`. */
const MAX_LINGER_MS = 30_000;

/** How long an idle connection may still bring a request while the pool stops: the time one is on its way. */
export const DRAIN_IDLE_MS = 500;

/** `_`, with which the names of our own pages begin. */
const UNDERSCORE = 0x5f;

/** What a client is doing. */
export type ClientSessionState =
  /** Nothing: between requests, or before the first. */
  | { readonly type: "idle" }
  /** Sending a head. */
  | { readonly type: "head" }
  /** Waiting for a worker's response, or receiving it. */
  | { readonly type: "exchange"; readonly exchange: Exchange }
  /** The same, with a page of our own. */
  | { readonly type: "admin"; readonly exchange: AdminExchange }
  /** Receiving an error of ours. `exchange` is what failed, if it came to that. */
  | {
    readonly type: "error";
    readonly exchange: Exchange | null;
    readonly keep: boolean;
  }
  /** It has its response; the rest of its request is read, and then it goes on or ends. */
  | {
    readonly type: "finishing-request";
    readonly exchange: Exchange;
    readonly keep: boolean;
  }
  /** Being listened to after its last response, until it has read that. */
  | Lingering
  | { readonly type: "closed" };

interface Lingering {
  readonly type: "lingering";
  discardedBytes: number;
}

const IDLE: ClientSessionState = Object.freeze({ type: "idle" });
const HEAD: ClientSessionState = Object.freeze({ type: "head" });
const CLOSED: ClientSessionState = Object.freeze({ type: "closed" });

/** Serves one client. */
export class ClientSession implements LinkHandler, ExchangeOwner, Deadlined {
  readonly #context: ProxyContext;
  readonly #link: Link;
  readonly #client: Client;
  readonly #onClosed: (session: ClientSession) => void;
  #state: ClientSessionState = IDLE;
  #deadline: number;
  /** When it is cut off while it lingers, however busy. */
  #lingerEnd = Infinity;
  /** What it waits with for the next request: as much as the largest so far took. */
  #idleBufferBytes = TINY_BUFFER_BYTES;
  /** Whether requests are being taken; a response that ends meanwhile goes on there. */
  #taking = false;

  /** Takes over `link`; `onClosed` is called once, when it is closed. */
  constructor(
    context: ProxyContext,
    parts: {
      readonly link: Link;
      readonly client: Client;
      readonly onClosed: (session: ClientSession) => void;
    },
  ) {
    this.#context = context;
    this.#link = parts.link;
    this.#client = parts.client;
    this.#onClosed = parts.onClosed;
    // A client that has only just come gets as long as one that has begun.
    this.#deadline = context.deadlines.now + context.options.headTimeoutMs;
  }

  /** What the client is doing. */
  get state(): ClientSessionState {
    return this.#state;
  }

  /** When the present wait has lasted too long. */
  get deadline(): number {
    const state = this.#state;
    return state.type === "exchange" || state.type === "admin"
      ? state.exchange.deadline
      : this.#deadline;
  }

  /** Whether nothing is under way. */
  get idle(): boolean {
    return this.#state.type === "idle";
  }

  /** The request that is being served, or `null`. */
  get exchange(): Exchange | null {
    return this.#state.type === "exchange" ? this.#state.exchange : null;
  }

  /** Whether it has, or may bring, a request that a worker must still respond to. Streams are none: their workers end them. */
  get needsWorker(): boolean {
    const state = this.#state;
    if (state.type === "exchange") return !state.exchange.stream;
    return state.type === "idle" || state.type === "head";
  }

  /** Begins to serve. */
  start(): void {
    const { counters, deadlines } = this.#context;
    counters.clientConnections++;
    deadlines.add(this);
    this.#link.handler = this;
    if (this.#link.input.available > 0) this.#takeRequests();
    else this.#awaitRequest();
  }

  /** Ends the present wait, which has lasted too long. */
  expire(now: number): void {
    const state = this.#state;
    if (state.type === "exchange" || state.type === "admin") {
      return state.exchange.expire(now);
    }
    this.#deadline = Infinity;
    if (state.type === "head") this.#refuse(new ProxyError("head-stalled"));
    else this.#close();
  }

  /** Serves what is under way and then ends; what is idle ends soon. */
  drain(): void {
    const { now } = this.#context.deadlines;
    if (this.idle) {
      this.#deadline = Math.min(this.#deadline, now + DRAIN_IDLE_MS);
    }
    if (this.#state.type === "admin") this.#state.exchange.end();
  }

  /** Ends with what is under way: the workers are gone, and no request can be served any more. */
  finish(): void {
    const state = this.#state;
    if (state.type === "idle" || state.type === "head") this.#close();
    else if (state.type === "exchange") state.exchange.finish();
  }

  /** Ends at once, whatever is under way. */
  abort(): void {
    const state = this.#state;
    if (state.type === "exchange") {
      state.exchange.fail(new ProxyError("stopping"));
    }
    this.#close();
  }

  onData(): void {
    const state = this.#state;
    switch (state.type) {
      case "idle":
      case "head":
        return this.#takeRequests();
      case "exchange":
      case "finishing-request":
      case "error":
        return state.exchange?.onClientData();
      case "admin":
        return state.exchange.onData();
      case "lingering":
        return this.#discard(state);
    }
  }

  onEnd(): void {
    const state = this.#state;
    switch (state.type) {
      case "exchange":
      case "admin":
        return state.exchange.onClientEnd();
      case "finishing-request":
      case "error":
        return state.exchange?.onClientEnd();
      case "idle":
      case "head":
      case "lingering":
        return this.#finish();
    }
  }

  onWritten(_link: Link, written: boolean): void {
    const state = this.#state;
    switch (state.type) {
      case "exchange":
        return state.exchange.onClientWritten(written);
      case "admin":
        return state.exchange.onWritten(written);
      case "error":
        return this.#onErrorWritten(state, written);
    }
  }

  /** Takes requests out of what has come, one after the other, for as long as they are served at once. */
  #takeRequests(): void {
    if (this.#taking) return;
    this.#taking = true;
    const { input } = this.#link;
    while (
      (this.#state.type === "idle" || this.#state.type === "head") &&
      input.available > 0
    ) {
      let taken: ProxiedRequest | AdminExchange | null;
      try {
        taken = this.#takeRequest();
      } catch (error) {
        this.#refuse(asProxyError(error, "bad-request"));
        break;
      }
      if (taken === null) {
        this.#awaitRestOfHead();
        break;
      }
      this.#link.pause();
      if (taken instanceof ProxiedRequest) this.#beginExchange(taken);
      else this.#beginAdmin(taken);
    }
    this.#taking = false;
    if (this.#state.type === "idle") this.#awaitRequest();
  }

  #awaitRequest(): void {
    if (this.#link.ended) this.#finish();
    else this.#link.resume(true);
  }

  /** Part of a head is there: the rest has a deadline, and needs room. */
  #awaitRestOfHead(): void {
    const { options, deadlines } = this.#context;
    const { input } = this.#link;
    if (this.idle) {
      this.#state = HEAD;
      this.#deadline = deadlines.now + options.headTimeoutMs;
    }
    if (input.full) {
      if (this.#idleBufferBytes < SMALL_BUFFER_BYTES) {
        this.#idleBufferBytes = SMALL_BUFFER_BYTES;
        input.resize(SMALL_BUFFER_BYTES);
      } else input.resize(options.maxHeadBytes + HEADROOM + TAILROOM);
    }
    if (this.#link.ended) this.#finish();
    else this.#link.resume(false);
  }

  /** Parses the head at the front of the input and takes it out; `null` when it is not all there. */
  #takeRequest(): ProxiedRequest | AdminExchange | null {
    const { requestHead: head, options, gate } = this.#context;
    const { input } = this.#link;
    const { bytes } = input;
    const headEnd = parseRequestHead(bytes, input.start, input.end, head);
    const headBytes = headEnd === INCOMPLETE
      ? input.available + 1 // at least
      : headEnd - input.start;
    if (headBytes > options.maxHeadBytes) throw headTooLarge();
    if (headEnd === INCOMPLETE) return null;
    input.start = headEnd;
    const { body, targetStart } = head;
    if (
      bytes[targetStart] === SLASH && bytes[targetStart + 1] === UNDERSCORE
    ) {
      const exchange = takeAdminExchange(this.#context, {
        link: this.#link,
        clientAddress: this.#client.address,
        onOver: (reusable) => this.#onAdminOver(reusable),
      });
      if (exchange !== null) return exchange;
    }
    const { maxBodyBytes } = options;
    if (
      maxBodyBytes > 0 && body.kind === "length" && body.bytes > maxBodyBytes
    ) {
      throw new ProxyError("body-too-large");
    }
    const client = gate === null
      ? this.#client
      : gate.admit(this.#client, bytes, head);
    const request = new ProxiedRequest(this.#context, input, client);
    if (maxBodyBytes > 0 && request.contentBytes > maxBodyBytes) {
      request.release(this.#context);
      throw new ProxyError("body-too-large");
    }
    return request;
  }

  #beginExchange(request: ProxiedRequest): void {
    const { counters } = this.#context;
    const exchange = new Exchange(this.#context, {
      client: this.#link,
      request,
      owner: this,
    });
    this.#state = { type: "exchange", exchange };
    counters.inFlight++;
    counters.unanswered++;
    exchange.run();
  }

  onExchangeOver(outcome: ExchangeOutcome): void {
    const state = this.#state;
    if (state.type !== "exchange") return;
    const { exchange } = state;
    const { counters } = this.#context;
    counters.inFlight--;
    if (!exchange.responded) counters.unanswered--;
    if (outcome.type === "complete") {
      reportAccess(this.#context, this.#client, exchange, exchange.status);
      return this.#endRequest(exchange, outcome.reusable);
    }
    const { error } = outcome;
    const { responded } = exchange;
    reportFailure(this.#context, exchange, error);
    const status = responded ? exchange.status : error.status;
    reportAccess(this.#context, this.#client, exchange, status);
    if (error.code === "internal") this.#context.reportFault(error);
    if (responded || error.status === 0 || this.#link.closed) {
      // The response must not look complete: no terminator, no more octets.
      this.#release(exchange);
      return this.#close();
    }
    this.#writeError(exchange, error);
  }

  onBodyDiscarded(): void {
    if (this.#state.type === "finishing-request") this.#goOnLingering();
  }

  onBodyOver(received: boolean): void {
    const state = this.#state;
    if (state.type === "finishing-request") {
      this.#endBody(state.exchange, state.keep && received);
    }
  }

  /** Tells the client of a failure. */
  #writeError(exchange: Exchange, error: ProxyError): void {
    const { counters, dateLine, deadlines, draining, options } = this.#context;
    const { request } = exchange;
    const { client: keep } = decideReuse({
      clientKeepsAlive: request.keepAlive,
      request: exchange.received ? "received" : "withheld",
      refusal: true,
      clientAtFault: error.status < 500,
      delimited: true,
      switched: false,
      draining,
      workerKeepsAlive: false,
    });
    counters.recordError(error.status);
    this.#state = { type: "error", exchange, keep };
    this.#deadline = deadlines.now + options.bodyTimeoutMs;
    this.#write(errorResponse({
      status: error.status,
      message: error.message,
      close: !keep,
      toHead: request.toHead,
      requestId: request.id,
      dateLine: dateLine.text,
      retryAfterSeconds: error.retryAfterSeconds,
    }));
  }

  /** Responds to a request that is not served, as the last one of the connection. */
  #refuse(error: ProxyError): void {
    const { counters, dateLine, deadlines, options, requestIds } =
      this.#context;
    const { status, message, retryAfterSeconds } = error;
    counters.record(status, 0, null);
    counters.recordError(status);
    const id = requestIds.next();
    this.#link.pause();
    this.#state = { type: "error", exchange: null, keep: false };
    this.#deadline = deadlines.now + options.bodyTimeoutMs;
    this.#write(errorResponse({
      status,
      message,
      requestId: latin1Slice(id, 0, id.length),
      dateLine: dateLine.text,
      retryAfterSeconds,
    }));
  }

  #write(response: Uint8Array): void {
    const result = this.#link.write(response, null);
    if (result !== "pending") this.onWritten(this.#link, result === "written");
  }

  #onErrorWritten(
    { exchange, keep }: ClientSessionState & { readonly type: "error" },
    written: boolean,
  ): void {
    if (!written) {
      if (exchange !== null) this.#release(exchange);
      this.#close();
    } else if (exchange === null) this.#linger();
    else this.#endRequest(exchange, keep);
  }

  /** Reads what is left of a request whose response is complete. */
  #endRequest(exchange: Exchange, keep: boolean): void {
    if (exchange.received) {
      this.#release(exchange);
      return keep ? this.#goOn() : this.#finish();
    }
    this.#beginLinger();
    if (!keep) this.#link.endWrite();
    const { body } = exchange;
    if (body !== null && body.state.type !== "over") {
      this.#state = { type: "finishing-request", exchange, keep };
      return;
    }
    const received = body !== null && body.state.type === "over" &&
      body.state.received;
    this.#endBody(exchange, keep && received);
  }

  #endBody(exchange: Exchange, keep: boolean): void {
    this.#release(exchange);
    if (keep) this.#goOn();
    else this.#linger();
  }

  #release({ request, beingWritten, body }: Exchange): void {
    body?.stop();
    request.release(this.#context, beingWritten);
  }

  #beginAdmin(exchange: AdminExchange): void {
    this.#state = { type: "admin", exchange };
    exchange.run();
  }

  #onAdminOver(reusable: boolean): void {
    if (this.#state.type !== "admin") return;
    if (this.#link.closed) this.#close();
    else if (reusable) this.#goOn();
    else {
      this.#beginLinger();
      this.#linger();
    }
  }

  /** The client may send its next request, or has. */
  #goOn(): void {
    const { finishing, deadlines, options, draining } = this.#context;
    if (finishing || this.#link.closed) return this.#finish();
    this.#state = IDLE;
    this.#lingerEnd = Infinity;
    this.#deadline = deadlines.now +
      (draining ? DRAIN_IDLE_MS : options.idleTimeoutMs);
    this.#link.input.resize(this.#idleBufferBytes);
    if (this.#taking) return;
    if (this.#link.input.available > 0) this.#takeRequests();
    else this.#awaitRequest();
  }

  /**
   * Goes on reading for a while after the last response: closing with unread
   * octets resets the connection, and the response would be lost with it
   * (RFC 9112 §9.6).
   */
  #linger(): void {
    if (this.#lingerEnd === Infinity) this.#beginLinger();
    const state: Lingering = { type: "lingering", discardedBytes: 0 };
    this.#state = state;
    this.#link.endWrite();
    this.#discard(state);
  }

  #discard(state: Lingering): void {
    const { input, ended } = this.#link;
    state.discardedBytes += input.available;
    input.start = input.end;
    this.#goOnLingering();
    if (ended || state.discardedBytes >= MAX_DISCARDED_BYTES) {
      return this.#finish();
    }
    this.#link.resume(false);
  }

  #beginLinger(): void {
    const { now } = this.#context.deadlines;
    this.#deadline = now + LINGER_MS;
    this.#lingerEnd = now + MAX_LINGER_MS;
  }

  /** The client is still sending: many look for their response only when they have sent all. */
  #goOnLingering(): void {
    const { deadlines, draining } = this.#context;
    if (draining || this.#deadline === Infinity) return;
    this.#deadline = Math.min(deadlines.now + LINGER_MS, this.#lingerEnd);
  }

  /** Ends in order. */
  #finish(): void {
    this.#end(() => this.#link.finish());
  }

  /** Ends at once. */
  #close(): void {
    this.#end(() => this.#link.close());
  }

  #end(closeLink: () => void): void {
    if (this.#state.type === "closed") return;
    const { counters, deadlines } = this.#context;
    this.#state = CLOSED;
    deadlines.delete(this);
    counters.clientConnections--;
    closeLink();
    this.#onClosed(this);
  }
}

function headTooLarge(): ProxyError {
  return new ProxyError("bad-request", {
    status: 431,
    detail: "head too large",
  });
}
