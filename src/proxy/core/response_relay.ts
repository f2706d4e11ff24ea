/**
 * One response on its way from a worker to the client: interim ones before it,
 * its head, what of the body had come with it, and the rest; or, after a switch
 * of protocols, what goes both ways.
 *
 * @module
 */

import { BodyPump, type PumpListener, type PumpOutcome } from "./body_pump.ts";
import { HEADROOM, LARGE_BUFFER_BYTES, TAILROOM } from "./buffer_pool.ts";
import type { ProxyContext } from "./context.ts";
import type { Link, WriteResult } from "./link.ts";
import type { ProxiedRequest } from "./proxied_request.ts";
import { asProxyError, ProxyError } from "./proxy_error.ts";
import {
  responseHeadTooLarge,
  type ResponsePlan,
  takeResponse,
} from "./response_plan.ts";
import type { RequestProgress } from "./reuse.ts";
import { Tunnel, type TunnelListener } from "./tunnel.ts";
import type { UpstreamConnection } from "./upstream_connection.ts";

/** What of a response is awaited, or being passed on. */
export type ResponseRelayState =
  /** The worker is to respond, or to go on with its head. */
  | { readonly type: "awaiting-head" }
  /** An interim response is being written; another head follows. */
  | { readonly type: "interim" }
  /** The head, with what of the body had come with it. */
  | { readonly type: "head" }
  /** What had come with the head, and did not fit. */
  | { readonly type: "rest" }
  | { readonly type: "body"; readonly pump: BodyPump }
  | { readonly type: "tunnel"; readonly tunnel: Tunnel }
  | { readonly type: "over" };

const AWAITING_HEAD: ResponseRelayState = Object.freeze({
  type: "awaiting-head",
});
const INTERIM: ResponseRelayState = Object.freeze({ type: "interim" });
const HEAD: ResponseRelayState = Object.freeze({ type: "head" });
const REST: ResponseRelayState = Object.freeze({ type: "rest" });
const OVER: ResponseRelayState = Object.freeze({ type: "over" });

/** Is told how a response fares. */
export interface ResponseRelayListener {
  /** How much of the request there is: what the client is told depends on it. */
  readonly requestProgress: RequestProgress;
  /** Whether the worker's connection has gone on to somebody else. */
  readonly workerFree: boolean;
  /** An interim response has come; returns why it is not passed on, or `null`. */
  onInterim(status: number): ProxyError | null;
  /** The final response has begun: its head is about to go to the client. */
  onResponse(plan: ResponsePlan): void;
  /** Octets of content are about to go to the client; the next may take `timeoutMs`, or as long as a body's may. */
  onResponseProgress(contentBytes: number, timeoutMs: number | null): void;
  /** Of a response whose length is known, the client keeps the rest waiting. */
  onClientBehind(): void;
  /** The client has all of it; or why it has not. */
  onResponseOver(failure: ProxyError | null): void;
}

/** Passes one response on. Its owner hands it the events of both links. */
export class ResponseRelay implements PumpListener, TunnelListener {
  readonly #context: ProxyContext;
  readonly #client: Link;
  readonly #connection: UpstreamConnection;
  readonly #worker: Link;
  readonly #request: ProxiedRequest;
  readonly #listener: ResponseRelayListener;
  #state: ResponseRelayState = AWAITING_HEAD;
  #plan: ResponsePlan | null = null;
  #begun = false;

  /** Awaits the response to `request` from `connection`. */
  constructor(
    context: ProxyContext,
    parts: {
      readonly client: Link;
      readonly request: ProxiedRequest;
      readonly connection: UpstreamConnection;
    },
    listener: ResponseRelayListener,
  ) {
    this.#context = context;
    this.#client = parts.client;
    this.#connection = parts.connection;
    this.#worker = parts.connection.link;
    this.#request = parts.request;
    this.#listener = listener;
  }

  /** What is awaited, or being passed on. */
  get state(): ResponseRelayState {
    return this.#state;
  }

  /** How the response goes on, once its head is being passed on. */
  get plan(): ResponsePlan | null {
    return this.#plan;
  }

  /** Whether part of a head has come, or an interim response. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Whether the response, cut now, leaves the client nothing to go on with. */
  get underWay(): boolean {
    return this.#plan !== null || this.#state.type === "interim";
  }

  /** Whether it is the worker that keeps the client waiting. */
  get awaitsWorker(): boolean {
    const state = this.#state;
    return state.type === "awaiting-head" ||
      state.type === "body" && state.pump.state === "reading";
  }

  /** Octets that the client, or whoever a tunnel writes to, has taken so far; `null` where nothing waits to be written. */
  taken(): number | null {
    const state = this.#state;
    if (state.type === "tunnel") return state.tunnel.taken();
    return this.awaitsWorker ? null : this.#client.taken();
  }

  /** Whether the worker has ended its side of a tunnel, and the client has all it said. */
  get delivered(): boolean {
    return this.#state.type === "tunnel" &&
      this.#state.tunnel.state === "worker-ended";
  }

  /** Where octets go both ways, the tunnel they go through. */
  get tunnel(): Tunnel | null {
    return this.#state.type === "tunnel" ? this.#state.tunnel : null;
  }

  /** Passes nothing on any more, and calls nobody. */
  stop(): void {
    const state = this.#state;
    if (state.type === "body") state.pump.stop();
    if (state.type === "tunnel") state.tunnel.stop();
    this.#state = OVER;
  }

  /** The worker has brought more. */
  onWorkerData(): void {
    const state = this.#state;
    if (state.type === "awaiting-head") this.#takeHeads();
    else if (state.type === "body") {
      state.pump.onData();
      if (state.pump.state === "writing") this.#noteClientBehind();
    } else if (state.type === "tunnel") state.tunnel.onData(this.#worker);
  }

  /** The worker has ended its side. */
  onWorkerEnd(): void {
    const state = this.#state;
    if (state.type === "awaiting-head") this.#fail(this.#noResponse());
    else if (state.type === "body") state.pump.onEnd();
    else if (state.type === "tunnel") state.tunnel.onEnd(this.#worker);
  }

  /** What was pending towards the client is written, or never will be. */
  onClientWritten(written: boolean): void {
    const state = this.#state;
    switch (state.type) {
      case "interim":
        if (this.#endInterim(written)) this.#takeHeads();
        return;
      case "head":
        return this.#onHeadWritten(written);
      case "rest":
        return written ? this.#passBody() : this.#end(clientGone());
      case "body":
        return state.pump.onWritten(written);
      case "tunnel":
        return state.tunnel.onWritten(this.#client, written);
    }
  }

  onProgress(_pump: BodyPump, contentBytes: number): null {
    this.#listener.onResponseProgress(contentBytes, null);
    return null;
  }

  onPumped(_pump: BodyPump, outcome: PumpOutcome | ProxyError): void {
    switch (outcome) {
      case "complete":
        return this.#end(null);
      case "cut":
        return this.#end(new ProxyError("upstream-closed"));
      case "sink-gone":
        return this.#end(clientGone());
      default:
        return this.#end(outcome);
    }
  }

  onTunnelProgress(bytesDown: number, timeoutMs: number): void {
    this.#listener.onResponseProgress(bytesDown, timeoutMs);
  }

  onTunnelOver(): void {
    this.#end(null);
  }

  /** Takes what has come of the response; passes interim ones on. */
  #takeHeads(): void {
    const { input } = this.#worker;
    for (;;) {
      let plan: ResponsePlan | null;
      try {
        plan = input.available === 0 ? null : takeResponse(
          this.#context,
          this.#connection,
          this.#request,
          this.#listener.requestProgress,
        );
      } catch (error) {
        return this.#fail(asProxyError(error, "upstream-malformed"));
      }
      if (plan === null) return this.#awaitMore();
      this.#begun = true;
      if (!plan.interim) return this.#begin(plan);
      const excess = this.#listener.onInterim(plan.status);
      if (excess !== null) {
        this.#context.buffers.release(plan.buffer);
        return this.#fail(excess);
      }
      this.#state = INTERIM;
      const result = this.#writeInterim(plan);
      if (result === "pending") return this.#worker.pause();
      if (!this.#endInterim(result === "written")) return;
    }
  }

  /** Part of a head is there, or nothing. */
  #awaitMore(): void {
    const worker = this.#worker;
    const { input } = worker;
    const { available, full } = input;
    const { maxHeadBytes } = this.#context.options;
    this.#begun ||= available > 0;
    if (available >= maxHeadBytes) {
      return this.#fail(responseHeadTooLarge(maxHeadBytes));
    }
    if (worker.ended) return this.#fail(this.#noResponse());
    if (full) input.resize(LARGE_BUFFER_BYTES);
    // Where more is allowed than the largest buffer holds.
    if (input.full) input.resize(maxHeadBytes + HEADROOM + TAILROOM);
    if (available > 0) worker.acknowledge();
    worker.resume(false);
  }

  #writeInterim({ bytes, buffer, length }: ResponsePlan): WriteResult {
    if (!this.#request.http10) {
      return this.#client.write(bytes, buffer, length);
    }
    // RFC 9110 §15.2: a 1.0 client does not know interim responses.
    this.#context.buffers.release(buffer);
    return "written";
  }

  /** Whether the final response can follow. */
  #endInterim(written: boolean): boolean {
    if (written) this.#state = AWAITING_HEAD;
    else this.#fail(clientGone());
    return written;
  }

  /** Passes the final response on. */
  #begin(plan: ResponsePlan): void {
    // RFC 9110 §7.8: not before the request has been received.
    if (
      plan.status === 101 && this.#listener.requestProgress !== "received"
    ) return this.#fail(switchedEarly());
    this.#plan = plan;
    this.#state = HEAD;
    this.#listener.onResponse(plan);
    this.#write(plan.bytes, plan.buffer, plan.length);
  }

  #onHeadWritten(written: boolean): void {
    const { complete, rest, status } = this.#plan!;
    if (!written) this.#end(clientGone());
    else if (complete) this.#end(null);
    else if (status === 101) this.#openTunnel();
    else if (rest === null) this.#passBody();
    else {
      this.#state = REST;
      this.#write(rest, this.#worker.input.detach(), rest.length);
    }
  }

  #write(
    bytes: Uint8Array,
    owned: Uint8Array<ArrayBuffer>,
    length: number,
  ): void {
    const result = this.#client.write(bytes, owned, length);
    if (result !== "pending") this.onClientWritten(result === "written");
    else if (!this.#listener.workerFree) {
      this.#worker.pause();
      this.#noteClientBehind();
    }
  }

  /** Who responds in a known length has most often put together all of it: what it waits for is the client. */
  #noteClientBehind(): void {
    if (this.#plan!.measured) this.#listener.onClientBehind();
  }

  #passBody(): void {
    const { decoder, chunked } = this.#plan!;
    if (decoder === null || decoder.done) return this.#end(null);
    const pump = new BodyPump({
      source: this.#worker,
      sink: this.#client,
      decoder,
      chunked,
      lost: () => this.#workerLost(),
      malformed: "upstream-malformed",
    }, this);
    this.#state = { type: "body", pump };
    pump.start();
  }

  /** Whether the worker has closed its connections as it ends. */
  #workerLost(): boolean {
    const { end, pid } = this.#connection.upstream;
    return end !== null || pid !== null && this.#context.isEnding(pid);
  }

  #openTunnel(): void {
    const tunnel = new Tunnel(this.#client, this.#worker, this);
    this.#state = { type: "tunnel", tunnel };
    tunnel.start();
  }

  /** Why there is no response, or none to the end of its head. */
  #noResponse(): ProxyError {
    const begun = this.#begun;
    const stale = this.#connection.reused && !begun;
    const { repeatable } = this.#request;
    return new ProxyError(stale ? "stale-connection" : "upstream-closed", {
      retryable: !begun && repeatable,
      note: begun || repeatable
        ? null
        : "not sent again, as it may have had its effect",
    });
  }

  /** There is no final response. Its owner looks how far it had come, and stops it. */
  #fail(error: ProxyError): void {
    this.#listener.onResponseOver(error);
  }

  #end(failure: ProxyError | null): void {
    if (this.#state.type === "over") return;
    this.#state = OVER;
    this.#listener.onResponseOver(failure);
  }
}

function clientGone(): ProxyError {
  return new ProxyError("client-gone");
}

function switchedEarly(): ProxyError {
  return new ProxyError("upstream-malformed", {
    detail: "switched protocols before it had the request",
  });
}
