/**
 * One request on one connection to a worker: send -> await the response ->
 * pass it on, while the rest of the request body goes the other way.
 *
 * Knows nothing of other workers: whether it is tried again is its owner's to
 * decide.
 *
 * @module
 */

import {
  HEADROOM,
  LARGE_BUFFER_BYTES,
  MEDIUM_BUFFER_BYTES,
  TAILROOM,
} from "./buffer_pool.ts";
import type { ProxyContext } from "./context.ts";
import type { Link, LinkHandler, WriteResult } from "./link.ts";
import type { ProxiedRequest } from "./proxied_request.ts";
import { asProxyError, ProxyError } from "./proxy_error.ts";
import { RequestBody, type RequestBodyListener } from "./request_body.ts";
import {
  isRefusal,
  responseHeadTooLarge,
  type ResponsePlan,
  takeResponse,
} from "./response_plan.ts";
import { ResponseClock } from "./response_clock.ts";
import { ResponseRelay, type ResponseRelayListener } from "./response_relay.ts";
import type { RequestProgress } from "./reuse.ts";
import type { Tunnel } from "./tunnel.ts";
import type { UpstreamConnection } from "./upstream_connection.ts";

/** What an attempt is doing for the client. */
export type AttemptState =
  /** The request is being sent, or has been, and the worker is to respond. */
  | { readonly type: "awaiting-response" }
  /** An interim response is being written; another head follows. */
  | { readonly type: "passing-interim"; readonly plan: ResponsePlan }
  /** The final response is being passed on. */
  | {
    readonly type: "passing-response";
    readonly plan: ResponsePlan;
    readonly relay: ResponseRelay;
  }
  /** The client has its response; the worker still takes the request's body (RFC 9110 §7.5). */
  | { readonly type: "finishing-request"; readonly plan: ResponsePlan }
  | { readonly type: "over" };

const AWAITING_RESPONSE: AttemptState = Object.freeze({
  type: "awaiting-response",
});
const OVER: AttemptState = Object.freeze({ type: "over" });

/** What came of an attempt: a response, after which the client's connection is of use or not, or a failure. */
export type AttemptOutcome =
  | { readonly type: "complete"; readonly reusable: boolean }
  | { readonly type: "failed"; readonly error: ProxyError };

/** Whose attempt it is. */
export interface AttemptOwner {
  onAttemptOver(outcome: AttemptOutcome): void;
  /** Octets of the request that nobody wants were read. */
  onBodyDiscarded(): void;
  /** Nothing more of the request is read; whether all of it was. */
  onBodyOver(received: boolean): void;
}

/** Takes one request to a worker, and its response to the client. */
export class Attempt
  implements LinkHandler, RequestBodyListener, ResponseRelayListener {
  /** Status of the worker's response, 0 before there is one. */
  status = 0;
  /** Octets of content sent to the client. */
  bytesOut = 0;
  /** When the worker responded, on the clock of the driver; 0 before that, and while nobody wants to know. */
  respondedAt = 0;
  /** The rest of the request's body; `null` when the request came whole. */
  readonly body: RequestBody | null = null;

  readonly #context: ProxyContext;
  readonly #client: Link;
  readonly #request: ProxiedRequest;
  readonly #owner: AttemptOwner;
  readonly #connection: UpstreamConnection;
  readonly #clock: ResponseClock;
  #state: AttemptState = AWAITING_RESPONSE;
  #bodySent: boolean;
  /** Whether the client waits to be told to send its body (RFC 9110 §10.1.1). */
  #expectsContinue: boolean;
  /** Whether part of a head has come, or an interim response. */
  #begun = false;
  /** Whether the request's head is with the kernel. */
  #headWritten = false;

  /** Prepares to send `request`, which came from `client`, over `connection`. */
  constructor(
    context: ProxyContext,
    parts: {
      readonly client: Link;
      readonly request: ProxiedRequest;
      readonly connection: UpstreamConnection;
      readonly owner: AttemptOwner;
    },
  ) {
    const { client, request, connection } = parts;
    this.#context = context;
    this.#client = client;
    this.#request = request;
    this.#owner = parts.owner;
    this.#connection = connection;
    this.#clock = new ResponseClock(context);
    this.#bodySent = request.complete;
    this.#expectsContinue = request.expectsContinue;
    if (!request.complete) {
      const { link: worker } = connection;
      const parts = { client, worker, request };
      this.body = new RequestBody(context, parts, this);
    }
  }

  /** What it is doing for the client. */
  get state(): AttemptState {
    return this.#state;
  }

  /** When a wait has lasted too long. Each direction has its own, so that one that stalls does not hide behind the other. */
  get deadline(): number {
    return Math.min(this.#clock.deadline, this.body?.deadline ?? Infinity);
  }

  /** Whether part of a response has been sent: nothing but the rest of it can follow. */
  get responded(): boolean {
    return this.status !== 0;
  }

  /** Whether the response, cut now, leaves the client nothing to go on with. */
  get underWay(): boolean {
    return this.responded || this.#state.type === "passing-interim";
  }

  /** Whether part of a response has come from the worker. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Whether all of the request has been read from the client and sent. */
  get sent(): boolean {
    return this.#bodySent;
  }

  /** Whether the request may still be read by the kernel, for a worker. */
  get beingWritten(): boolean {
    return !this.#headWritten;
  }

  /** The tunnel that its response has opened, if it has. */
  get tunnel(): Tunnel | null {
    const state = this.#state;
    return state.type === "passing-response" ? state.relay.tunnel : null;
  }

  /** How the response goes on, once its head is being passed on. */
  get plan(): ResponsePlan | null {
    return "plan" in this.#state ? this.#state.plan : null;
  }

  /** Whether it is the worker that keeps the client waiting. */
  get awaitsWorker(): boolean {
    const state = this.#state;
    return state.type === "awaiting-response" ||
      state.type === "passing-response" && state.relay.awaitsWorker;
  }

  /** Whether the response has no end in sight: see {@linkcode ResponseClock.isStream}. */
  get stream(): boolean {
    const { plan } = this;
    return plan !== null && this.#clock.isStream(plan, {
      trickles: this.#bodySent && this.awaitsWorker,
      bytesOut: this.bytesOut,
    });
  }

  /** Sends the request, and waits for the response. */
  start(): void {
    const { link } = this.#connection;
    const result = link.write(this.#request.bytes, null);
    this.#headWritten = result !== "pending";
    this.#request.uploading = this.body !== null;
    if (this.body === null) {
      this.#clock.awaitResponse();
      this.#client.watch(!this.#request.keepAlive);
      return link.resume(false);
    }
    if (this.#headWritten) this.body.onWritten(result === "written");
    // The body may have ended it all.
    if (this.#state.type === "awaiting-response") link.resume(false);
  }

  /** Ends it: what it waits for is closed. */
  fail(error: ProxyError): void {
    this.#end({ type: "failed", error });
  }

  /** Takes the request from its worker, as if that had closed the connection. */
  recall(): void {
    this.fail(this.#noResponse());
  }

  /** Ends a tunnel of which the client has all that its worker said: the workers are gone. */
  finish(): void {
    const state = this.#state;
    if (state.type === "passing-response" && state.relay.delivered) {
      this.#complete(state.plan);
    }
  }

  /** Ends what has lasted too long, and says whose fault it is. */
  expire(now: number): void {
    const { body } = this;
    if (body !== null && body.deadline <= now) {
      body.touch();
      if (body.awaitsClient) return this.fail(new ProxyError("body-stalled"));
      // It waits for the worker, which may respond without reading all of it.
      if (this.#state.type === "finishing-request") {
        return this.#complete(this.#state.plan);
      }
      if (!this.responded) {
        return this.fail(
          new ProxyError("response-timeout", {
            setting: "BODY_TIMEOUT_MS",
            note: "it reads no more of the request body",
          }),
        );
      }
    }
    if (this.#clock.deadline > now) return;
    this.fail(
      this.#clock.expired({
        responded: this.responded,
        awaitsWorker: this.awaitsWorker,
      }),
    );
  }

  /** The client has brought more. */
  onClientData(): void {
    const { tunnel } = this;
    if (tunnel === null) this.body?.onData();
    else tunnel.onData(this.#client);
  }

  /** The client has ended its side, in order. */
  onClientEnd(): void {
    const { tunnel } = this;
    if (tunnel !== null) tunnel.onEnd(this.#client);
    else if (this.#bodySent) this.#clock.clientEnded();
    else this.body?.onEnd();
  }

  /** What was pending towards the client is written, or never will be. */
  onClientWritten(written: boolean): void {
    const state = this.#state;
    if (state.type === "passing-response") state.relay.onClientWritten(written);
    else if (state.type !== "passing-interim") return;
    else if (this.#endInterim(state.plan, written)) this.#readResponse();
  }

  /** The worker has brought more. */
  onData(): void {
    const state = this.#state;
    if (state.type === "awaiting-response") this.#readResponse();
    else if (state.type === "passing-response") state.relay.onWorkerData();
  }

  /** The worker has ended its side. */
  onEnd(link: Link): void {
    const state = this.#state;
    switch (state.type) {
      case "awaiting-response":
        return this.fail(this.#noResponse());
      case "passing-response":
        return state.relay.onWorkerEnd();
      case "finishing-request":
        // One that only ends its side may still read: the next write shows it.
        if (link.failed) this.#complete(state.plan);
    }
  }

  /** What was pending towards the worker is written, or never will be. */
  onWritten(link: Link, written: boolean): void {
    this.#headWritten = true;
    const { tunnel } = this;
    if (tunnel === null) this.body?.onWritten(written);
    else tunnel.onWritten(link, written);
  }

  /** Takes what has come of the response; passes interim ones on. */
  #readResponse(): void {
    const { input } = this.#connection.link;
    for (;;) {
      let plan: ResponsePlan | null;
      try {
        plan = input.available === 0 ? null : takeResponse(
          this.#context,
          this.#connection,
          this.#request,
          this.#progress,
        );
      } catch (error) {
        return this.fail(asProxyError(error, "upstream-malformed"));
      }
      if (plan === null) return this.#awaitMore();
      this.#begun = true;
      if (!plan.interim) return this.#passHead(plan);
      if (this.#bodySent) this.#clock.renew();
      this.#state = { type: "passing-interim", plan };
      const result = this.#writeInterim(plan);
      if (result === "pending") return this.#connection.link.pause();
      if (!this.#endInterim(plan, result === "written")) return;
    }
  }

  /** Part of a head is there, or nothing. */
  #awaitMore(): void {
    const { link } = this.#connection;
    const { available, full } = link.input;
    const { maxHeadBytes } = this.#context.options;
    this.#begun ||= available > 0;
    if (available >= maxHeadBytes) {
      return this.fail(responseHeadTooLarge(maxHeadBytes));
    }
    if (link.ended) return this.fail(this.#noResponse());
    if (full) link.input.resize(LARGE_BUFFER_BYTES);
    // Where more is allowed than the largest buffer holds.
    if (link.input.full) link.input.resize(maxHeadBytes + HEADROOM + TAILROOM);
    link.resume(false);
  }

  #writeInterim({ bytes, buffer }: ResponsePlan): WriteResult {
    if (!this.#request.http10) return this.#client.write(bytes, buffer);
    // RFC 9110 §15.2: a 1.0 client does not know interim responses.
    this.#context.buffers.release(buffer);
    return "written";
  }

  /** Whether the final response can follow. */
  #endInterim(plan: ResponsePlan, written: boolean): boolean {
    if (!written) this.fail(new ProxyError("client-gone"));
    else {
      this.#state = AWAITING_RESPONSE;
      if (plan.status === 100) this.#expectsContinue = false;
    }
    return written;
  }

  #passHead(plan: ResponsePlan): void {
    // RFC 9110 §7.8: not before the request has been received.
    if (plan.status === 101 && !this.#bodySent) {
      return this.fail(switchedEarly());
    }
    this.status = plan.status;
    if (plan.endless) this.#context.dispatcher.park(this.#request);
    this.bytesOut = plan.contentBytes;
    const { clock, counters, events } = this.#context;
    if (events.wantsAccess) this.respondedAt = clock.now();
    counters.unanswered--;
    this.#clock.begin();
    const links = { client: this.#client, worker: this.#connection.link };
    const relay = new ResponseRelay(plan, links, this);
    this.#state = { type: "passing-response", plan, relay };
    relay.start();
  }

  /** The client has all of its response. */
  #onResponsePassed(plan: ResponsePlan): void {
    const { body } = this;
    if (this.#bodySent || body === null) return this.#complete(plan);
    const waiting = this.#progress === "withheld";
    // In the middle of what is to follow the end would be a surprise to many;
    // not to those who are to send no more, or know of no other end.
    const ends = this.#request.http10 || waiting || isRefusal(plan.status);
    if (!plan.reuse.client && ends) this.#client.endWrite();
    const { link } = this.#connection;
    if (waiting || !body.sending || link.failed) return this.#complete(plan);
    this.#clock.stop();
    this.#state = { type: "finishing-request", plan };
    body.touch();
    link.input.resize(MEDIUM_BUFFER_BYTES);
    link.watch(false);
  }

  onResponseProgress(contentBytes: number, timeoutMs: number | null): void {
    this.bytesOut += contentBytes;
    this.#clock.touch(timeoutMs ?? this.#context.options.bodyTimeoutMs);
    if (this.#context.finishing) this.finish();
  }

  onResponseOver(failure: ProxyError | null): void {
    if (this.#state.type !== "passing-response") return;
    if (failure === null) this.#onResponsePassed(this.#state.plan);
    else this.fail(failure);
  }

  onBodySent(): void {
    this.#bodySent = true;
    this.#onBodyLeft();
    if (this.#state.type === "over") return;
    if (this.#client.ended) this.#clock.clientEnded();
    else this.#client.watch(false);
  }

  onBodyRefused(): void {
    this.#onBodyLeft();
  }

  onBodyFailed(error: ProxyError): void {
    // A response that is complete by then stays it.
    if (this.#state.type === "finishing-request") {
      this.#complete(this.#state.plan);
    } else this.fail(error);
  }

  onBodyDiscarded(): void {
    this.#owner.onBodyDiscarded();
  }

  onBodyOver(received: boolean): void {
    this.#owner.onBodyOver(received);
  }

  /** The worker gets no more of the request: from now on the response is due. */
  #onBodyLeft(): void {
    this.#request.uploading = false;
    if (this.#state.type === "finishing-request") {
      this.#complete(this.#state.plan);
    } else if (!this.responded && this.#state.type !== "over") {
      this.#clock.awaitResponse();
    }
  }

  get #progress(): RequestProgress {
    if (this.#bodySent) return "received";
    return this.#expectsContinue && !this.body?.begun ? "withheld" : "arriving";
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

  #complete(plan: ResponsePlan): void {
    this.#end({ type: "complete", reusable: plan.reuse.client });
  }

  /** The one end of every attempt. */
  #end(outcome: AttemptOutcome): void {
    const state = this.#state;
    if (state.type === "over") return;
    const { underWay } = this;
    this.#state = OVER;
    this.#clock.stop();
    if (state.type === "passing-response") state.relay.stop();
    const plan = outcome.type === "complete" && "plan" in state
      ? state.plan
      : null;
    if (plan?.reuse.worker && this.#bodySent && this.#headWritten) {
      const { connections, deadlines } = this.#context;
      connections.put(this.#connection, deadlines.now, plan.keepAliveSeconds);
    } else this.#connection.close();
    // The response must not look complete: no terminator, no more octets.
    if (outcome.type === "failed" && underWay) this.#client.close();
    else this.body?.discard();
    this.#owner.onAttemptOver(outcome);
  }
}

function switchedEarly(): ProxyError {
  return new ProxyError("upstream-malformed", {
    detail: "switched protocols before it had the request",
  });
}
