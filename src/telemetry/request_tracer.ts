/**
 * Spans of requests and of attempts, by OpenTelemetry's API: Deno's own
 * exporter takes them from there, in whichever thread they are made.
 *
 * To be loaded only when traces are wanted.
 *
 * @module
 */

import {
  type Attributes,
  type Context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from "npm:@opentelemetry/api@^1.10.0";
import type { TraceContext } from "../http1/traceparent.ts";
import type {
  AttemptSpan,
  AttemptSpanOutcome,
  RequestOutcome,
  RequestSpan,
  TracedAttempt,
  TracedRequest,
  Tracer,
} from "../proxy/core/tracer.ts";

/** What records them is called. */
const SCOPE = "prefork-pool";

/** Methods that may name a span (RFC 9110, RFC 5789); others would be as many names as clients like. */
const KNOWN_METHODS: ReadonlySet<string> = new Set([
  "CONNECT",
  "DELETE",
  "GET",
  "HEAD",
  "OPTIONS",
  "PATCH",
  "POST",
  "PUT",
  "TRACE",
]);

/** Whether anybody takes the spans that are made: not without `OTEL_DENO=true`. */
export function isExporting(): boolean {
  const span = trace.getTracer(SCOPE).startSpan("probe", { root: true });
  // It is never ended, and so never seen.
  return isSpanContextValid(span.spanContext());
}

/** Spans that may wait for {@linkcode Tracer.flush}, so that a burst takes no memory. */
const MAX_ENDED = 256;

/** Spans that have ended, and what their ends say. */
const ended: EndedSpan[] = [];

/** A span that has ended, at `at` in milliseconds since 1970. */
interface EndedSpan {
  readonly span: Span;
  readonly outcome: AttemptSpanOutcome;
  /** Statuses from this on are errors on its side. */
  readonly errorsFrom: number;
  readonly at: number;
}

/** Makes the spans of requests. */
export function requestTracer(): Tracer {
  return { begin: (request) => new ServerSpan(request), flush };
}

/** Each wakes Deno's exporter, which costs as much as all the rest: together they wake it once. */
function flush(): void {
  for (const each of ended) report(each);
  ended.length = 0;
}

const TRACER = trace.getTracer(SCOPE);

/** A request, from the balancer's side. */
class ServerSpan implements RequestSpan {
  readonly context: TraceContext;
  readonly #span: Span;
  readonly #within: Context;
  readonly #method: Attributes;
  readonly #name: string;
  readonly #path: string;

  constructor({ method, target, clientAddress, parent }: TracedRequest) {
    const known = KNOWN_METHODS.has(method);
    this.#name = known ? method : "HTTP";
    this.#method = known ? { "http.request.method": method } : {
      "http.request.method": "_OTHER",
      "http.request.method_original": method,
    };
    // What is in a query is nobody's business who reads traces.
    this.#path = target.split("?", 1)[0]!;
    this.#span = TRACER.startSpan(this.#name, {
      kind: SpanKind.SERVER,
      root: parent === null,
      attributes: {
        ...this.#method,
        "url.path": this.#path,
        "client.address": clientAddress,
      },
    }, parent === null ? ROOT_CONTEXT : remote(parent));
    this.#within = trace.setSpan(ROOT_CONTEXT, this.#span);
    this.context = contextOf(this.#span);
  }

  beginAttempt(attempt: TracedAttempt): AttemptSpan {
    const { hostname, port, resendCount } = attempt;
    const span = TRACER.startSpan(this.#name, {
      kind: SpanKind.CLIENT,
      attributes: {
        ...this.#method,
        "url.path": this.#path,
        "server.address": hostname,
        "server.port": port,
        "prefork.worker.id": attempt.workerId,
        "prefork.worker.generation": attempt.generation,
        ...resendCount > 0 && { "http.request.resend_count": resendCount },
      },
    }, this.#within);
    return {
      context: contextOf(span),
      end: (outcome) => endSpan(span, outcome, 400),
    };
  }

  end(outcome: RequestOutcome): void {
    const { workerId, generation, attempts } = outcome;
    this.#span.setAttributes({
      "prefork.request_id": outcome.requestId,
      "prefork.queue_wait_ms": outcome.queueWaitMs,
      "prefork.attempts": attempts,
      "prefork.retries": Math.max(0, attempts - 1),
      ...workerId !== null && { "prefork.worker.id": workerId },
      ...generation !== null && { "prefork.worker.generation": generation },
    });
    endSpan(this.#span, outcome, 500);
  }
}

function endSpan(
  span: Span,
  outcome: AttemptSpanOutcome,
  errorsFrom: number,
): void {
  const at = performance.timeOrigin + performance.now();
  ended.push({ span, outcome, errorsFrom, at });
  if (ended.length >= MAX_ENDED) flush();
}

function report({ span, outcome, errorsFrom, at }: EndedSpan): void {
  const { status, failure } = outcome;
  if (status > 0) span.setAttribute("http.response.status_code", status);
  // RFC 9110 §15: a refusal for the client's fault is none of ours.
  const failed = status >= errorsFrom || failure !== null && status < 400;
  if (failed) {
    span.setAttribute("error.type", failure ?? `${status}`);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end(at);
}

function contextOf(span: Span): TraceContext {
  const { traceId, spanId, traceFlags } = span.spanContext();
  const sampled = (traceFlags & TraceFlags.SAMPLED) !== 0;
  return { traceId, spanId, sampled };
}

function remote({ traceId, spanId, sampled }: TraceContext): Context {
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
  });
}
