/**
 * One client connection: read a head, serve it, and again, for as long as
 * both sides want to keep it.
 *
 * @module
 */

import { AdminExchange } from "./admin_exchange.ts";
import type { AdminPage } from "./admin_port.ts";
import type { Client } from "./client.ts";
import type { ProxyContext } from "./context.ts";
import type { Deadlined } from "./deadlines.ts";
import {
  Exchange,
  type ExchangeOutcome,
  type ExchangeOwner,
} from "./exchange.ts";
import type { Link, LinkHandler } from "./link.ts";
import {
  type LocalReply,
  replyToFailed,
  replyToRefused,
} from "./local_reply.ts";
import type { ProxiedRequest } from "./proxied_request.ts";
import { asProxyError, ProxyError } from "./proxy_error.ts";
import { reportExchange, reportRefusal } from "./reports.ts";
import { RequestEnding } from "./request_ending.ts";
import { RequestReader, type TakenRequest } from "./request_reader.ts";

/** How long an idle connection may still bring a request while the pool stops: the time one is on its way. */
export const DRAIN_IDLE_MS = 500;

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
  /** Receiving an error of ours, sending what is left of a request, or reading its last response. */
  | { readonly type: "ending"; readonly ending: RequestEnding }
  | { readonly type: "closed" };

const IDLE: ClientSessionState = Object.freeze({ type: "idle" });
const HEAD: ClientSessionState = Object.freeze({ type: "head" });
const CLOSED: ClientSessionState = Object.freeze({ type: "closed" });

/** Serves one client. */
export class ClientSession implements LinkHandler, ExchangeOwner, Deadlined {
  readonly #context: ProxyContext;
  readonly #link: Link;
  readonly #client: Client;
  readonly #reader: RequestReader;
  readonly #onClosed: (session: ClientSession) => void;
  #state: ClientSessionState = IDLE;
  #deadline: number;
  #idleSince: number;
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
    this.#reader = new RequestReader(context, parts.link.input, parts.client);
    const { now } = context.deadlines;
    this.#idleSince = now;
    // A client that has only just come gets as long as one that has begun.
    this.#deadline = now + context.options.headTimeoutMs;
  }

  /** What the client is doing. */
  get state(): ClientSessionState {
    return this.#state;
  }

  /** When the present wait has lasted too long. */
  get deadline(): number {
    const state = this.#state;
    if (state.type === "exchange" || state.type === "admin") {
      return state.exchange.deadline;
    }
    return state.type === "ending" ? state.ending.deadline : this.#deadline;
  }

  /** Whether nothing is under way. */
  get idle(): boolean {
    return this.#state.type === "idle";
  }

  /** When it last had nothing under way any more, or came. */
  get idleSince(): number {
    return this.#idleSince;
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
    } else if (state.type === "admin") state.exchange.cut();
    this.#close();
  }

  onData(): void {
    const state = this.#state;
    switch (state.type) {
      case "idle":
      case "head":
        return this.#takeRequests();
      case "exchange":
        return state.exchange.onClientData();
      case "admin":
        return state.exchange.onData();
      case "ending":
        return state.ending.onData();
    }
  }

  onEnd(): void {
    const state = this.#state;
    switch (state.type) {
      case "idle":
      case "head":
        return this.#finish();
      case "exchange":
      case "admin":
        return state.exchange.onClientEnd();
      case "ending":
        return state.ending.onEnd();
    }
  }

  onWritten(_link: Link, written: boolean): void {
    const state = this.#state;
    switch (state.type) {
      case "exchange":
        return state.exchange.onClientWritten(written);
      case "admin":
        return state.exchange.onWritten(written);
      case "ending":
        return state.ending.onWritten(written);
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
      let taken: TakenRequest | null;
      try {
        taken = this.#reader.take();
      } catch (error) {
        this.#refuse(asProxyError(error, "bad-request"));
        break;
      }
      if (taken === null) {
        this.#awaitRestOfHead();
        break;
      }
      this.#link.pause();
      if (taken.type === "proxied") this.#beginExchange(taken.request);
      else this.#beginAdmin(taken.page);
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
    if (this.idle) {
      this.#state = HEAD;
      this.#deadline = deadlines.now + options.headTimeoutMs;
    }
    this.#reader.makeRoom();
    if (this.#link.ended) this.#finish();
    else this.#link.resume(false);
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
    counters.awaitingResponse++;
    exchange.run();
  }

  onExchangeOver(outcome: ExchangeOutcome): void {
    const state = this.#state;
    if (state.type !== "exchange") return;
    const { exchange } = state;
    const { counters } = this.#context;
    counters.inFlight--;
    if (!exchange.responded) counters.awaitingResponse--;
    const reply = this.#replyTo(exchange, outcome);
    const end = { outcome, reply };
    reportExchange(this.#context, this.#client, exchange, end);
    if (reply !== null) return this.#beginEnding(exchange).reply(reply);
    if (outcome.type === "complete") {
      return this.#endRequest(exchange, outcome.reusable);
    }
    // The response must not look complete: no terminator, no more octets. What
    // there is of it arrives, though more of the request may be on its way.
    const heard = outcome.error.source === "upstream" && !this.#link.closed;
    if (heard) this.#beginEnding(exchange).linger();
    else this.#close();
  }

  /** What the client is told instead of a worker's response, where it can be. */
  #replyTo(exchange: Exchange, outcome: ExchangeOutcome): LocalReply | null {
    if (outcome.type === "complete") return null;
    const { error } = outcome;
    return exchange.responded || error.status === 0 || this.#link.closed
      ? null
      : replyToFailed(this.#context, exchange, error);
  }

  onBodyDiscarded(): void {
    if (this.#state.type === "ending") this.#state.ending.onBodyDiscarded();
  }

  onBodyOver(received: boolean): void {
    if (this.#state.type === "ending") this.#state.ending.onBodyOver(received);
  }

  /** The client has its response; part of its request may be left. */
  #endRequest(exchange: Exchange, keep: boolean): void {
    if (!exchange.received) {
      return this.#beginEnding(exchange).finishRequest(keep);
    }
    if (!keep) return this.#beginEnding(exchange).linger();
    exchange.dispose();
    this.#goOn();
  }

  /** Responds to a request that is not served, as the last one of the connection. */
  #refuse(error: ProxyError): void {
    const reply = replyToRefused(this.#context, error);
    reportRefusal(this.#context, this.#client, this.#reader, reply);
    this.#link.pause();
    this.#beginEnding(null).reply(reply);
  }

  /** Nothing but the end of a request is left to do, which is begun by whoever asked for it. */
  #beginEnding(exchange: Exchange | null): RequestEnding {
    const ending = new RequestEnding(this.#context, {
      link: this.#link,
      exchange,
      onOver: (outcome) => {
        if (outcome === "keep") this.#goOn();
        else if (outcome === "finish") this.#finish();
        else this.#close();
      },
    });
    this.#state = { type: "ending", ending };
    return ending;
  }

  #beginAdmin(page: AdminPage): void {
    const exchange = new AdminExchange(this.#context, {
      link: this.#link,
      page,
      onOver: (reusable) => this.#onAdminOver(reusable),
    });
    this.#state = { type: "admin", exchange };
    exchange.run();
  }

  #onAdminOver(reusable: boolean): void {
    if (this.#state.type !== "admin") return;
    if (this.#link.closed) this.#close();
    else if (reusable) this.#goOn();
    else this.#beginEnding(null).linger();
  }

  /** The client may send its next request, or has. */
  #goOn(): void {
    const { finishing, deadlines, options, draining } = this.#context;
    this.#state = IDLE;
    if (finishing || this.#link.closed) return this.#finish();
    this.#idleSince = deadlines.now;
    this.#deadline = deadlines.now +
      (draining ? DRAIN_IDLE_MS : options.idleTimeoutMs);
    this.#reader.rest();
    if (this.#taking) return;
    if (this.#link.input.available > 0) this.#takeRequests();
    else this.#awaitRequest();
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
    const state = this.#state;
    this.#state = CLOSED;
    if (state.type === "ending") state.ending.stop();
    else if (state.type === "exchange") state.exchange.dispose();
    deadlines.delete(this);
    counters.clientConnections--;
    closeLink();
    this.#onClosed(this);
  }
}
