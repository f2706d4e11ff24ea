/**
 * What can go wrong with an exchange, and the only place that says which
 * status it becomes.
 *
 * @module
 */

import { HttpError } from "../../http1/http_error.ts";

/** Which side failed. */
export type ErrorSource = "downstream" | "upstream" | "internal";

/** Seconds after which a turned away client may try again. */
const RETRY_AFTER_SECONDS = 1;

interface Outcome {
  /** Status of the response; 0 when there is nobody left to respond to. */
  readonly status: number;
  readonly source: ErrorSource;
  /** What the client is told, and the log. Names no address. */
  readonly message: string;
  /** The setting that bounds what was exceeded, where there is one. */
  readonly setting?: string;
}

const OUTCOMES = {
  "bad-request": {
    status: 400,
    source: "downstream",
    message: "The request is malformed",
  },
  "head-stalled": {
    status: 408,
    source: "downstream",
    message: "The request head did not arrive in time",
    setting: "HEAD_TIMEOUT_MS",
  },
  "body-stalled": {
    status: 408,
    source: "downstream",
    message: "The request body did not arrive in time",
    setting: "BODY_TIMEOUT_MS",
  },
  "body-too-large": {
    status: 413,
    source: "downstream",
    message: "The request body is larger than allowed",
    setting: "MAX_BODY_BYTES",
  },
  "rate-limited": {
    status: 429,
    source: "downstream",
    message: "The client makes too many requests",
    setting: "RATE_LIMIT",
  },
  "client-gone": {
    status: 0,
    source: "downstream",
    message:
      "The client closed the connection before its response was complete",
  },
  "client-stalled": {
    status: 0,
    source: "downstream",
    message: "The client stopped reading its response",
    setting: "BODY_TIMEOUT_MS",
  },
  "connect-failed": {
    status: 502,
    source: "upstream",
    message: "The worker could not be reached",
  },
  "out-of-descriptors": {
    status: 503,
    source: "internal",
    message: "The server cannot open more connections for now",
    setting: "MAX_CONNECTIONS",
  },
  "out-of-ports": {
    status: 503,
    source: "internal",
    message: "The server has no port left to reach the worker from",
  },
  "upstream-closed": {
    status: 502,
    source: "upstream",
    message:
      "The worker closed the connection before its response was complete",
  },
  "worker-ended": {
    status: 502,
    source: "upstream",
    message: "The worker ended before its response was complete",
  },
  // By us: it was given as long as it may take.
  "worker-stopped": {
    status: 502,
    source: "upstream",
    message: "The worker was stopped before its response was complete",
    setting: "DRAIN_TIMEOUT_MS",
  },
  // On a connection used before: that may have been idle for too long, which
  // says nothing about the worker's health.
  "stale-connection": {
    status: 502,
    source: "upstream",
    message: "The worker closed the connection instead of responding",
  },
  "upstream-malformed": {
    status: 502,
    source: "upstream",
    message: "The worker's response is malformed",
  },
  "response-timeout": {
    status: 504,
    source: "upstream",
    message: "The worker did not respond in time",
    setting: "REQUEST_TIMEOUT_MS",
  },
  "response-stalled": {
    status: 504,
    source: "upstream",
    message: "The worker stopped in the middle of its response",
    setting: "BODY_TIMEOUT_MS",
  },
  "queue-full": {
    status: 503,
    source: "upstream",
    message: "Too many requests are waiting for a worker",
    setting: "MAX_QUEUE",
  },
  "queue-timeout": {
    status: 503,
    source: "upstream",
    message: "No worker was free in time",
    setting: "QUEUE_TIMEOUT_MS",
  },
  // What nobody has set: to let more wait would serve none the sooner.
  "overload": {
    status: 503,
    source: "upstream",
    message: "More requests come than the workers can serve",
  },
  "never-ready": {
    status: 503,
    source: "upstream",
    message: "No worker has become ready",
  },
  "stopping": {
    status: 503,
    source: "internal",
    message: "The server is shutting down",
    setting: "DRAIN_TIMEOUT_MS",
  },
  "internal": {
    status: 500,
    source: "internal",
    message: "The server failed to handle the request",
  },
} as const satisfies Record<string, Outcome>;

/** What went wrong. */
export type ProxyErrorCode = keyof typeof OUTCOMES;

/** More than the code says. */
export interface ProxyErrorOptions {
  /** Whether the request may be sent again: nothing of it, or nothing that cannot be repeated, has been sent. */
  readonly retryable?: boolean;
  /** Overrides the status of the code, for requests refused with one of their own (414, 431, 501 ...). */
  readonly status?: number;
  /** Seconds after which another try makes sense. @default {1 with 503, else not told} */
  readonly retryAfterSeconds?: number;
  /** What exactly, for the client and the log. */
  readonly detail?: string;
  /** What else the log says, which is none of the client's business. */
  readonly note?: string | null;
  /** The setting that bounds what was exceeded. @default {that of the code, if any} */
  readonly setting?: string | null;
  /** What was thrown, where the fault is ours. */
  readonly cause?: unknown;
}

/**
 * An exchange that failed.
 *
 * No `Error`: where it was made is of no interest, and to take note of that
 * would cost more than all else that is done for a request that is turned
 * away.
 */
export class ProxyError {
  /** What went wrong. */
  readonly code: ProxyErrorCode;
  /** What the client is told, and the log. */
  readonly message: string;
  /** Status of the response; 0 when there is nobody to respond to. */
  readonly status: number;
  /** Which side failed. */
  readonly source: ErrorSource;
  /** Whether the request may be sent again. */
  readonly retryable: boolean;
  /** Seconds after which another try makes sense; `null` for no telling. */
  readonly retryAfterSeconds: number | null;
  /** What else the log says, as a sentence part. */
  readonly note: string | null;
  /** The setting that would have to be changed for it not to fail, or `null`. */
  readonly setting: string | null;
  /** What was thrown, where the fault is ours. */
  readonly cause: unknown;

  /** Creates the error for `code`. */
  constructor(code: ProxyErrorCode, options: ProxyErrorOptions = {}) {
    const outcome: Outcome = OUTCOMES[code];
    const { detail, cause } = options;
    this.code = code;
    this.message = detail ? `${outcome.message}: ${detail}` : outcome.message;
    this.cause = cause;
    this.status = options.status ?? outcome.status;
    this.source = outcome.source;
    this.retryable = options.retryable ?? false;
    this.note = options.note ?? null;
    this.setting = options.setting ?? outcome.setting ?? null;
    this.retryAfterSeconds = options.retryAfterSeconds ??
      (this.status === 503 ? RETRY_AFTER_SECONDS : null);
  }
}

/** Names an error; `malformed` is what a message that breaks the rules means here. */
export function asProxyError(
  error: unknown,
  malformed: "bad-request" | "upstream-malformed",
): ProxyError {
  if (error instanceof ProxyError) return error;
  if (error instanceof HttpError) {
    const { message: detail, status } = error;
    return malformed === "bad-request"
      ? new ProxyError(malformed, { status, detail })
      : new ProxyError(malformed, { detail });
  }
  return new ProxyError("internal", { cause: error });
}
