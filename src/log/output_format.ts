/**
 * How a line of a worker's output looks in the log. Made for many lines: a
 * fraction of what a log record costs.
 *
 * @module
 */

import type { TextFormatter } from "npm:@logtape/logtape@^2.4.2";
import type { WorkerOutputEvent } from "../events/mod.ts";
import { cachedByTime, framed } from "./line_frame.ts";

/** How lines of the workers' output are written: as the log's own, as they are, as objects, or not at all. */
export type WorkerLogs = "prefix" | "raw" | "json" | "off";

/** Makes a line, with its end. */
export type OutputFormat = (event: WorkerOutputEvent) => string;

/** Lines as they are. */
export function rawOutput({ line }: WorkerOutputEvent): string {
  return `${line}\n`;
}

/** Lines that look like the log's other ones, as `format` makes them. */
export function prefixedOutput(format: TextFormatter): OutputFormat {
  const line = framed(format);
  return (event) =>
    line(Date.now(), `[worker ${event.workerId}] ${event.line}`);
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
