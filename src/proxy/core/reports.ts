/**
 * What is counted and reported of an exchange that is over.
 *
 * @module
 */

import type { Client } from "./client.ts";
import type { ProxyContext } from "./context.ts";
import type { Exchange } from "./exchange.ts";
import type { ProxyError } from "./proxy_error.ts";

/** Says why `exchange` failed. */
export function reportFailure(
  { events }: ProxyContext,
  exchange: Exchange,
  error: ProxyError,
): void {
  const { request, responded, retries } = exchange;
  events.emit({
    type: "exchange-failed",
    requestId: request.id,
    ...request.describe(),
    workerId: exchange.workerId,
    status: responded ? 0 : error.status,
    source: error.source,
    code: error.code,
    message: error.message,
    note: error.note,
    setting: error.setting ??
      (error.retryable && retries.exhausted ? "MAX_RETRIES" : null),
    attempts: retries.attempts,
  });
}

/** Counts `exchange`, of which the client got `status`, and logs it where that is wanted. */
export function reportAccess(
  { counters, events, clock }: ProxyContext,
  client: Client,
  exchange: Exchange,
  status: number,
): void {
  const { request } = exchange;
  const finishedAt = exchange.finishedAt || clock.now();
  const durationMs = finishedAt - request.startedAt;
  counters.record(status, durationMs, exchange.workerId);
  if (!events.wantsAccess) return;
  events.emit({
    type: "access",
    requestId: request.id,
    clientAddress: client.address,
    ...request.describe(),
    status,
    workerId: exchange.workerId,
    bytesOut: exchange.bytesOut,
    durationMs,
  });
}
