/**
 * What is counted and reported of an exchange that is over.
 *
 * @module
 */

import type { Client } from "./client.ts";
import type { ProxyContext } from "./context.ts";
import type { Exchange, ExchangeOutcome } from "./exchange.ts";
import type { LocalReply } from "./local_reply.ts";
import type { ProxyError } from "./proxy_error.ts";
import type { RequestReader } from "./request_reader.ts";

/** What came of an exchange. */
interface ExchangeEnd {
  readonly outcome: ExchangeOutcome;
  /** What the client gets instead of a worker's response; `null` for nothing. */
  readonly reply: LocalReply | null;
}

/** Counts `exchange`, says why it failed if it did, and logs and traces it where that is wanted. */
export function reportExchange(
  context: ProxyContext,
  client: Client,
  exchange: Exchange,
  { outcome, reply }: ExchangeEnd,
): void {
  const failure = outcome.type === "failed" ? outcome.error : null;
  if (failure !== null) reportFailure(context, exchange, failure);
  const status = failure === null || exchange.responded
    ? exchange.status
    : failure.status;
  const bytesOut = reply?.contentBytes ?? exchange.bytesOut;
  reportAccess(context, client, exchange, { status, bytesOut, failure });
  if (failure?.code === "internal") context.reportFault(failure.cause);
}

/** Counts a request that nothing could be made of, or that was not served, and logs it where that is wanted. */
export function reportRefusal(
  { counters, events, clock }: ProxyContext,
  client: Client,
  reader: RequestReader,
  { status, requestId, contentBytes }: LocalReply,
): void {
  counters.record(status, 0, null);
  if (!events.wantsAccess) return;
  events.emit({
    type: "access",
    at: clock.wallTime(),
    requestId,
    clientAddress: client.address,
    ...reader.requestLine(),
    status,
    workerId: null,
    bytesOut: contentBytes,
    durationMs: 0,
    referer: null,
    userAgent: null,
    traceId: null,
    attempts: 0,
    queueWaitMs: 0,
    upstreamMs: null,
  });
}

/** Says why `exchange` failed. */
function reportFailure(
  { events }: ProxyContext,
  exchange: Exchange,
  error: ProxyError,
): void {
  const { request, responded, retries, upstream } = exchange;
  events.emit({
    type: "exchange-failed",
    requestId: request.id,
    ...request.describe(),
    workerId: upstream?.id ?? null,
    status: responded ? 0 : error.status,
    source: error.source,
    code: error.code,
    message: error.message,
    note: error.note,
    setting: error.setting ??
      (error.source === "upstream" && error.retryable && retries.exhausted
        ? "MAX_RETRIES"
        : null),
    attempts: retries.attempts,
  });
}

/** Where the fields are that the access log shows, in a head that was written by us. */
const REFERER = /\r\nreferer:[ \t]*([^\r]+)/i;
const USER_AGENT = /\r\nuser-agent:[ \t]*([^\r]+)/i;
const TRACE_ID = /\r\ntraceparent:[ \t]*[0-9a-f]{2}-([0-9a-f]{32})-/i;

function reportAccess(
  { counters, events, clock }: ProxyContext,
  client: Client,
  exchange: Exchange,
  { status, bytesOut, failure }: {
    /** What the client got. */
    readonly status: number;
    readonly bytesOut: number;
    readonly failure: ProxyError | null;
  },
): void {
  const { request, upstream } = exchange;
  const workerId = upstream?.id ?? null;
  const finishedAt = exchange.finishedAt || clock.now();
  const durationMs = finishedAt - request.startedAt;
  counters.record(status, durationMs, workerId);
  request.span?.end({
    requestId: request.id,
    status,
    failure: failure?.code ?? null,
    workerId,
    generation: upstream?.generation ?? null,
    attempts: exchange.attempts,
    queueWaitMs: exchange.queueWaitMs,
  });
  if (!events.wantsAccess) return;
  const { head } = request;
  const targetAt = head.indexOf(" ") + 1;
  events.emit({
    type: "access",
    at: clock.wallTime(),
    requestId: request.id,
    clientAddress: client.address,
    method: head.slice(0, targetAt - 1),
    target: head.slice(targetAt, head.indexOf(" ", targetAt)),
    status,
    workerId,
    bytesOut,
    durationMs,
    protocol: request.http10 ? "HTTP/1.0" : "HTTP/1.1",
    referer: found(REFERER, head),
    userAgent: found(USER_AGENT, head),
    traceId: found(TRACE_ID, head),
    attempts: exchange.attempts,
    queueWaitMs: exchange.queueWaitMs,
    upstreamMs: exchange.upstreamMs,
  });
}

function found(pattern: RegExp, head: string): string | null {
  return pattern.exec(head)?.[1] ?? null;
}
