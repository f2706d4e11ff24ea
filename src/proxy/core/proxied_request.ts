/**
 * A request on its way to a worker: written out once, and kept until a
 * response begins, in case it has to be sent again.
 *
 * @module
 */

import { type BodyDecoder, bodyDecoder } from "../../http1/body_decoder.ts";
import { CR, latin1Slice } from "../../http1/bytes.ts";
import { Method } from "../../http1/request_head.ts";
import {
  REQUEST_HEAD_GROWTH,
  TRACE_GROWTH,
  TRACEPARENT_BEFORE_ID,
  trustedRequestId,
  writeRequestHead,
} from "../../http1/request_writer.ts";
import { PARENT_ID_START } from "../../http1/traceparent.ts";
import { acceptsTrailers, requestTrailers } from "../../http1/trailers.ts";
import type { ClaimRequest } from "../../upstream/dispatcher.ts";
import type { Suspicion } from "../../upstream/suspicion.ts";
import type { Upstream } from "../../upstream/upstream.ts";
import type { Client } from "./client.ts";
import type { ProxyContext } from "./context.ts";
import { moveContent } from "./body_pump.ts";
import type { ProxyError } from "./proxy_error.ts";
import type { Pin } from "./skew_cookie.ts";
import type { InputBuffer } from "./input_buffer.ts";
import type { AttemptSpan, RequestSpan } from "./tracer.ts";

/** A request as it goes to a worker, and what decides how. */
export class ProxiedRequest implements ClaimRequest {
  readonly clientHash: number;
  avoid: Upstream | null = null;
  suspicion: Suspicion | null = null;
  /** Whether the rest of its body is under way: its worker has nothing to do meanwhile. */
  uploading: boolean;
  claim: object | null = null;
  waitedSince?: number;
  /** The worker that keeps something for the client. */
  readonly owner: Upstream | null;
  /** Which generation of workers the client belongs to; `null` where nobody asks. */
  readonly pin: Pin | null;

  /** When its head was read, on the clock of the driver. */
  readonly startedAt: number;
  /** When the present worker was given it, on the same clock. */
  givenAt: number;
  readonly toHead: boolean;
  readonly http10: boolean;
  readonly keepAlive: boolean;
  readonly idempotent: boolean;
  readonly upgrade: boolean;
  /** Whether the client waits to be told to send its body. */
  readonly expectsContinue: boolean;
  /** Whether the client takes the trailers of a response. */
  readonly acceptsTrailers: boolean;
  /** Takes the rest of the body from the client's connection; `null` when there is no body. */
  readonly decoder: BodyDecoder | null;
  /** Whether the body goes on in chunks. */
  readonly chunked: boolean;
  /** The head, and what of the body had come with it, up to {@linkcode length}. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Just past both in {@linkcode bytes}. */
  readonly length: number;
  /** Where in {@linkcode bytes} the id of the request begins. */
  readonly idStart: number;
  /** Just past it. */
  readonly idEnd: number;
  /** What had come with the head and did not fit; valid until the client is read from again. */
  readonly rest: Uint8Array | null = null;
  /** Octets of content in both. */
  readonly contentBytes: number = 0;
  /** Whether all of the request is in {@linkcode bytes}. */
  readonly complete: boolean;

  /** Where it is recorded; `null` where it is not. */
  readonly span: RequestSpan | null;

  /** Records that a worker has it; `null` where nothing does. */
  #attemptSpan: AttemptSpan | null = null;

  /**
   * Writes out the request in `context.requestHead`, whose head ends where
   * `input.start` is now, with what is there of its body; consumes that.
   *
   * @throws {HttpError} When that part of the body is malformed.
   */
  constructor(context: ProxyContext, input: InputBuffer, client: Client) {
    const { requestHead: head, writer, buffers } = context;
    const { forwarding } = client;
    this.startedAt = this.givenAt = context.clock.now();
    this.clientHash = client.hash;
    this.pin = context.skew === null
      ? null
      : context.skew.pinOf(input.bytes, head, forwarding.trusted);
    this.owner = context.affinity?.ownerOf(input.bytes, head) ?? null;
    this.toHead = head.method === Method.HEAD;
    this.http10 = head.minorVersion === 0;
    this.keepAlive = head.keepAlive;
    this.idempotent = head.idempotent;
    this.upgrade = head.upgrade;
    this.expectsContinue = head.expectsContinue;
    this.chunked = head.body.type === "chunked";
    this.acceptsTrailers = acceptsTrailers(input.bytes, head);
    this.decoder = head.body.type === "none"
      ? null
      : bodyDecoder(head.body, requestTrailers(input.bytes, head));

    const headBytes = input.start - head.methodStart;
    // The Host may be written twice more, and is no longer than the head.
    const trace = context.traces?.begin(input.bytes, head, client.address) ??
      null;
    this.span = trace?.span ?? null;
    this.bytes = buffers.take(
      3 * headBytes + REQUEST_HEAD_GROWTH + (trace === null ? 0 : TRACE_GROWTH),
    );
    writer.reset(this.bytes);
    const requestId = trustedRequestId(input.bytes, head, forwarding.trusted) ??
      context.requestIds.next();
    this.idStart = writeRequestHead(writer, input.bytes, head, {
      forwarding,
      requestId,
      traceparent: trace?.field ?? null,
    });
    this.idEnd = this.idStart + requestId.length;
    if (this.decoder !== null) {
      this.rest = this.#moveContent(context, input, this.decoder);
      this.contentBytes = this.decoder.contentEnd - this.decoder.contentStart;
    }
    this.length = writer.at;
    // Not later: a body that has been relayed is gone, however complete.
    this.complete = this.rest === null && (this.decoder?.done ?? true);
    this.uploading = !this.complete;
  }

  /** The generation of workers the client belongs to. */
  get generation(): number | null {
    return this.pin === null ? null : this.pin.generation;
  }

  /** Whether it may be sent again after it has been sent (RFC 9110 §9.2.2), and can be. */
  get repeatable(): boolean {
    return this.idempotent && this.complete;
  }

  /** The id of the request, as in `X-Request-Id`. */
  get id(): string {
    return latin1Slice(this.bytes, this.idStart, this.idEnd);
  }

  /** The head as the worker gets it, up to the id of the request. */
  get head(): string {
    return latin1Slice(this.bytes, 0, this.idStart);
  }

  /** Method and target, as in `"GET /"`. */
  describe(): { method: string; target: string } {
    const { bytes } = this;
    const line = latin1Slice(bytes, 0, bytes.indexOf(CR));
    const [method = "", target = ""] = line.split(" ");
    return { method, target };
  }

  /** It is given to `upstream`, which is told of the span that records that, where one does. */
  beginAttempt(
    { id: workerId, generation, hostname, port }: Upstream,
    resendCount: number,
  ): void {
    if (this.span === null) return;
    const span = this.#attemptSpan = this.span.beginAttempt({
      workerId,
      generation,
      hostname,
      port,
      resendCount,
    });
    const { spanId } = span.context;
    const at = this.idStart - TRACEPARENT_BEFORE_ID + PARENT_ID_START;
    for (let i = 0; i < spanId.length; i++) {
      this.bytes[at + i] = spanId.charCodeAt(i);
    }
  }

  /** It is given to nobody any more. */
  endAttempt(status: number, failure: ProxyError | null): void {
    this.#attemptSpan?.end({ status, failure: failure?.code ?? null });
    this.#attemptSpan = null;
  }

  /**
   * Gives the buffer back, once. While a write from it may still be under way
   * it is not used again, but left to the collector.
   */
  release(context: ProxyContext, beingWritten = false): void {
    if (!beingWritten) context.buffers.release(this.bytes);
  }

  #moveContent(
    context: ProxyContext,
    input: InputBuffer,
    decoder: BodyDecoder,
  ): Uint8Array | null {
    try {
      return moveContent(input, context.writer, decoder, this.chunked);
    } catch (error) {
      // There will be no request that could be released.
      this.release(context);
      throw error;
    }
  }
}
