/**
 * What the core asks of whoever records traces. Spans begin and end with the
 * calls: what a worker is told of them cannot be made up later.
 *
 * @module
 */

import type { TraceContext } from "../../http1/traceparent.ts";

/** Records traces. */
export interface Tracer {
  /** A request has come, and its trace is recorded. */
  begin(request: TracedRequest): RequestSpan;
  /** Hands on what has ended: to be called every so often, and at the end. */
  flush(): void;
}

/** What is known of a request as it comes. */
export interface TracedRequest {
  readonly method: string;
  /** As sent. */
  readonly target: string;
  /** IP address of the peer. */
  readonly clientAddress: string;
  /** The span it comes from; `null` begins a trace. */
  readonly parent: TraceContext | null;
}

/** From a request's head to the end of its response. */
export interface RequestSpan {
  readonly context: TraceContext;
  /** A worker is given the request. */
  beginAttempt(attempt: TracedAttempt): AttemptSpan;
  end(outcome: RequestOutcome): void;
}

/** Which worker is given a request. */
export interface TracedAttempt {
  /** Slot of the worker. */
  readonly workerId: number;
  readonly generation: number;
  readonly hostname: string;
  readonly port: number;
  /** How often the request was sent before. */
  readonly resendCount: number;
}

/** While a worker has the request. */
export interface AttemptSpan {
  readonly context: TraceContext;
  end(outcome: AttemptSpanOutcome): void;
}

/** What has become of an attempt. */
export interface AttemptSpanOutcome {
  /** Status of the worker's response; 0 when there was none. */
  readonly status: number;
  /** The code of what failed it, or `null`. */
  readonly failure: string | null;
}

/** What has become of a request. */
export interface RequestOutcome extends AttemptSpanOutcome {
  /** As in `X-Request-Id`. */
  readonly requestId: string;
  /** Slot of the worker that had it last; `null` when none had. */
  readonly workerId: number | null;
  readonly generation: number | null;
  readonly attempts: number;
  readonly queueWaitMs: number;
}
