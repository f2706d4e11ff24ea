/**
 * One request and its response: claim a worker -> connect -> attempt ->
 * release, and once more with another worker where that is safe.
 *
 * @module
 */

import type { InFlightExchange } from "../../upstream/in_flight.ts";
import type { Upstream, UpstreamEnd } from "../../upstream/upstream.ts";
import { Attempt, type AttemptOutcome, type AttemptOwner } from "./attempt.ts";
import { Connecting, type ConnectingOwner } from "./connecting.ts";
import type { ProxyContext } from "./context.ts";
import { awaitExit } from "./exit_notice.ts";
import type { Link } from "./link.ts";
import type { ProxiedRequest } from "./proxied_request.ts";
import { ProxyError } from "./proxy_error.ts";
import { QueueWait, type QueueWaitOwner } from "./queue_wait.ts";
import type { RequestBody, RequestRestListener } from "./request_body.ts";
import { Retries } from "./retries.ts";
import type { UpstreamConnection } from "./upstream_connection.ts";

/** What an exchange waits for. */
export type ExchangeState =
  /** To be run. */
  | { readonly type: "new" }
  /** A worker that is free. */
  | { readonly type: "queued"; readonly wait: QueueWait }
  /** A connection to the worker. */
  | { readonly type: "connecting"; readonly connecting: Connecting }
  /** The worker's response, and the client to take it. */
  | { readonly type: "attempting"; readonly attempt: Attempt }
  /** To know whether the worker that closed the connection has exited. */
  | { readonly type: "awaiting-exit"; readonly stop: () => void }
  | { readonly type: "over" };

const NEW: ExchangeState = Object.freeze({ type: "new" });
const OVER: ExchangeState = Object.freeze({ type: "over" });

/** What came of an exchange. */
export type ExchangeOutcome = AttemptOutcome;

/** Whose exchange it is. */
export interface ExchangeOwner extends RequestRestListener {
  /** It is over, but for the rest of the request's body. */
  onExchangeOver(outcome: ExchangeOutcome): void;
}

/** Serves one request. */
export class Exchange
  implements AttemptOwner, ConnectingOwner, QueueWaitOwner, InFlightExchange {
  next: InFlightExchange | null = null;
  previous: InFlightExchange | null = null;
  /** The worker that has, or had, the request. */
  upstream: Upstream | null = null;
  /** When the last attempt ended, on the clock of the driver. */
  finishedAt = 0;
  /** How long it has waited in the queue, in milliseconds. */
  queueWaitMs = 0;

  readonly request: ProxiedRequest;
  readonly #context: ProxyContext;
  readonly #client: Link;
  readonly #owner: ExchangeOwner;
  #state: ExchangeState = NEW;
  /** The present attempt, or the last one. */
  #attempt: Attempt | null = null;
  /** Whether an earlier attempt has ended while the request was being written. */
  #leftWriting = false;
  #clientEnded = false;
  #completed = false;
  /** Whether the worker is ours: from the claim to its release. */
  #claimed = false;
  /** `null` while nothing has failed. */
  #retries: Retries | null = null;

  /** Prepares to serve `request`, which came from `client`. */
  constructor(
    context: ProxyContext,
    parts: {
      readonly client: Link;
      readonly request: ProxiedRequest;
      readonly owner: ExchangeOwner;
    },
  ) {
    this.#context = context;
    this.#client = parts.client;
    this.#owner = parts.owner;
    this.request = parts.request;
  }

  /** What it waits for. */
  get state(): ExchangeState {
    return this.#state;
  }

  /** When a wait has lasted too long. The queue keeps its own deadline. */
  get deadline(): number {
    const state = this.#state;
    if (state.type === "attempting") return state.attempt.deadline;
    return state.type === "connecting" ? state.connecting.deadline : Infinity;
  }

  /** Status of the worker's response, 0 before there is one. */
  get status(): number {
    return this.#attempt?.status ?? 0;
  }

  /** Octets of content sent to the client. */
  get bytesOut(): number {
    return this.#attempt?.bytesOut ?? 0;
  }

  /** Times the request was sent to a worker. */
  get attempts(): number {
    return (this.#retries?.attempts ?? 0) + Number(this.#completed);
  }

  /** From its being given to the worker to the head of the response, in milliseconds; `null` where that is not known. */
  get upstreamMs(): number | null {
    const respondedAt = this.#attempt?.respondedAt ?? 0;
    return respondedAt === 0 ? null : respondedAt - this.request.givenAt;
  }

  /** Whether part of a response has been sent: nothing but the rest of it can follow. */
  get responded(): boolean {
    return this.#attempt?.responded ?? false;
  }

  /** Whether the worker has the request, or had it when it was last heard of. */
  get sent(): boolean {
    return this.#state.type === "attempting" ||
      this.#state.type === "awaiting-exit";
  }

  /** What has failed so far. */
  get retries(): Retries {
    return this.#retries ??= new Retries(this.#context, this.request);
  }

  /** Whether the kernel may still read the request for a worker that gets no more of it. */
  get beingWritten(): boolean {
    return this.#leftWriting || (this.#attempt?.beingWritten ?? false);
  }

  /** The rest of the request's body; `null` when the request came whole, or has not been sent. */
  get body(): RequestBody | null {
    return this.#attempt?.body ?? null;
  }

  /** Whether all of the request has been read from the client. */
  get received(): boolean {
    return this.#attempt?.sent ?? this.request.complete;
  }

  /** Whether it is a stream, which is not waited for to end by itself but ended by its worker when that is asked to end. */
  get stream(): boolean {
    const state = this.#state;
    return state.type === "attempting" && state.attempt.stream;
  }

  /** Begins. */
  run(): void {
    this.#claim();
  }

  /** Ends it: what it waits for is closed. */
  fail(error: ProxyError): void {
    const state = this.#state;
    switch (state.type) {
      case "new":
        return this.#end({ type: "failed", error });
      case "queued":
        state.wait.cancel();
        return this.onTurnedAway(error);
      case "connecting":
        state.connecting.cancel();
        return this.#onFailed(error);
      case "attempting":
        return state.attempt.fail(error);
      case "awaiting-exit":
        state.stop();
        return this.#decide(error);
    }
  }

  cut(): void {
    this.fail(new ProxyError("upstream-closed"));
  }

  /** Is done with the request, once it is over or its client gone: nothing more of it is read, and it cannot be sent any more. Once. */
  dispose(): void {
    this.body?.stop();
    this.request.release(this.#context, this.beingWritten);
  }

  /** Ends a tunnel whose worker is gone and has been heard out. */
  finish(): void {
    if (this.#state.type === "attempting") this.#state.attempt.finish();
  }

  /** Takes the request from a worker that hangs to another one, where that is safe. */
  retryElsewhere(): void {
    const state = this.#state;
    if (state.type !== "attempting") return;
    const { attempt } = state;
    if (!attempt.begun && this.retries.recall(this.upstream!)) attempt.recall();
  }

  /** The client has brought more. */
  onClientData(): void {
    this.#attempt?.onClientData();
  }

  /** The client sends no more. */
  onClientEnd(): void {
    if (this.#client.failed) return this.fail(new ProxyError("client-gone"));
    this.#clientEnded = true;
    const state = this.#state;
    switch (state.type) {
      // Under overload most who end their side have given up, and a worker
      // that serves them makes those behind them in the queue give up too.
      case "queued":
        return this.fail(new ProxyError("client-gone"));
      case "connecting":
        return state.connecting.clientEnded();
      default:
        return this.#attempt?.onClientEnd();
    }
  }

  /** What was pending towards the client is written, or never will be. */
  onClientWritten(written: boolean): void {
    if (this.#state.type === "attempting") {
      this.#state.attempt.onClientWritten(written);
    }
  }

  /** Ends what has lasted too long, and says whose fault it is. */
  expire(now: number): void {
    const state = this.#state;
    if (state.type === "attempting") state.attempt.expire(now);
    else if (state.type === "connecting") state.connecting.expire();
  }

  onConnected(link: Link): void {
    this.#begin(this.#context.connections.open(this.upstream!, link));
  }

  onConnectFailed(error: ProxyError): void {
    this.#onFailed(error);
  }

  onWorkerFree(): void {
    this.#release(null);
  }

  onAttemptOver(outcome: AttemptOutcome): void {
    if (outcome.type === "failed") return this.#onFailed(outcome.error);
    const upstream = this.upstream!;
    if (this.status >= 500) upstream.serverErrors++;
    else if (this.#context.suspects.size > 0) {
      // It has a response: who ends workers has none.
      this.#context.suspects.refute(this.request.describe());
    }
    this.#completed = true;
    this.#release(null);
    this.finishedAt = this.#context.clock.now();
    this.#end(outcome);
  }

  onTurnedAway(error: ProxyError): void {
    this.#leaveQueue();
    this.#end({ type: "failed", error });
  }

  onClaimed(upstream: Upstream): void {
    this.#leaveQueue();
    const { clock, connections, deadlines, dispatcher, options } =
      this.#context;
    const { request } = this;
    const failed = this.#retries?.failed ?? null;
    if (failed !== null) {
      if (!this.retries.mayBeGiven) {
        // Others were lost while it waited, or have only just come.
        dispatcher.release(upstream, request);
        return this.#end({ type: "failed", error: failed });
      }
      request.givenAt = clock.now();
    }
    this.upstream = upstream;
    this.#claimed = true;
    request.beginAttempt(upstream, this.attempts);
    upstream.exchanges.enter(this);
    // What is sent again goes over a new connection: another that was idle
    // may have been closed just as well.
    const idle = failed === null
      ? connections.take(upstream, {
        now: deadlines.now,
        repeatable: request.repeatable && options.maxRetries > 0,
      })
      : null;
    if (idle !== null) return this.#begin(idle);
    const connecting = new Connecting(this.#context, upstream, this);
    if (this.#clientEnded) connecting.clientEnded();
    this.#state = { type: "connecting", connecting };
  }

  /** Claims a worker, or waits for one. */
  #claim(): void {
    const upstream = this.#context.dispatcher.claim(this.request);
    if (upstream !== null) return this.onClaimed(upstream);
    if (this.#clientEnded) {
      return this.onTurnedAway(new ProxyError("client-gone"));
    }
    const wait = new QueueWait(this.#context, this.request, this);
    const refused = wait.begin();
    if (refused !== null) return this.onTurnedAway(refused);
    this.#state = { type: "queued", wait };
    // What had come and did not fit is still in the input.
    if (this.request.rest === null) this.#client.watch(false);
  }

  /** Takes note of how long it has waited, where it has. */
  #leaveQueue(): void {
    if (this.#state.type !== "queued") return;
    const now = this.request.givenAt = this.#context.clock.now();
    this.queueWaitMs += now - this.#state.wait.since;
  }

  #begin(connection: UpstreamConnection): void {
    this.#leftWriting = this.beingWritten;
    const attempt = this.#attempt = new Attempt(this.#context, {
      client: this.#client,
      request: this.request,
      connection,
      owner: this,
      restListener: this.#owner,
    });
    connection.use(attempt, this.#context.clock.now());
    this.#state = { type: "attempting", attempt };
    attempt.start();
    if (this.#clientEnded) attempt.onClientEnd();
  }

  /** An attempt has failed: says more of it, where the worker has exited. */
  #onFailed(error: ProxyError): void {
    const { retries, stream } = this;
    if (!retries.wantsEnd(error)) return this.#decide(error);
    const upstream = this.upstream!;
    const { timers, connector, suspects, clock } = this.#context;
    const { retryable } = error;
    const decide = (end: UpstreamEnd | null): void => {
      if (end === null && retryable) {
        const line = this.request.describe();
        suspects.noteUnanswered(upstream, line, () => clock.now());
      }
      this.#decide(retries.explain(error, end, { stream }));
    };
    if (upstream.end !== null) return decide(upstream.end);
    const stop = awaitExit(upstream, { timers, connector, retryable }, decide);
    this.#state = { type: "awaiting-exit", stop };
  }

  /** Sends the request once more, or gives it up. */
  #decide(failed: ProxyError): void {
    const upstream = this.upstream!;
    const again = this.retries.allow(failed, upstream);
    if (failed.source === "upstream" && failed.code !== "stale-connection") {
      upstream.failures++;
    }
    this.#release(failed);
    if (!again) return this.#end({ type: "failed", error: failed });
    this.#context.counters.recordRetry(failed.code);
    this.#claim();
  }

  /** Gives the claim back, where that has not been done. */
  #release(failure: ProxyError | null): void {
    if (this.#claimed) this.#claimed = false;
    else return;
    const { clock, dispatcher } = this.#context;
    const upstream = this.upstream!;
    upstream.requests++;
    this.finishedAt = clock.now();
    upstream.latencySumMs += this.finishedAt - this.request.givenAt;
    this.request.endAttempt(this.status, failure);
    upstream.exchanges.leave(this);
    dispatcher.release(upstream, this.request, {
      clientGone: failure?.code === "client-gone",
      responded: this.status > 0,
    });
  }

  #end(outcome: ExchangeOutcome): void {
    this.#state = OVER;
    this.#owner.onExchangeOver(outcome);
  }
}
