/**
 * One client connection: read a head, serve it, and again, for as long as
 * both sides want to keep it.
 *
 * @module
 */

import { latin1Slice, SLASH } from "../http1/bytes.ts";
import { errorResponse } from "../http1/error_response.ts";
import { INCOMPLETE } from "../http1/field_table.ts";
import { parseRequestHead } from "../http1/request_head.ts";
import { AdminExchange, takeAdminExchange } from "./admin_exchange.ts";
import {
  HEADROOM,
  SMALL_BUFFER_BYTES,
  TAILROOM,
  TINY_BUFFER_BYTES,
} from "./buffer_pool.ts";
import type { Client } from "./client.ts";
import type { ProxyContext } from "./context.ts";
import { Exchange } from "./exchange.ts";
import { ProxiedRequest } from "./proxied_request.ts";
import { asProxyError, ProxyError } from "./proxy_error.ts";
import type { Socket } from "./socket.ts";
import type { Sweepable } from "./sweep.ts";
import { MAX_DISCARDED_BYTES } from "./upload.ts";

/** How long a client that was answered may be silent, with something left to send, before it is cut off ... */
const LINGER_MS = 2000;

/** ... and how long it may go on sending what nobody wants. As nginx's `lingering_time`. */
const MAX_LINGER_MS = 30_000;

/** How long an idle connection may still bring a request while the pool stops: the time one is on its way. */
export const DRAIN_IDLE_MS = 500;

/** `_`, with which the names of our own pages begin. */
const UNDERSCORE = 0x5f;

/** What a client is doing. */
type Phase =
  /** Nothing: between requests, or before the first. */
  | "idle"
  /** Sending a head. */
  | "head"
  /** Waiting for its answer, or receiving it. */
  | "exchange"
  /** Being listened to after its last answer, until it has read that. */
  | "linger";

/** Serves one client. */
export class ClientConnection implements Sweepable {
  readonly #context: ProxyContext;
  readonly #socket: Socket;
  readonly #client: Client;
  #phase: Phase = "idle";
  #deadline: number;
  /** When it is cut off while it lingers, however busy. */
  #lingerEnd = Infinity;
  /** What it waits with for the next request: as much as the largest so far took. */
  #idleBufferBytes = TINY_BUFFER_BYTES;
  #exchange: Exchange | AdminExchange | null = null;

  /** Takes over `socket`. */
  constructor(context: ProxyContext, socket: Socket, client: Client) {
    this.#context = context;
    this.#client = client;
    this.#socket = socket;
    this.#socket.onUnawaitedRead = () => this.#onUnawaitedRead();
    // A client that has only just come gets as long as one that has begun.
    this.#deadline = context.sweep.now + context.options.headTimeoutMs;
  }

  /** When the present wait has lasted too long. */
  get deadline(): number {
    return this.#exchange?.deadline ?? this.#deadline;
  }

  /** Whether nothing is under way. */
  get idle(): boolean {
    return this.#phase === "idle";
  }

  /** The request that is being served, or `null`. */
  get exchange(): Exchange | null {
    return this.#exchange instanceof Exchange ? this.#exchange : null;
  }

  /** Serves the client until one side has had enough. Never throws. */
  async serve(): Promise<void> {
    const { sweep, counters } = this.#context;
    counters.clientConnections++;
    sweep.add(this);
    try {
      await this.#serveRequests();
      this.#phase = "linger";
      this.#deadline = this.#context.sweep.now + LINGER_MS;
      await this.#socket.finish();
    } catch (error) {
      reportError(error);
    } finally {
      sweep.delete(this);
      counters.clientConnections--;
      this.#socket.dispose();
    }
  }

  /** Ends the present wait, which has lasted too long. */
  expire(now: number): void {
    if (this.#exchange !== null) return this.#exchange.expire(now);
    this.#deadline = Infinity;
    if (this.#phase === "head") {
      this.#refuse(new ProxyError("head-stalled"))
        .finally(() => this.#socket.close());
    } else this.#socket.close();
  }

  /** Serves what is under way and then ends; what is idle ends soon. */
  drain(): void {
    const { now } = this.#context.sweep;
    if (this.#phase === "idle") {
      this.#deadline = Math.min(this.#deadline, now + DRAIN_IDLE_MS);
    }
    if (this.#exchange instanceof AdminExchange) this.#exchange.end();
  }

  /** Whether it has, or may bring, a request that a worker must still answer. Streams are none: their workers end them. */
  get needsWorker(): boolean {
    if (this.#phase === "linger") return false;
    // Our own pages need none.
    return this.#exchange === null || this.exchange?.stream === false;
  }

  /** Ends with what is under way: the workers are gone, and no request can be served any more. */
  finish(): void {
    if (this.#phase === "idle" || this.#phase === "head") this.#socket.close();
    this.exchange?.finish();
  }

  /** Ends at once, whatever is under way. */
  abort(): void {
    this.#exchange?.fail(new ProxyError("stopping"));
    this.#socket.close();
  }

  /** Serves one request after the other, until there will be no more. */
  async #serveRequests(): Promise<void> {
    const socket = this.#socket;
    const { turns } = this.#context;
    for (;;) {
      let taken: ProxiedRequest | AdminExchange | null = null;
      try {
        if (socket.available > 0) taken = this.#takeRequest();
      } catch (error) {
        await this.#refuse(asProxyError(error, "bad-request"));
        return await this.#linger();
      }
      if (taken === null) {
        if (socket.available === 0 && turns.crowded) {
          await turns.next();
          // A read that was pending already may have brought the request.
          if (socket.available > 0) continue;
        }
        if (socket.available > 0) this.#awaitRestOfHead();
        if (!await socket.more()) return;
        continue;
      }
      const keep = taken instanceof ProxiedRequest
        ? await this.#serveRequest(taken)
        : await this.#serveAdmin(taken);
      if (!keep || this.#context.finishing) return;
      if (socket.ended && socket.available === 0) return;
      this.#becomeIdle();
    }
  }

  /** Part of a head is there: the rest has a deadline, and needs room. */
  #awaitRestOfHead(): void {
    const { options, sweep } = this.#context;
    if (this.#phase === "idle") {
      this.#phase = "head";
      this.#deadline = sweep.now + options.headTimeoutMs;
    }
    if (!this.#socket.full) return;
    if (this.#idleBufferBytes < SMALL_BUFFER_BYTES) {
      this.#idleBufferBytes = SMALL_BUFFER_BYTES;
      this.#socket.resize(SMALL_BUFFER_BYTES);
    } else this.#socket.resize(options.maxHeadBytes + HEADROOM + TAILROOM);
  }

  /** Parses the head at the front of the buffer and takes it out; `null` when it is not all there. */
  #takeRequest(): ProxiedRequest | AdminExchange | null {
    const { requestHead: head, options, gate } = this.#context;
    const socket = this.#socket;
    const { buffer } = socket;
    const headEnd = parseRequestHead(buffer, socket.start, socket.end, head);
    const headBytes = headEnd === INCOMPLETE
      ? socket.available + 1 // at least
      : headEnd - socket.start;
    if (headBytes > options.maxHeadBytes) throw headTooLarge();
    if (headEnd === INCOMPLETE) return null;
    socket.start = headEnd;
    const { body, targetStart } = head;
    if (
      buffer[targetStart] === SLASH && buffer[targetStart + 1] === UNDERSCORE
    ) {
      const { address } = this.#client;
      const exchange = takeAdminExchange(this.#context, socket, address);
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
      : gate.admit(this.#client, buffer, head);
    const request = new ProxiedRequest(this.#context, socket, client);
    if (maxBodyBytes > 0 && request.contentBytes > maxBodyBytes) {
      request.release(this.#context);
      throw new ProxyError("body-too-large");
    }
    return request;
  }

  async #serveRequest(request: ProxiedRequest): Promise<boolean> {
    const { counters } = this.#context;
    const exchange = new Exchange(this.#context, this.#socket, request);
    this.#exchange = exchange;
    this.#phase = "exchange";
    counters.inFlight++;
    counters.unanswered++;
    let { status } = exchange;
    let keep = false;
    try {
      keep = await exchange.run();
      status = exchange.status;
    } catch (error) {
      const failure = asProxyError(error, "bad-request");
      status = exchange.responded ? exchange.status : failure.status;
      keep = await this.#answerFailure(exchange, failure);
    } finally {
      counters.inFlight--;
      if (!exchange.responded) counters.unanswered--;
      this.#finish(exchange, status);
      this.#exchange = null;
    }
    if (!exchange.received) keep = await this.#endRequest(exchange, keep);
    request.release(this.#context);
    return keep;
  }

  /** Reads what is left of a request whose response is complete; returns whether the connection is still of use. */
  async #endRequest(exchange: Exchange, keep: boolean): Promise<boolean> {
    this.#beginLinger();
    if (!keep) await this.#socket.endWriting();
    const received = await exchange.settled(() => this.#goOnLingering());
    if (received && keep) return true;
    await this.#linger();
    return false;
  }

  /** Tells the client of a failure, if that is still possible; returns whether its connection is of use. */
  async #answerFailure(
    exchange: Exchange,
    failure: ProxyError,
  ): Promise<boolean> {
    const { events, counters, draining, options, sweep } = this.#context;
    const { request } = exchange;
    const requestId = request.id;
    events.emit({
      type: "exchange-failed",
      requestId,
      ...request.describe(),
      workerId: exchange.workerId,
      status: exchange.responded ? 0 : failure.status,
      source: failure.source,
      code: failure.code,
      message: failure.message,
      note: failure.note,
      setting: failure.setting ??
        (failure.retryable && exchange.retries.exhausted
          ? "MAX_RETRIES"
          : null),
      attempts: exchange.retries.attempts,
    });
    if (failure.code === "internal") reportError(failure);
    if (exchange.responded || failure.status === 0) {
      // The answer must not look complete: no terminator, no more bytes.
      this.#socket.close();
      return false;
    }
    counters.recordError(failure.status);
    // The exchange is over and has no deadline any more; this write needs one.
    this.#exchange = null;
    this.#phase = "linger";
    this.#deadline = sweep.now + options.bodyTimeoutMs;
    const keep = request.keepAlive && exchange.received && !draining &&
      failure.status >= 500;
    const sent = await this.#socket.write(errorResponse({
      status: failure.status,
      message: failure.message,
      close: !keep,
      toHead: request.toHead,
      requestId,
      dateLine: this.#context.dateLine.text,
      retryAfterSeconds: failure.retryAfterSeconds,
    }));
    return keep && sent;
  }

  #finish(exchange: Exchange, status: number): void {
    const { counters, events } = this.#context;
    const { request } = exchange;
    const finishedAt = exchange.finishedAt || performance.now();
    const durationMs = finishedAt - request.startedAt;
    counters.record(status, durationMs, exchange.workerId);
    if (!events.wantsAccess) return;
    events.emit({
      type: "access",
      requestId: request.id,
      clientAddress: this.#client.address,
      ...request.describe(),
      status,
      workerId: exchange.workerId,
      bytesOut: exchange.bytesOut,
      durationMs,
    });
  }

  async #serveAdmin(exchange: AdminExchange): Promise<boolean> {
    this.#exchange = exchange;
    this.#phase = "exchange";
    const keep = await exchange.run();
    this.#exchange = null;
    if (!keep) await this.#linger();
    return keep;
  }

  /** Answers a request that is not served, as the last one of the connection. */
  async #refuse(
    { status, message, retryAfterSeconds }: ProxyError,
  ): Promise<void> {
    const { counters, dateLine, requestIds } = this.#context;
    counters.record(status, 0, null);
    counters.recordError(status);
    const id = requestIds.next();
    await this.#socket.write(errorResponse({
      status,
      message,
      requestId: latin1Slice(id, 0, id.length),
      dateLine: dateLine.text,
      retryAfterSeconds,
    }));
  }

  /**
   * Goes on reading for a while after the last answer: closing with unread
   * octets resets the connection, and the answer would be lost with it
   * (RFC 9112 §9.6).
   */
  async #linger(): Promise<void> {
    const socket = this.#socket;
    if (this.#phase !== "linger") this.#beginLinger();
    await socket.endWriting();
    let discarded = 0;
    do {
      discarded += socket.available;
      socket.start = socket.end;
      this.#goOnLingering();
    } while (discarded < MAX_DISCARDED_BYTES && await socket.more());
  }

  #beginLinger(): void {
    const { now } = this.#context.sweep;
    this.#phase = "linger";
    this.#deadline = now + LINGER_MS;
    this.#lingerEnd = now + MAX_LINGER_MS;
  }

  /** The client is still sending: many look for their answer only when they have sent all. */
  #goOnLingering(): void {
    const { sweep, draining } = this.#context;
    if (draining || this.#deadline === Infinity) return;
    this.#deadline = Math.min(sweep.now + LINGER_MS, this.#lingerEnd);
  }

  #becomeIdle(): void {
    const { sweep, options, draining } = this.#context;
    this.#phase = "idle";
    this.#deadline = sweep.now +
      (draining ? DRAIN_IDLE_MS : options.idleTimeoutMs);
    this.#socket.resize(this.#idleBufferBytes);
  }

  /**
   * The client went while its answer was being made, or sent its next request:
   * that is left where it is, and nothing more is read, until its turn comes.
   */
  #onUnawaitedRead(): void {
    if (!this.#socket.ended) return;
    if (this.#socket.failed) {
      this.#exchange?.fail(new ProxyError("client-gone"));
    } else this.#exchange?.clientEnded();
  }
}

function headTooLarge(): ProxyError {
  return new ProxyError("bad-request", {
    status: 431,
    detail: "head too large",
  });
}
