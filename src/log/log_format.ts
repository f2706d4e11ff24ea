/**
 * How a log record looks as a line: for people, or for programs.
 *
 * @module
 */

import {
  getAnsiColorFormatter,
  getTextFormatter,
  type LogRecord,
  type TextFormatter,
  type TextFormatterOptions,
} from "npm:@logtape/logtape@^2.4.2";
import type { PoolEvent } from "../events/mod.ts";
import { eventMessage, type MessageContext } from "./event_message.ts";

/** Further lines of a message stand this far in. */
const DETAIL_INDENT = "    ";

/** Makes the record that goes to LogTape; its category is the logger's. */
export function recordOf(
  event: PoolEvent,
  timestamp: number,
  context: MessageContext = {},
): Omit<LogRecord, "category"> {
  const { level, text, details } = eventMessage(event, context);
  // As one finished part: braces in a worker's output are no placeholders.
  return {
    level,
    timestamp,
    message: [text],
    rawMessage: text,
    properties: { event, details },
  };
}

/**
 * Lines for people: `06:08:25.123 INF worker 0 ready ...`, with the date where
 * no terminal shows them. LogTape makes control characters visible, so that a
 * worker's output cannot play tricks on the terminal.
 */
export function textFormat(
  options: { readonly terminal: boolean; readonly colors: boolean },
): TextFormatter {
  const layout: TextFormatterOptions = {
    ...(options.terminal
      ? { timestamp: "time", timeZone: null }
      : { timestamp: "rfc3339" }),
    format: ({ timestamp, level, message }) =>
      `${timestamp} ${level} ${message}`,
  };
  const format = options.colors
    ? getAnsiColorFormatter(layout)
    : getTextFormatter(layout);
  return (record) => format(withDetails(record));
}

function withDetails(record: LogRecord): LogRecord {
  const details = record.properties.details as readonly string[];
  const lines = [String(record.message[0]), ...details];
  return { ...record, message: [lines.join(`\n${DETAIL_INDENT}`)] };
}

const BARE = getTextFormatter({
  timestamp: "none",
  format: ({ message }) => message,
});

/** The same lines without time and level, for who keeps both beside them. */
export function bareFormat(record: LogRecord): string {
  return BARE(withDetails(record));
}

/** Lines for programs: a JSON object with the event's own fields beside the common ones. */
export function jsonFormat(record: LogRecord): string {
  const { type, ...fields } = record.properties.event as PoolEvent;
  return JSON.stringify({
    timestamp: new Date(record.timestamp).toISOString(),
    level: record.level,
    event: type,
    message: record.message[0],
    ...fields,
  }) + "\n";
}
