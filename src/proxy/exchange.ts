/**
 * One request and its response: claim -> connect -> send -> relay -> release,
 * and once more on another worker where that is safe.
 *
 * An exchange only ever waits for its sockets and for its turn in the queue.
 * Whoever wants it to end calls {@linkcode Exchange.fail}, which notes the
 * reason and closes what it waits for.
 *
 * @module
 */

import type { Upstream } from "../upstream/upstream.ts";
import { LARGE_BUFFER_BYTES } from "./buffer_pool.ts";
import type { UpstreamConnection } from "./connection_pool.ts";
import type { ProxyContext } from "./context.ts";
import { passOn } from "./pass_on.ts";
import type { ProxiedRequest } from "./proxied_request.ts";
import { asProxyError, ProxyError } from "./proxy_error.ts";
import {
  isRefusal,
  responseHeadTooLarge,
  type ResponsePlan,
  type Reuse,
  takeResponse,
} from "./response_plan.ts";
import { Retries } from "./retries.ts";
import type { Socket } from "./socket.ts";
import { Upload } from "./upload.ts";

/**
 * How long a final response may be put off by interim ones, as a multiple of
 * REQUEST_TIMEOUT_MS: each renews the wait, but a worker that sends nothing
 * else must not hold a connection for ever.
 */
const MAX_INTERIM_WAITS = 10;

/**
 * A client that has ended its side may still read its answer, or may be gone
 * altogether: the same is seen of both. It gets an answer that is about to
 * come or under way; a worker does not go on for it in silence, and does not
 * begin.
 */
const ENDED_CLIENT_GRACE_MS = 500;

/**
 * From when on an answer without a length counts as a stream, in milliseconds
 * since its head was passed on. A page that is rendered piece by piece has come
 * to its end by then.
 */
const STREAM_AFTER_MS = 5_000;

/** Octets a second up to which it does: what comes faster is a download, and has an end. */
const STREAM_BYTES_PER_SECOND = 16_384;

/** Takes one request to a worker, and its answer to the client. */
export class Exchange {
  /** Status of the worker's answer, 0 before there is one. */
  status = 0;
  /** The worker that has, or had, the request. */
  upstream: Upstream | null = null;
  /** Octets of body sent to the client. */
  bytesOut = 0;
  /** When the last attempt ended, on the clock of `performance.now()`. */
  finishedAt = 0;

  readonly request: ProxiedRequest;
  readonly #context: ProxyContext;
  readonly #client: Socket;
  #connection: UpstreamConnection | null = null;
  #leaveQueue: (() => void) | null = null;
  #failure: ProxyError | null = null;
  #clientEnded = false;
  /** Whether an interim answer is being written: cut, it leaves nothing to go on with. */
  #interimUnderWay = false;
  /** When the answer, or what is awaited before it, has stalled for too long. */
  #answerDeadline = Infinity;
  #upload: Upload | null = null;
  /** Resolves, once no part of the body is under way, with whether all of it has been read. */
  #uploading: Promise<boolean> | null = null;
  #bodySent: boolean;
  /** Whether the client waits to be told to send its body (RFC 9110 §10.1.1). */
  #expectsContinue: boolean;
  /** Whether the client has all of its response, and what happens to the rest of its body is no failure any more. */
  #responsePassed = false;
  /** Called when part of the body is dropped. */
  #onDiscard: (() => void) | null = null;
  /** `null` while nothing has failed. */
  #retries: Retries | null = null;
  /** When interim responses put the final one off no longer; 0 before there is one. */
  #interimDeadline = 0;
  /** Whether the client is to be watched from the next look at the deadlines on. */
  #watchSoon = false;
  /** How the answer goes on, once its head has been passed on. */
  #plan: ResponsePlan | null = null;
  /** When that was, on the clock of the sweep. */
  #respondedAt = 0;
  /** Whether the worker has ended its side of a tunnel, and the client has all it said. */
  #tunnelDelivered = false;
  /** Whether the present attempt has brought part of an answer's head, or an interim answer. */
  #answered = false;

  /** Prepares to serve `request`, which came from `client`. */
  constructor(context: ProxyContext, client: Socket, request: ProxiedRequest) {
    this.#context = context;
    this.#client = client;
    this.request = request;
    this.#bodySent = request.complete;
    this.#expectsContinue = request.expectsContinue;
  }

  /**
   * When a wait has lasted too long. Each direction has its own, so that one
   * that stalls does not hide behind the other.
   */
  get deadline(): number {
    if (this.#watchSoon) return 0;
    return Math.min(this.#answerDeadline, this.#upload?.deadline ?? Infinity);
  }

  /** Slot of the worker that has, or had, the request. */
  get workerId(): number | null {
    return this.upstream?.id ?? null;
  }

  /** Whether part of an answer has been sent: nothing but the rest of it can follow. */
  get responded(): boolean {
    return this.status >= 200 || this.status === 101;
  }

  /** Whether the worker has the request, or had it when it was last heard of. */
  get sent(): boolean {
    return this.#connection !== null || this.#retries?.undecided === true;
  }

  /** What has failed so far. */
  get retries(): Retries {
    return this.#retries ??= new Retries(this.#context, this.request);
  }

  /** Whether all of the request has been read from the client. */
  get received(): boolean {
    return this.#bodySent;
  }

  /**
   * Whether it is a stream, which is not waited for to end by itself but ended
   * by its worker when that is asked to end: a tunnel, an answer of a type that
   * has no end, or one without a length that has trickled for a while.
   */
  get stream(): boolean {
    const plan = this.#plan;
    if (plan === null || plan.complete) return false;
    if (plan.endless) return true;
    if (plan.measured || !this.#bodySent) return false;
    const elapsedMs = this.#context.sweep.now - this.#respondedAt;
    return elapsedMs >= STREAM_AFTER_MS &&
      (this.#connection?.socket.awaited ?? false) &&
      this.bytesOut * 1000 < elapsedMs * STREAM_BYTES_PER_SECOND;
  }

  /** Takes note that the workers are gone: what a client still says in a tunnel can reach nobody. */
  finish(): void {
    if (this.#tunnelDelivered) this.#client.close();
  }

  /**
   * Serves the request.
   *
   * @returns Whether the client's connection may be used again, once all of
   * the request has been read from it.
   * @throws {ProxyError} When there is no complete answer.
   */
  async run(): Promise<boolean> {
    const { dispatcher, counters, suspects } = this.#context;
    for (let failed: ProxyError | null = null;;) {
      const upstream = dispatcher.claim(this.request) ?? await this.#wait();
      if (failed !== null) {
        if (!this.retries.mayGoOn) {
          // Others were lost while it waited, or have only just come.
          dispatcher.release(upstream, this.request);
          throw failed;
        }
        this.retries.sentAt = performance.now();
      }
      this.upstream = upstream;
      try {
        const reusable = await this.#attempt(upstream);
        if (this.status >= 500) upstream.serverErrors++;
        if (suspects.size > 0) this.#refute();
        return reusable;
      } catch (cause) {
        const { retries } = this;
        const error = asProxyError(cause, "upstream-malformed");
        failed = await retries.explain(error, upstream);
        // The client has gone in the meantime, or it has taken too long.
        if (this.#failure !== null) failed = this.#failure;
        // A refusal is no attempt: nothing was sent, and the worker is out of
        // rotation, so that the next one is another's turn, or the queue's.
        const refused = failed.code === "connect-failed" && !upstream.accepting;
        if (!refused) retries.attempts++;
        const stale = failed.code === "stale-connection";
        if (failed.source === "upstream" && !stale) upstream.failures++;
        if (!failed.retryable || retries.exhausted || !retries.mayGoOn) {
          throw failed;
        }
      } finally {
        upstream.requests++;
        this.finishedAt = performance.now();
        upstream.latencySumMs += this.finishedAt - this.request.startedAt;
        const clientGone = this.#failure?.code === "client-gone";
        dispatcher.release(upstream, this.request, { clientGone });
      }
      counters.retries++;
      this.request.avoid = upstream;
    }
  }

  /**
   * Waits until no part of the request body is under way any more.
   *
   * @param onDiscard Called whenever a part of it is dropped.
   * @returns Whether all of it has been read.
   */
  async settled(onDiscard: () => void): Promise<boolean> {
    this.#onDiscard = onDiscard;
    return await this.#uploading ?? this.#bodySent;
  }

  /** Ends the exchange: what it waits for is closed. */
  fail(error: ProxyError): void {
    this.#failure ??= error;
    this.#leaveQueue?.();
    this.#connection?.socket.close();
    if (this.responded || this.#interimUnderWay) this.#client.close();
    this.#upload?.end();
  }

  /** Takes the request from a worker that hangs to another one, where that is safe. */
  sendElsewhere(): void {
    const { request, retries } = this;
    const safe = request.repeatable && !this.#answered;
    if (!safe || retries.left === 0 || !retries.mayGoOn) return;
    if (this.#connection === null) return;
    retries.recalled = true;
    this.#connection.socket.close();
  }

  /** It was answered: who ends workers is not. */
  #refute(): void {
    if (this.status < 500) {
      this.#context.suspects.refute(this.request.describe());
    }
  }

  /** Takes note that the client sends no more, after a complete request. */
  clientEnded(): void {
    this.#clientEnded = true;
    // Under overload most who end their side have given up, and a worker that
    // serves them makes those behind them in the queue give up too.
    if (this.#leaveQueue !== null) {
      return this.fail(new ProxyError("client-gone"));
    }
    const { now } = this.#context.sweep;
    const latest = now + ENDED_CLIENT_GRACE_MS;
    this.#answerDeadline = Math.min(this.#answerDeadline, latest);
  }

  /** Ends what has lasted too long, and says whose fault it is. */
  expire(now: number): void {
    if (this.#watchSoon) {
      this.#watchSoon = false;
      this.#client.watch();
      return;
    }
    const upload = this.#upload;
    if (upload !== null && upload.deadline <= now) {
      upload.touch();
      if (upload.awaitsClient) return this.fail(new ProxyError("body-stalled"));
      // It waits for the worker, which may answer without reading all of it.
      upload.end();
      if (!this.responded) {
        return this.fail(
          new ProxyError("response-timeout", {
            setting: "BODY_TIMEOUT_MS",
            note: "it reads no more of the request body",
          }),
        );
      }
    }
    if (this.#answerDeadline > now) return;
    this.#answerDeadline = Infinity;
    if (this.#clientEnded) return this.fail(new ProxyError("client-gone"));
    if (!this.responded) return this.fail(this.#responseTimeout());
    const awaitsWorker = this.#connection?.socket.awaited ?? true;
    this.fail(
      new ProxyError(awaitsWorker ? "response-stalled" : "client-stalled"),
    );
  }

  #responseTimeout(): ProxyError {
    const { requestTimeoutMs } = this.#context.options;
    const note = this.#interimDeadline > 0
      ? `no final response within ${MAX_INTERIM_WAITS} times that, or since ` +
        "the last interim one"
      : `no response head within ${requestTimeoutMs} ms`;
    return new ProxyError("response-timeout", { note });
  }

  /** Waits in the queue. */
  async #wait(): Promise<Upstream> {
    const { dispatcher } = this.#context;
    // The queue keeps its own deadline.
    if (!this.#clientEnded) this.#answerDeadline = Infinity;
    if (this.#bodySent) this.#client.watch();
    try {
      return await new Promise<Upstream>((resolve, reject) => {
        const ticket = dispatcher.enqueue(
          { request: this.request, resolve, reject },
          performance.now(),
        );
        this.#leaveQueue = () => {
          dispatcher.cancel(ticket);
          reject(this.#failure);
        };
      });
    } finally {
      this.#leaveQueue = null;
    }
  }

  async #attempt(upstream: Upstream): Promise<boolean> {
    const { buffers, connections, counters, options, sweep } = this.#context;
    const { request } = this;
    // What is sent again goes over a new connection: another that was idle
    // may have been closed just as well.
    const idle = request.avoid === null
      ? connections.take(
        upstream,
        sweep.now,
        request.repeatable && options.maxRetries > 0,
      )
      : null;
    const connection = idle ?? await connections.connect(upstream);
    this.#connection = connection;
    let plan: ResponsePlan | null = null;
    let complete = false;
    const sent = this.#failure === null
      ? connection.socket.write(request.bytes)
      : null;
    try {
      if (this.#failure !== null) throw this.#failure;
      if (this.#bodySent) {
        this.#touchAnswer(options.requestTimeoutMs);
        this.#watchClient();
      } else this.#uploading = this.#sendBody(connection.socket, sent!);
      // One read nearly always brings the whole head, and often all there is.
      const { socket } = connection;
      plan = await socket.more() ? this.#takeResponse(connection) : null;
      if (plan === null || plan.interim) {
        plan = await this.#awaitFinal(plan, connection);
      }
      this.status = plan.status;
      this.#plan = plan;
      this.#respondedAt = sweep.now;
      if (plan.endless) this.#context.dispatcher.park(request);
      counters.unanswered--;
      this.bytesOut = plan.contentBytes;
      this.#touchAnswer(options.bodyTimeoutMs);
      const passed = await this.#client.write(plan.bytes);
      if (plan.buffer !== null) buffers.release(plan.buffer);
      if (!passed) throw this.#failure ?? new ProxyError("client-gone");
      if (!plan.complete) await this.#passOn(plan, socket);
      if (!this.#bodySent) await this.#finishUpload(plan, socket);
      complete = this.#bodySent && plan.keepUpstream;
      return plan.keepDownstream;
    } finally {
      this.#connection = null;
      if (complete) {
        connections.put(connection, sweep.now, plan!.keepAliveSeconds);
      } else connection.socket.dispose();
      await sent;
    }
  }

  /**
   * Reads on until the final head is there, passing on interim ones.
   *
   * @param first What the first read brought: an interim answer, or nothing whole.
   */
  async #awaitFinal(
    first: ResponsePlan | null,
    connection: UpstreamConnection,
  ): Promise<ResponsePlan> {
    const { options } = this.#context;
    const { socket } = connection;
    this.#answered = first !== null;
    for (let plan = first;;) {
      if (plan !== null) {
        if (!plan.interim) return plan;
        this.#renewWait();
        await this.#passInterim(plan);
      }
      if (socket.available === 0 || plan === null) {
        this.#answered ||= socket.available > 0;
        if (socket.available >= options.maxHeadBytes) {
          throw responseHeadTooLarge(options.maxHeadBytes);
        }
        if (socket.full) socket.resize(LARGE_BUFFER_BYTES);
        if (!await socket.more()) {
          throw this.#unanswered(connection);
        }
      }
      plan = this.#takeResponse(connection);
    }
  }

  /** The worker has shown that it is at work: the final response has as long again. */
  #renewWait(): void {
    // Before the body is with the worker no response is due.
    if (!this.#bodySent) return;
    const { sweep, options: { requestTimeoutMs } } = this.#context;
    this.#interimDeadline ||= sweep.now +
      MAX_INTERIM_WAITS * requestTimeoutMs;
    this.#touchAnswer(
      Math.min(requestTimeoutMs, this.#interimDeadline - sweep.now),
    );
  }

  async #passInterim(plan: ResponsePlan): Promise<void> {
    // RFC 9110 §15.2: a 1.0 client does not know interim answers.
    this.#interimUnderWay = true;
    const passed = this.request.http10 || await this.#client.write(plan.bytes);
    this.#interimUnderWay = false;
    if (plan.status === 100) this.#expectsContinue = false;
    if (plan.buffer !== null) this.#context.buffers.release(plan.buffer);
    if (!passed) throw new ProxyError("client-gone");
  }

  /** Why there is no answer, or none to the end of its head. */
  #unanswered(connection: UpstreamConnection): ProxyError {
    if (this.#failure !== null) return this.#failure;
    const begun = this.#answered;
    const stale = connection.reused && !begun;
    const { repeatable } = this.request;
    return new ProxyError(stale ? "stale-connection" : "upstream-closed", {
      retryable: !begun && repeatable,
      note: begun || repeatable
        ? null
        : "not sent again, as it may have had its effect",
    });
  }

  /**
   * Leaves a read pending on the client, which shows when it goes. Only if its
   * answer takes a while where its connection is closed after that, since to
   * interrupt a read costs as much as half a request, and where clients take
   * turns at being listened to.
   */
  #watchClient(): void {
    if (this.request.keepAlive && !this.#context.turns.crowded) {
      this.#client.watch();
    } else this.#watchSoon = true;
  }

  get #reuse(): Reuse {
    if (!this.request.keepAlive || this.#context.draining) return "never";
    if (this.#bodySent) return "always";
    return this.#awaitsContinue ? "never" : "unless-refused";
  }

  #takeResponse(connection: UpstreamConnection): ResponsePlan | null {
    const { request } = this;
    try {
      return takeResponse(this.#context, connection, request, this.#reuse);
    } catch (error) {
      throw asProxyError(error, "upstream-malformed");
    }
  }

  /** Sends the client what did not come with the head. */
  async #passOn(plan: ResponsePlan, worker: Socket): Promise<void> {
    const outcome = await passOn(plan, {
      worker,
      client: this.#client,
      bodyTimeoutMs: this.#context.options.bodyTimeoutMs,
      onProgress: (bytes, timeoutMs) => {
        this.bytesOut += bytes;
        this.#touchAnswer(timeoutMs);
      },
      onTunnelDelivered: () => {
        this.#tunnelDelivered = true;
        if (this.#context.finishing) this.finish();
      },
    });
    if (outcome === "complete") return;
    throw this.#failure ??
      new ProxyError(outcome === "cut" ? "upstream-closed" : "client-gone");
  }

  /** Whether the client has not begun with its body and may wait to be told to: it may never send it. */
  get #awaitsContinue(): boolean {
    return this.#expectsContinue && !this.#bodySent && !this.#upload?.begun;
  }

  /**
   * Lets the rest of the body go on to the worker after the response, for as
   * long as that reads and both keep to their deadlines (RFC 9110 §7.5).
   */
  async #finishUpload(plan: ResponsePlan, worker: Socket): Promise<void> {
    this.#responsePassed = true;
    this.#answerDeadline = Infinity;
    // In the middle of what is to follow the end would be a surprise to many;
    // not to those who are to send no more, or know of no other end.
    const ends = this.request.http10 || this.#awaitsContinue ||
      isRefusal(plan.status);
    if (!plan.keepDownstream && ends) await this.#client.endWriting();
    if (this.#awaitsContinue) return;
    await this.#upload!.outlast(worker);
    if (this.#failure !== null) throw this.#failure;
  }

  /**
   * Sends the rest of the request body. Never throws.
   *
   * @returns Whether all of it has been read.
   */
  async #sendBody(sink: Socket, headSent: Promise<boolean>): Promise<boolean> {
    const upload = this.#upload = new Upload(
      this.#context,
      this.#client,
      this.request,
    );
    // The answer is not due before the body is with the worker.
    this.#answerDeadline = Infinity;
    this.request.uploading = true;
    try {
      const outcome = await upload.send(sink, headSent);
      this.request.uploading = false;
      if (!this.responded) {
        this.#touchAnswer(this.#context.options.requestTimeoutMs);
      }
      this.#bodySent = outcome === "complete";
      if (this.#bodySent) this.#client.watch();
      else if (outcome === "cut") {
        this.#failUpload(new ProxyError("client-gone"));
      }
      upload.end();
      return outcome === "refused"
        ? await upload.discard(() => this.#onDiscard?.())
        : this.#bodySent;
    } catch (error) {
      this.#failUpload(asProxyError(error, "bad-request"));
      return false;
    }
  }

  /** Ends the exchange for the client's fault; a response that is complete by then stays it. */
  #failUpload(error: ProxyError): void {
    if (this.#responsePassed) this.#upload!.end();
    else this.fail(error);
  }

  #touchAnswer(timeoutMs: number): void {
    const limitMs = this.#clientEnded
      ? Math.min(timeoutMs, ENDED_CLIENT_GRACE_MS)
      : timeoutMs;
    this.#answerDeadline = this.#context.sweep.now + limitMs;
  }
}
