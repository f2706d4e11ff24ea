/**
 * A request that is over, as it crosses between the planes: a row, of which a
 * copy costs a third of what one of an object does.
 *
 * @module
 */

import type { AccessEvent } from "./pool_events.ts";

/** An `AccessEvent` without the names of its fields. */
export type AccessRow = readonly [
  at: number,
  requestId: string,
  clientAddress: string,
  method: string,
  target: string,
  status: number,
  workerId: number | null,
  bytesOut: number,
  durationMs: number,
  protocol: AccessEvent["protocol"],
  referer: string | null,
  userAgent: string | null,
  traceId: string | null,
  attempts: number,
  queueWaitMs: number,
  upstreamMs: number | null,
];

/** Returns the row of an event. */
export function rowOf(event: AccessEvent): AccessRow {
  return [
    event.at,
    event.requestId,
    event.clientAddress,
    event.method,
    event.target,
    event.status,
    event.workerId,
    event.bytesOut,
    event.durationMs,
    event.protocol,
    event.referer,
    event.userAgent,
    event.traceId,
    event.attempts,
    event.queueWaitMs,
    event.upstreamMs,
  ];
}

/** Returns the event of a row. */
export function eventOf(row: AccessRow): AccessEvent {
  return {
    type: "access",
    at: row[0],
    requestId: row[1],
    clientAddress: row[2],
    method: row[3],
    target: row[4],
    status: row[5],
    workerId: row[6],
    bytesOut: row[7],
    durationMs: row[8],
    protocol: row[9],
    referer: row[10],
    userAgent: row[11],
    traceId: row[12],
    attempts: row[13],
    queueWaitMs: row[14],
    upstreamMs: row[15],
  };
}
