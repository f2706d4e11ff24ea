/**
 * Responses of our own, where there is none of a worker: errors, counted
 * and written out.
 *
 * @module
 */

import { latin1Slice } from "../../http1/bytes.ts";
import {
  type ErrorResponse,
  errorResponse,
  type WrittenResponse,
} from "../../http1/error_response.ts";
import type { ProxyContext } from "./context.ts";
import type { Exchange } from "./exchange.ts";
import type { ProxyError } from "./proxy_error.ts";
import { decideReuse } from "./reuse.ts";

/** An error, written out. */
export interface LocalReply extends WrittenResponse {
  readonly status: number;
  readonly requestId: string;
  /** Whether the client's connection may carry another request after it. */
  readonly keep: boolean;
}

/** Tells the client of a request that has failed. */
export function replyToFailed(
  { counters, dateLine, draining }: ProxyContext,
  { request, received }: Exchange,
  error: ProxyError,
): LocalReply {
  const { client: keep } = decideReuse({
    clientKeepsAlive: request.keepAlive,
    request: received ? "received" : "withheld",
    refusal: true,
    clientAtFault: error.status < 500,
    delimited: true,
    switched: false,
    draining,
    workerKeepsAlive: false,
  });
  counters.recordError(error.status);
  return localReply(keep, {
    status: error.status,
    message: error.message,
    close: !keep,
    toHead: request.toHead,
    requestId: request.id,
    dateLine: dateLine.text,
    retryAfterSeconds: error.retryAfterSeconds,
  });
}

/** Tells a client of which nothing is served any more why its request is not. */
export function replyToRefused(
  { counters, dateLine, requestIds }: ProxyContext,
  { status, message, retryAfterSeconds }: ProxyError,
): LocalReply {
  counters.recordError(status);
  const id = requestIds.next();
  return localReply(false, {
    status,
    message,
    requestId: latin1Slice(id, 0, id.length),
    dateLine: dateLine.text,
    retryAfterSeconds,
  });
}

function localReply(
  keep: boolean,
  response: ErrorResponse & { readonly requestId: string },
): LocalReply {
  const { status, requestId } = response;
  return { status, requestId, ...errorResponse(response), keep };
}
