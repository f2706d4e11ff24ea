/**
 * The part of a request body that comes after the head: passed on while the
 * response is awaited and after it, for as long as the worker reads; or read
 * and discarded when nobody wants it any more.
 *
 * @module
 */

import { BodyPump, type PumpListener, type PumpOutcome } from "./body_pump.ts";
import { MEDIUM_BUFFER_BYTES } from "./buffer_pool.ts";
import type { ProxyContext } from "./context.ts";
import type { Link } from "./link.ts";
import type { ProxiedRequest } from "./proxied_request.ts";
import { asProxyError, ProxyError } from "./proxy_error.ts";
import { StallDeadline } from "./stall_deadline.ts";

/**
 * Octets nobody wants that are read all the same, so that the client gets to
 * read its response: many send their whole body before they look for one.
 */
export const MAX_DISCARDED_BYTES = 67_108_864;

/** Where a body is. */
export type RequestBodyState =
  /** The head is being written to the worker. */
  | { readonly type: "awaiting-head" }
  /** What had come with the head, and did not fit, is being written. */
  | { readonly type: "sending-rest" }
  /** It is being passed on. */
  | { readonly type: "sending"; readonly pump: BodyPump }
  /** The worker takes no more of it: the rest is read and dropped. */
  | { readonly type: "discarding"; readonly discardedBytes: number }
  /** Nothing more of it is read. */
  | { readonly type: "over"; readonly received: boolean };

/** Is told how a body fares. */
export interface RequestBodyListener {
  /** The worker has all of it. */
  onBodySent(): void;
  /** The worker takes no more of it. Not before anything else: it may have responded. */
  onBodyRefused(): void;
  /** The client has broken off, or broken the rules. */
  onBodyFailed(error: ProxyError): void;
}

/** Is told how a body fares that its worker may take no more of: whoever goes on with the client's connection. */
export interface RequestRestListener {
  /** Octets of the request that nobody wants were read. */
  onBodyDiscarded(): void;
  /** Nothing more of the request is read; whether all of it was. */
  onBodyOver(received: boolean): void;
}

/** The way of one body from the client to a worker. Its owner hands it the events of both links. */
export class RequestBody implements PumpListener {
  readonly #context: ProxyContext;
  readonly #client: Link;
  readonly #worker: Link;
  readonly #request: ProxiedRequest;
  readonly #listener: RequestBodyListener;
  readonly #restListener: RequestRestListener;
  readonly #stall = new StallDeadline();
  #state: RequestBodyState = { type: "awaiting-head" };
  #contentSent: number;

  /** Prepares to send the rest of the body of `request` from `client` to `worker`, once the head is written. */
  constructor(
    context: ProxyContext,
    parts: {
      readonly client: Link;
      readonly worker: Link;
      readonly request: ProxiedRequest;
      readonly restListener: RequestRestListener;
    },
    listener: RequestBodyListener,
  ) {
    this.#context = context;
    this.#client = parts.client;
    this.#worker = parts.worker;
    this.#request = parts.request;
    this.#listener = listener;
    this.#restListener = parts.restListener;
    this.#contentSent = parts.request.contentBytes;
    this.touch();
  }

  /** When to {@linkcode look} whether it has stalled for too long; `Infinity` once it is not sent any more. */
  get deadline(): number {
    return this.#stall.at;
  }

  /** Where it is. */
  get state(): RequestBodyState {
    return this.#state;
  }

  /** Whether it is still being passed on. */
  get sending(): boolean {
    return this.#state.type !== "discarding" && this.#state.type !== "over";
  }

  /** Whether it is the client that keeps it waiting. */
  get awaitsClient(): boolean {
    const state = this.#state;
    return state.type === "discarding" ||
      state.type === "sending" && state.pump.state === "reading";
  }

  /** Whether the client has begun with it: some wait to be asked for it (RFC 9110 §10.1.1). */
  get begun(): boolean {
    return this.#contentSent > 0;
  }

  /** Gives it as long again as it may stall. */
  touch(): void {
    const { deadlines, options } = this.#context;
    this.#stall.touch(deadlines.now, options.bodyTimeoutMs);
  }

  /** Looks whether it has stalled for too long. */
  look(now: number): boolean {
    const taken = this.awaitsClient ? null : this.#worker.taken();
    return this.#stall.look(now, taken);
  }

  /** What was pending towards the worker is written, or never will be. The head's write counts. */
  onWritten(written: boolean): void {
    const state = this.#state;
    if (state.type === "sending") state.pump.onWritten(written);
    else if (state.type !== "awaiting-head" && state.type !== "sending-rest") {
      return;
    } else if (!written) this.discard();
    else if (state.type === "awaiting-head") this.#sendRest();
    else this.#startPump();
  }

  /** The client has brought more. */
  onData(): void {
    const state = this.#state;
    if (state.type === "sending") state.pump.onData();
    else if (state.type === "discarding") this.#discardMore();
  }

  /** The client has ended. */
  onEnd(): void {
    const state = this.#state;
    if (state.type === "sending") state.pump.onEnd();
    else if (state.type === "discarding") this.#end(false);
  }

  /**
   * Sends no more of it, and reads on for a while: closing with unread octets
   * would reset the connection, and with it a response that the client has not
   * read yet (RFC 9112 §9.6).
   */
  discard(): void {
    if (!this.sending) return;
    this.#stopSending();
    this.#state = { type: "discarding", discardedBytes: 0 };
    this.#listener.onBodyRefused();
    if (this.#state.type === "discarding") this.#discardMore();
  }

  /** Reads nothing more of it, and calls nobody. */
  stop(): void {
    this.#stopSending();
    this.#state = { type: "over", received: false };
  }

  onProgress(_pump: BodyPump, contentBytes: number): ProxyError | null {
    const { maxBodyBytes } = this.#context.options;
    this.#contentSent += contentBytes;
    this.touch();
    return maxBodyBytes > 0 && this.#contentSent > maxBodyBytes
      ? new ProxyError("body-too-large")
      : null;
  }

  onPumped(_pump: BodyPump, outcome: PumpOutcome | ProxyError): void {
    if (outcome === "sink-gone") return this.discard();
    if (outcome === "complete") {
      this.#listener.onBodySent();
      return this.#end(true);
    }
    this.#fail(outcome === "cut" ? new ProxyError("client-gone") : outcome);
  }

  #sendRest(): void {
    const { rest } = this.#request;
    if (rest === null) return this.#startPump();
    this.#state = { type: "sending-rest" };
    const result = this.#worker.write(rest, this.#client.input.detach());
    if (result !== "pending") this.onWritten(result === "written");
  }

  #startPump(): void {
    const pump = new BodyPump({
      source: this.#client,
      sink: this.#worker,
      decoder: this.#request.decoder!,
      chunked: this.#request.chunked,
      malformed: "bad-request",
    }, this);
    this.#state = { type: "sending", pump };
    pump.start();
  }

  #discardMore(): void {
    const state = this.#state;
    if (state.type !== "discarding") return;
    const decoder = this.#request.decoder!;
    const { input } = this.#client;
    const { available } = input;
    try {
      if (!decoder.done) {
        decoder.decode(input.bytes, input.start, input.end);
        input.start = decoder.next;
      }
    } catch (error) {
      return this.#fail(asProxyError(error, "bad-request"));
    }
    const discardedBytes = state.discardedBytes + available;
    this.#state = { type: "discarding", discardedBytes };
    this.#restListener.onBodyDiscarded();
    // Whoever was told may have ended it.
    if (this.#state.type !== "discarding") return;
    const { ended } = this.#client;
    if (decoder.done || discardedBytes >= MAX_DISCARDED_BYTES || ended) {
      // What follows is for whoever goes on with the connection.
      this.#client.pause();
      return this.#end(decoder.done);
    }
    if (input.full || discardedBytes >= MEDIUM_BUFFER_BYTES) {
      input.resize(MEDIUM_BUFFER_BYTES);
    }
    this.#client.resume(false);
  }

  #fail(error: ProxyError): void {
    this.#stopSending();
    this.#client.pause();
    this.#state = { type: "over", received: false };
    this.#listener.onBodyFailed(error);
    this.#restListener.onBodyOver(false);
  }

  #end(received: boolean): void {
    this.#stall.stop();
    this.#state = { type: "over", received };
    this.#restListener.onBodyOver(received);
  }

  #stopSending(): void {
    this.#stall.stop();
    if (this.#state.type === "sending") this.#state.pump.stop();
  }
}
