/**
 * One request on one connection to a worker: send -> have the response passed
 * on, while the rest of the request body goes the other way -> keep the
 * connection, or close it.
 *
 * Knows nothing of other workers: whether it is tried again is its owner's to
 * decide.
 *
 * @module
 */

import { MEDIUM_BUFFER_BYTES } from "./buffer_pool.ts";
import type { ProxyContext } from "./context.ts";
import type { Link, LinkHandler } from "./link.ts";
import type { ProxiedRequest } from "./proxied_request.ts";
import { ProxyError } from "./proxy_error.ts";
import {
  RequestBody,
  type RequestBodyListener,
  type RequestRestListener,
} from "./request_body.ts";
import { ResponseClock } from "./response_clock.ts";
import { isRefusal, type ResponsePlan } from "./response_plan.ts";
import { ResponseRelay, type ResponseRelayListener } from "./response_relay.ts";
import type { RequestProgress } from "./reuse.ts";
import type { UpstreamConnection } from "./upstream_connection.ts";

/** What an attempt is doing for the client. */
export type AttemptState =
  /** The request is on its way to the worker, or the response to the client. */
  | { readonly type: "exchanging" }
  /** The client has its response; the worker still takes the request's body (RFC 9110 §7.5). */
  | { readonly type: "finishing-request" }
  | { readonly type: "over" };

const EXCHANGING: AttemptState = Object.freeze({ type: "exchanging" });
const FINISHING_REQUEST: AttemptState = Object.freeze({
  type: "finishing-request",
});
const OVER: AttemptState = Object.freeze({ type: "over" });

/** What came of an attempt: a response, after which the client's connection is of use or not, or a failure. */
export type AttemptOutcome =
  | { readonly type: "complete"; readonly reusable: boolean }
  | { readonly type: "failed"; readonly error: ProxyError };

/** Whose attempt it is. */
export interface AttemptOwner {
  /** The worker is done with it, though the client has not been given the response yet. Not with every attempt. */
  onWorkerFree(): void;
  onAttemptOver(outcome: AttemptOutcome): void;
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
  readonly #relay: ResponseRelay;
  #state: AttemptState = EXCHANGING;
  #bodySent: boolean;
  /** Whether the client waits to be told to send its body (RFC 9110 §10.1.1). */
  #expectsContinue: boolean;
  /** Whether the request's head is with the kernel. */
  #headWritten = false;
  /** Whether the worker is done with it, and its connection with somebody else. */
  #workerFree = false;

  /** Prepares to send `request`, which came from `client`, over `connection`. */
  constructor(
    context: ProxyContext,
    parts: {
      readonly client: Link;
      readonly request: ProxiedRequest;
      readonly connection: UpstreamConnection;
      readonly owner: AttemptOwner;
      readonly restListener: RequestRestListener;
    },
  ) {
    const { client, request, connection, restListener } = parts;
    this.#context = context;
    this.#client = client;
    this.#request = request;
    this.#owner = parts.owner;
    this.#connection = connection;
    this.#clock = new ResponseClock(context);
    this.#relay = new ResponseRelay(context, parts, this);
    this.#bodySent = request.complete;
    this.#expectsContinue = request.expectsContinue;
    if (!request.complete) {
      const { link: worker } = connection;
      const parts = { client, worker, request, restListener };
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

  /** Whether part of a response has come from the worker. */
  get begun(): boolean {
    return this.#relay.begun;
  }

  /** Whether all of the request has been read from the client and sent. */
  get sent(): boolean {
    return this.#bodySent;
  }

  /** Whether the worker is done with it: its connection is none of ours any more. */
  get workerFree(): boolean {
    return this.#workerFree;
  }

  /** Whether the request may still be read by the kernel, for a worker. */
  get beingWritten(): boolean {
    return !this.#headWritten;
  }

  /** Whether the response has no end in sight: see {@linkcode ResponseClock.isStream}. */
  get stream(): boolean {
    const { plan, awaitsWorker } = this.#relay;
    return plan !== null && this.#clock.isStream(plan, {
      trickles: this.#bodySent && awaitsWorker,
      bytesOut: this.bytesOut,
    });
  }

  /** How much of the request there is. */
  get requestProgress(): RequestProgress {
    if (this.#bodySent) return "received";
    return this.#expectsContinue && !this.body?.begun ? "withheld" : "arriving";
  }

  /** Sends the request, and waits for the response. */
  start(): void {
    const { link } = this.#connection;
    const { bytes, length } = this.#request;
    const result = link.write(bytes, null, length);
    this.#headWritten = result !== "pending";
    this.#request.uploading = this.body !== null;
    if (this.body === null) {
      this.#clock.awaitResponse();
      this.#client.watch(!this.#request.keepAlive);
      return link.resume(false);
    }
    if (this.#headWritten) this.body.onWritten(result === "written");
    // The body may have ended it all.
    if (this.#state.type === "exchanging") link.resume(false);
  }

  /** Ends it: what it waits for is closed. */
  fail(error: ProxyError): void {
    this.#end({ type: "failed", error });
  }

  /** Takes the request from its worker, as if that had closed the connection: nothing of a response has come, and it can be sent again. */
  recall(): void {
    this.fail(new ProxyError("upstream-closed", { retryable: true }));
  }

  /** Ends a tunnel of which the client has all that its worker said: the workers are gone. */
  finish(): void {
    if (this.#relay.delivered) this.#complete();
  }

  /** Ends what has lasted too long, and says whose fault it is. */
  expire(now: number): void {
    const { body } = this;
    if (body !== null && body.deadline <= now && body.look(now)) {
      body.touch();
      if (body.awaitsClient) return this.fail(new ProxyError("body-stalled"));
      // It waits for the worker, which may respond without reading all of it.
      if (this.#state.type === "finishing-request") return this.#complete();
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
    if (!this.#clock.look(now, this.#relay.taken())) return;
    this.fail(
      this.#clock.expired({
        responded: this.responded,
        awaitsWorker: this.#relay.awaitsWorker,
      }),
    );
  }

  /** The client has brought more. */
  onClientData(): void {
    const { tunnel } = this.#relay;
    if (tunnel === null) this.body?.onData();
    else tunnel.onData(this.#client);
  }

  /** The client has ended its side, in order. */
  onClientEnd(): void {
    const { tunnel } = this.#relay;
    if (tunnel !== null) tunnel.onEnd(this.#client);
    else if (this.#bodySent) this.#clock.clientEnded();
    else this.body?.onEnd();
  }

  /** What was pending towards the client is written, or never will be. */
  onClientWritten(written: boolean): void {
    this.#relay.onClientWritten(written);
  }

  /** The worker has brought more. */
  onData(): void {
    this.#relay.onWorkerData();
  }

  /** The worker has ended its side. */
  onEnd(link: Link): void {
    if (this.#state.type !== "finishing-request") this.#relay.onWorkerEnd();
    // One that only ends its side may still read: the next write shows it.
    else if (link.failed) this.#complete();
  }

  /** What was pending towards the worker is written, or never will be. */
  onWritten(link: Link, written: boolean): void {
    this.#headWritten = true;
    const { tunnel } = this.#relay;
    if (tunnel === null) this.body?.onWritten(written);
    else tunnel.onWritten(link, written);
  }

  onInterim(status: number): ProxyError | null {
    if (this.#bodySent) this.#clock.renew();
    if (status === 100) this.#expectsContinue = false;
    return this.#clock.noteInterim();
  }

  onResponse(plan: ResponsePlan): void {
    const { status, endless, contentBytes } = plan;
    const { clock, counters, dispatcher, events } = this.#context;
    this.status = status;
    if (endless) dispatcher.park(this.#request);
    this.bytesOut = contentBytes;
    if (events.wantsAccess) this.respondedAt = clock.now();
    counters.awaitingResponse--;
    this.#clock.begin();
    if (plan.complete && this.#bodySent && this.#headWritten) {
      // It has its next request before the client has this response: the
      // client is not the one that others wait for.
      this.#workerFree = true;
      this.#keepConnection(plan);
      this.#owner.onWorkerFree();
    }
  }

  onClientBehind(): void {
    if (!this.#bodySent || !this.#headWritten) return;
    this.#context.dispatcher.relieve(this.#request);
  }

  /** The client has all of its response. */
  #onResponsePassed({ status, reuse }: ResponsePlan): void {
    const { body } = this;
    if (this.#bodySent || body === null) return this.#complete();
    const waiting = this.requestProgress === "withheld";
    // In the middle of what is to follow the end would be a surprise to many;
    // not to those who are to send no more, or know of no other end.
    const ends = this.#request.http10 || waiting || isRefusal(status);
    if (!reuse.client && ends) this.#client.endWrite();
    const { link } = this.#connection;
    if (waiting || !body.sending || link.failed) return this.#complete();
    this.#clock.stop();
    this.#state = FINISHING_REQUEST;
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
    if (this.#state.type !== "exchanging") return;
    if (failure === null) this.#onResponsePassed(this.#relay.plan!);
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
    if (this.#state.type === "finishing-request") this.#complete();
    else this.fail(error);
  }

  /** The worker gets no more of the request: from now on the response is due. */
  #onBodyLeft(): void {
    this.#request.uploading = false;
    if (this.#state.type === "finishing-request") this.#complete();
    else if (!this.responded && this.#state.type !== "over") {
      this.#clock.awaitResponse();
    }
  }

  /** The client has all of its response, and the worker all that it takes of the request. */
  #complete(): void {
    const { reuse } = this.#relay.plan!;
    this.#end({ type: "complete", reusable: reuse.client });
  }

  /** The worker has been heard out, and has all of the request. */
  #keepConnection({ reuse, keepAliveSeconds }: ResponsePlan): void {
    const { connections, deadlines } = this.#context;
    if (!reuse.worker) return this.#connection.close();
    connections.put(this.#connection, deadlines.now, keepAliveSeconds);
  }

  /** The one end of every attempt. */
  #end(outcome: AttemptOutcome): void {
    if (this.#state.type === "over") return;
    this.#state = OVER;
    this.#clock.stop();
    const { underWay, plan } = this.#relay;
    this.#relay.stop();
    if (!this.#workerFree) {
      const whole = outcome.type === "complete" && this.#bodySent &&
        this.#headWritten;
      if (whole) this.#keepConnection(plan!);
      else this.#connection.close();
    }
    if (outcome.type === "failed" && underWay) {
      // What nothing but the connection's end would tell to be complete must
      // not end in order.
      if (plan === null || !plan.measured && !plan.chunked) this.#client.cut();
    } else this.body?.discard();
    this.#owner.onAttemptOver(outcome);
  }
}
