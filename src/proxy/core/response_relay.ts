/**
 * One response on its way from a worker to the client: its head, what of the
 * body had come with it, and the rest; or, after a switch of protocols, what
 * goes both ways.
 *
 * @module
 */

import { BodyPump, type PumpListener, type PumpOutcome } from "./body_pump.ts";
import type { Link } from "./link.ts";
import { ProxyError } from "./proxy_error.ts";
import type { ResponsePlan } from "./response_plan.ts";
import { Tunnel, type TunnelListener } from "./tunnel.ts";

/** What of a response is being passed on. */
export type ResponseRelayState =
  /** The head, with what of the body had come with it. */
  | { readonly type: "head" }
  /** What had come with the head, and did not fit. */
  | { readonly type: "rest" }
  | { readonly type: "body"; readonly pump: BodyPump }
  | { readonly type: "tunnel"; readonly tunnel: Tunnel }
  | { readonly type: "over" };

const HEAD: ResponseRelayState = Object.freeze({ type: "head" });
const REST: ResponseRelayState = Object.freeze({ type: "rest" });
const OVER: ResponseRelayState = Object.freeze({ type: "over" });

/** Is told how a response fares. */
export interface ResponseRelayListener {
  /** Octets of content are about to go to the client; the next may take `timeoutMs`, or as long as a body's may. */
  onResponseProgress(contentBytes: number, timeoutMs: number | null): void;
  /** The client has all of it; or why it has not. */
  onResponseOver(failure: ProxyError | null): void;
}

/** Passes one response on. Its owner hands it the events of both links. */
export class ResponseRelay implements PumpListener, TunnelListener {
  readonly #plan: ResponsePlan;
  readonly #client: Link;
  readonly #worker: Link;
  readonly #listener: ResponseRelayListener;
  #state: ResponseRelayState = HEAD;

  /** Prepares; nothing is written before {@linkcode start}. */
  constructor(
    plan: ResponsePlan,
    links: { readonly client: Link; readonly worker: Link },
    listener: ResponseRelayListener,
  ) {
    this.#plan = plan;
    this.#client = links.client;
    this.#worker = links.worker;
    this.#listener = listener;
  }

  /** What is being passed on. */
  get state(): ResponseRelayState {
    return this.#state;
  }

  /** Whether it is the worker that keeps the client waiting. */
  get awaitsWorker(): boolean {
    return this.#state.type === "body" && this.#state.pump.state === "reading";
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

  /** Writes the head, and goes on. */
  start(): void {
    const { bytes, buffer } = this.#plan;
    this.#write(bytes, buffer);
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
    if (state.type === "body") state.pump.onData();
    else if (state.type === "tunnel") state.tunnel.onData(this.#worker);
  }

  /** The worker has ended its side. */
  onWorkerEnd(): void {
    const state = this.#state;
    if (state.type === "body") state.pump.onEnd();
    else if (state.type === "tunnel") state.tunnel.onEnd(this.#worker);
  }

  /** What was pending towards the client is written, or never will be. */
  onClientWritten(written: boolean): void {
    const state = this.#state;
    switch (state.type) {
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

  #onHeadWritten(written: boolean): void {
    const { complete, rest, status } = this.#plan;
    if (!written) this.#end(clientGone());
    else if (complete) this.#end(null);
    else if (status === 101) this.#openTunnel();
    else if (rest === null) this.#passBody();
    else {
      this.#state = REST;
      this.#write(rest, this.#worker.input.detach());
    }
  }

  #write(bytes: Uint8Array, owned: Uint8Array<ArrayBuffer>): void {
    const result = this.#client.write(bytes, owned);
    if (result === "pending") this.#worker.pause();
    else this.onClientWritten(result === "written");
  }

  #passBody(): void {
    const { decoder, chunked } = this.#plan;
    if (decoder === null || decoder.done) return this.#end(null);
    const pump = new BodyPump({
      source: this.#worker,
      sink: this.#client,
      decoder,
      chunked,
      malformed: "upstream-malformed",
    }, this);
    this.#state = { type: "body", pump };
    pump.start();
  }

  #openTunnel(): void {
    const tunnel = new Tunnel(this.#client, this.#worker, this);
    this.#state = { type: "tunnel", tunnel };
    tunnel.start();
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
