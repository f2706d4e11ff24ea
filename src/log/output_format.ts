/**
 * How a line of a worker's output looks in the log. Made for many lines: a
 * fraction of what a log record costs.
 *
 * @module
 */

import type { LogRecord, TextFormatter } from "npm:@logtape/logtape@^2.4.2";
import type { WorkerOutputEvent } from "../events/mod.ts";

/** How lines of the workers' output are written: as the log's own, as they are, as objects, or not at all. */
export type WorkerLogs = "prefix" | "raw" | "json" | "off";

/** Makes a line, with its end. */
export type OutputFormat = (event: WorkerOutputEvent) => string;

/** What a terminal might take for a command; tabs do no harm. */
// deno-lint-ignore no-control-regex -- they are what is looked for.
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/;
const EVERY_CONTROL = new RegExp(CONTROL, "g");

/** Stands for the text while the frame around it is made. */
const PLACE = "@text@";

/** Lines as they are. */
export function rawOutput({ line }: WorkerOutputEvent): string {
  return `${line}\n`;
}

/** Lines that look like the log's other ones, as `format` makes them. */
export function prefixedOutput(format: TextFormatter): OutputFormat {
  const frameAt = cachedByTime((timestamp) => {
    const frame = format(frameRecord(timestamp));
    const at = frame.indexOf(PLACE);
    return [frame.slice(0, at), frame.slice(at + PLACE.length)] as const;
  });
  return ({ workerId, line }) => {
    const [before, after] = frameAt(Date.now());
    return `${before}[worker ${workerId}] ${visible(line)}${after}`;
  };
}

/**
 * Lines as JSON objects with the fields of the log's other lines. What the
 * application wrote as an object is also there as one.
 */
export function jsonOutput(): OutputFormat {
  const headAt = cachedByTime((timestamp) =>
    `{"timestamp":"${new Date(timestamp).toISOString()}","level":"info",` +
    `"event":"worker-output"`
  );
  return ({ workerId, pid, stream, line }) => {
    const object = asObject(line);
    const message = `[worker ${workerId}] ${messageOf(object) ?? line}`;
    return `${headAt(Date.now())},"message":${JSON.stringify(message)},` +
      `"worker":${workerId},"workerId":${workerId},"pid":${pid},` +
      `"stream":"${stream}","line":${JSON.stringify(line)}` +
      (object === null ? "" : `,"json":${line}`) + "}\n";
  };
}

/** Makes visible what a terminal might take for a command. */
function visible(text: string): string {
  return CONTROL.test(text)
    ? text.replace(
      EVERY_CONTROL,
      (character) =>
        character === "\r"
          ? "\\r"
          : `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
    )
    : text;
}

/** The object that `line` is the JSON of, or `null`. */
function asObject(line: string): Readonly<Record<string, unknown>> | null {
  if (!line.startsWith("{") || !line.endsWith("}")) return null;
  try {
    return JSON.parse(line);
  } catch {
    // It only looked like one.
    return null;
  }
}

/** What loggers call the text of a line: pino `msg`, others `message`. */
function messageOf(
  object: Readonly<Record<string, unknown>> | null,
): string | null {
  const text = object?.message ?? object?.msg;
  return typeof text === "string" ? text : null;
}

function frameRecord(timestamp: number): LogRecord {
  return {
    category: [],
    level: "info",
    timestamp,
    message: [PLACE],
    rawMessage: PLACE,
    properties: { details: [] },
  };
}

/** Many lines come in the same millisecond. */
function cachedByTime<T>(make: (timestamp: number) => T): (now: number) => T {
  let at = -1;
  let value: T;
  return (now) => {
    if (now !== at) {
      value = make(now);
      at = now;
    }
    return value;
  };
}
