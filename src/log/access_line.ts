/**
 * How the access log shows a request. Made for many lines: a fraction of what
 * a log record costs, which is why they go past LogTape.
 *
 * @module
 */

import type { TextFormatter } from "npm:@logtape/logtape@^2.4.2";
import type { AccessEvent } from "../events/mod.ts";
import { cachedByTime, framed } from "./line_frame.ts";

/** How requests are logged: not at all, as everything else is, or in a format of their own. */
export type AccessLogFormat = "off" | "on" | "json" | "combined";

/** Makes a line, with its end. */
export type AccessLine = (event: AccessEvent) => string;

/** How the log's other lines look. */
export interface LogLook {
  readonly format: TextFormatter;
  /** Whether they are objects. */
  readonly json: boolean;
}

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

/** Lines as ACCESS_LOG has them, in a log that looks like `log`. */
export function accessLine(access: AccessLogFormat, log: LogLook): AccessLine {
  if (access === "combined") return combinedLine();
  return access === "json" || log.json ? jsonLine() : textLine(log.format);
}

/**
 * Lines of the format that Apache, nginx and whatever reads their logs call
 * "combined", and after that what it has no column for, as `name=value`; times
 * are milliseconds there.
 */
export function combinedLine(): AccessLine {
  const timeAt = cachedByTime(clfTime);
  return (event) => {
    const { clientAddress, method, target, protocol } = event;
    // As Apache and nginx have it, where there was no such line.
    const request = quoted(
      method === "-" ? null : `${method} ${target} ${protocol}`,
    );
    const status = event.status === 0 ? CLIENT_CLOSED_REQUEST : event.status;
    return `${clientAddress} - - [${timeAt(event.at)}] ${request} ${status} ` +
      `${event.bytesOut} ${quoted(event.referer)} ${quoted(event.userAgent)} ` +
      `worker=${event.workerId ?? "-"} time=${tenths(event.durationMs)} ` +
      `${details(event)} id=${event.requestId}\n`;
  };
}

/** Lines like those of the log's other events, as `jsonFormat` makes them. */
function jsonLine(): AccessLine {
  const timeAt = cachedByTime((at) => new Date(at).toISOString());
  const json = JSON.stringify;
  // By hand, which takes a third of the time; what a client sends is quoted.
  return (event) =>
    `{"timestamp":"${timeAt(event.at)}","level":"info","event":"access",` +
    `"message":${json(accessText(event))},` +
    `"requestId":${json(event.requestId)},` +
    `"clientAddress":${json(event.clientAddress)},` +
    `"method":${json(event.method)},"target":${json(event.target)},` +
    `"status":${event.status},"workerId":${event.workerId},` +
    `"bytesOut":${event.bytesOut},"durationMs":${event.durationMs},` +
    `"protocol":"${event.protocol}","referer":${json(event.referer)},` +
    `"userAgent":${json(event.userAgent)},"traceId":${json(event.traceId)},` +
    `"attempts":${event.attempts},"queueWaitMs":${event.queueWaitMs},` +
    `"upstreamMs":${event.upstreamMs}}\n`;
}

function textLine(format: TextFormatter): AccessLine {
  const line = framed(format);
  return (event) => line(event.at, accessText(event));
}

/** What an event says. */
export function accessText(event: AccessEvent): string {
  const by = event.workerId === null ? "balancer" : `worker ${event.workerId}`;
  return `${event.clientAddress} ${event.method} ${event.target} ` +
    `${event.status} ${event.bytesOut} B ${tenths(event.durationMs)} ms ` +
    `${by} ${details(event)} ${event.requestId}`;
}

/** Where the time went, how often the request was sent, and its trace. */
function details(
  { queueWaitMs, upstreamMs, attempts, traceId }: AccessEvent,
): string {
  return `queue=${tenths(queueWaitMs)} ` +
    `upstream=${upstreamMs === null ? "-" : tenths(upstreamMs)} ` +
    `attempts=${attempts} trace=${traceId ?? "-"}`;
}

/** `27/Nov/2026:10:19:09 +0000` */
function clfTime(timestamp: number): string {
  const iso = new Date(timestamp).toISOString();
  const [, year, month, day, time] = /^(\d+)-(\d+)-(\d+)T([\d:]+)/.exec(iso) ??
    [];
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${time} +0000`;
}

/** `13.3`: as `toFixed(1)`, in a seventh of the time. */
function tenths(milliseconds: number): string {
  const rounded = Math.round(milliseconds * 10);
  const whole = Math.floor(rounded / 10);
  return `${whole}.${rounded - whole * 10}`;
}

/** What may stand in quotes as it is. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** In quotes that nothing in `text` can close, as Apache does it; `null` is `"-"`. */
function quoted(text: string | null): string {
  if (text === null) return '"-"';
  if (PLAIN.test(text)) return `"${text}"`;
  const escaped = text.replace(/[^ !#-[\]-~]/g, (character) => {
    if (character === '"' || character === "\\") return `\\${character}`;
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
  return `"${escaped}"`;
}
