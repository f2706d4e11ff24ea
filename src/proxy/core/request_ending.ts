/**
 * What is left to do for a client once its request is served or refused: an
 * error of ours is written, the rest of the request is read, and where that was
 * the last one, the client is listened to until it has read its response.
 *
 * A request that was received whole, and whose response leaves the connection
 * in use, has no such end.
 *
 * @module
 */

import type { ProxyContext } from "./context.ts";
import type { Exchange } from "./exchange.ts";
import type { Link } from "./link.ts";
import { Linger } from "./linger.ts";
import type { LocalReply } from "./local_reply.ts";
import { MAX_DISCARDED_BYTES } from "./request_body.ts";

/** What the end of a request waits for. */
export type RequestEndingState =
  /** To be begun. */
  | { readonly type: "new" }
  /** The client to take an error of ours. */
  | {
    readonly type: "error";
    readonly keep: boolean;
    readonly deadline: number;
  }
  /** The client has its response: the rest of its request. */
  | {
    readonly type: "finishing-request";
    readonly keep: boolean;
    readonly linger: Linger;
  }
  /** The client to have read its last response. */
  | Lingering
  | { readonly type: "over" };

interface Lingering {
  readonly type: "lingering";
  readonly linger: Linger;
  discardedBytes: number;
}

const NEW: RequestEndingState = Object.freeze({ type: "new" });
const OVER: RequestEndingState = Object.freeze({ type: "over" });

/** What becomes of the client's connection: it may carry another request, is ended in order, or at once. */
export type RequestEndingOutcome = "keep" | "finish" | "close";

/** Ends one request. */
export class RequestEnding {
  readonly #context: ProxyContext;
  readonly #link: Link;
  readonly #onOver: (outcome: RequestEndingOutcome) => void;
  /** What has served the request; `null` where nothing has, and once it is done with. */
  #exchange: Exchange | null;
  #state: RequestEndingState = NEW;

  /** Takes over `exchange`; `onOver` is called once. */
  constructor(
    context: ProxyContext,
    parts: {
      readonly link: Link;
      readonly exchange: Exchange | null;
      readonly onOver: (outcome: RequestEndingOutcome) => void;
    },
  ) {
    this.#context = context;
    this.#link = parts.link;
    this.#exchange = parts.exchange;
    this.#onOver = parts.onOver;
  }

  /** What it waits for. */
  get state(): RequestEndingState {
    return this.#state;
  }

  /** When the client has taken too long. */
  get deadline(): number {
    const state = this.#state;
    if (state.type === "error") return state.deadline;
    return "linger" in state ? state.linger.deadline : Infinity;
  }

  /** Begins with an error of ours. */
  reply({ bytes, keep }: LocalReply): void {
    const { deadlines, options } = this.#context;
    const deadline = deadlines.now + options.bodyTimeoutMs;
    this.#state = { type: "error", keep, deadline };
    const result = this.#link.write(bytes, null);
    if (result !== "pending") this.onWritten(result === "written");
  }

  /** Begins with the rest of a request whose response is complete. */
  finishRequest(keep: boolean): void {
    const exchange = this.#exchange!;
    if (!keep) this.#link.endWrite();
    const linger = new Linger(this.#context);
    this.#state = { type: "finishing-request", keep, linger };
    const state = exchange.body?.state;
    if (state === undefined) this.#endBody(false, linger);
    else if (state.type === "over") {
      this.#endBody(keep && state.received, linger);
    }
  }

  /** Begins by listening: nothing of the request is left. What the client has sent behind it would cost it its response. */
  linger(linger: Linger = new Linger(this.#context)): void {
    this.#exchange?.dispose();
    this.#exchange = null;
    const state: Lingering = { type: "lingering", linger, discardedBytes: 0 };
    this.#state = state;
    this.#link.endWrite();
    this.#discard(state);
  }

  /** Waits for nothing any more, and calls nobody. */
  stop(): void {
    this.#state = OVER;
    this.#exchange?.dispose();
    this.#exchange = null;
  }

  /** The client has brought more. */
  onData(): void {
    const state = this.#state;
    if (state.type === "lingering") this.#discard(state);
    else this.#exchange?.onClientData();
  }

  /** The client sends no more. */
  onEnd(): void {
    if (this.#state.type === "lingering") this.#end("finish");
    else this.#exchange?.onClientEnd();
  }

  /** What was pending is written, or never will be. */
  onWritten(written: boolean): void {
    const state = this.#state;
    if (state.type !== "error") return;
    const { keep } = state;
    if (!written) this.#end("close");
    else if (this.#exchange?.received === false) this.finishRequest(keep);
    else if (keep) this.#end("keep");
    else this.linger();
  }

  /** Octets of the request that nobody wants were read. */
  onBodyDiscarded(): void {
    const state = this.#state;
    if (state.type === "finishing-request") state.linger.renew();
  }

  /** Nothing more of the request is read; whether all of it was. */
  onBodyOver(received: boolean): void {
    const state = this.#state;
    if (state.type === "finishing-request") {
      this.#endBody(state.keep && received, state.linger);
    }
  }

  #endBody(keep: boolean, linger: Linger): void {
    if (keep) this.#end("keep");
    else this.linger(linger);
  }

  #discard(state: Lingering): void {
    const { input, ended } = this.#link;
    state.discardedBytes += input.available;
    input.start = input.end;
    state.linger.renew();
    if (ended || state.discardedBytes >= MAX_DISCARDED_BYTES) {
      return this.#end("finish");
    }
    this.#link.resume(false);
  }

  #end(outcome: RequestEndingOutcome): void {
    if (this.#state.type === "over") return;
    this.stop();
    this.#onOver(outcome);
  }
}
