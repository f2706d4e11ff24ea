/**
 * How the access log shows a request: in the format that Apache, nginx and
 * whatever reads their logs call "combined".
 *
 * @module
 */

import type { AccessEvent } from "../events/mod.ts";

/** What nginx writes for a client that has gone: the format has no other word for it. */
const CLIENT_CLOSED_REQUEST = 499;

const MONTHS = [
  "Jan",
  "Feb",
  "Mar",
  "Apr",
  "May",
  "Jun",
  "Jul",
  "Aug",
  "Sep",
  "Oct",
  "Nov",
  "Dec",
] as const;

/**
 * A line of the combined format, and after that what it has no column for, as
 * `name=value`; times are milliseconds there.
 *
 * @param timestamp When the request was over, as milliseconds since the Unix epoch.
 */
export function combinedLine(event: AccessEvent, timestamp: number): string {
  const { clientAddress, method, target, protocol } = event;
  const request = quoted(`${method} ${target} ${protocol}`);
  const status = event.status === 0 ? CLIENT_CLOSED_REQUEST : event.status;
  return `${clientAddress} - - [${clfTime(timestamp)}] ${request} ${status} ` +
    `${event.bytesOut} ${quoted(event.referer)} ${quoted(event.userAgent)} ` +
    `worker=${event.workerId ?? "-"} time=${event.durationMs.toFixed(1)} ` +
    `${accessDetails(event)} id=${event.requestId}\n`;
}

/** Where the time went, how often the request was sent, and its trace. */
export function accessDetails(
  { queueWaitMs, upstreamMs, attempts, traceId }: AccessEvent,
): string {
  return `queue=${queueWaitMs.toFixed(1)} ` +
    `upstream=${upstreamMs?.toFixed(1) ?? "-"} ` +
    `attempts=${attempts} trace=${traceId ?? "-"}`;
}

/** `27/Nov/2026:10:19:09 +0000` */
function clfTime(timestamp: number): string {
  const iso = new Date(timestamp).toISOString();
  const [, year, month, day, time] = /^(\d+)-(\d+)-(\d+)T([\d:]+)/.exec(iso) ??
    [];
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${time} +0000`;
}

/** In quotes that nothing in `text` can close, as Apache does it; `null` is `"-"`. */
function quoted(text: string | null): string {
  if (text === null) return '"-"';
  const escaped = text.replace(/[^ !#-[\]-~]/g, (character) => {
    if (character === '"' || character === "\\") return `\\${character}`;
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
  return `"${escaped}"`;
}
