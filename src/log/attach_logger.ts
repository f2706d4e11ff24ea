/**
 * Puts LogTape behind the events of a pool: each becomes a line on stderr.
 *
 * For the command line. An embedding program has a log of its own and
 * subscribes to the events itself.
 *
 * @module
 */

import { configure, getLogger, reset } from "npm:@logtape/logtape@^2.4.2";
import type { EventEmitter } from "../events.ts";
import type { MessageLevel } from "./event_message.ts";
import { type ByteSink, LineWriter } from "./line_writer.ts";
import { jsonFormat, recordOf, textFormat } from "./log_format.ts";

/** How long the last lines may take when nobody seems to read them. */
const FLUSH_TIMEOUT_MS = 1000;

const CATEGORY = "prefork-pool";

/** Where the log goes; `Deno.stderr` is one. */
export interface LogStream extends ByteSink {
  /** Whether a person is looking. */
  isTerminal(): boolean;
}

/** What is logged, and how. */
export interface LoggerOptions {
  /** Least important level that is logged. */
  readonly logLevel: MessageLevel;
  /** How a line looks. */
  readonly logFormat: "text" | "json";
  /** Whether each request is logged. */
  readonly accessLog: boolean;
  /** Where the log goes. @default {Deno.stderr} */
  readonly stream?: LogStream;
}

/** A log that is being written. */
export interface AttachedLogger {
  /**
   * Takes it off the events and writes what is left, for one second at most.
   * See {@linkcode LineWriter.flush} for a stream that nobody reads.
   */
  close(): Promise<void>;
}

/**
 * Logs the events of `events` until closed.
 *
 * Configures LogTape for the whole process, so there can be one at a time.
 * Colours are used on a terminal, unless `NO_COLOR` is set.
 */
export async function attachLogger(
  events: EventEmitter,
  options: LoggerOptions,
): Promise<AttachedLogger> {
  const stream = options.stream ?? Deno.stderr;
  const terminal = stream.isTerminal();
  const format = options.logFormat === "json"
    ? jsonFormat
    : textFormat({ terminal, colors: terminal && !Deno.noColor });
  const writer = new LineWriter(stream, {
    droppedLine: (count) =>
      format({ ...droppedRecord(count), category: [CATEGORY] }),
  });
  await configure({
    sinks: { stream: (record) => writer.write(format(record)) },
    loggers: [
      { category: CATEGORY, sinks: ["stream"], lowestLevel: options.logLevel },
      // Else LogTape greets with a line of its own on the console.
      { category: ["logtape", "meta"], lowestLevel: null },
    ],
  });
  const logger = getLogger(CATEGORY);
  const unsubscribe = events.subscribe(
    (event) => logger.emit(recordOf(event, Date.now())),
    { access: options.accessLog },
  );
  return {
    async close(): Promise<void> {
      unsubscribe();
      await reset();
      await writer.flush(FLUSH_TIMEOUT_MS);
    },
  };
}

function droppedRecord(count: number): ReturnType<typeof recordOf> {
  const message = `${count} log lines dropped: stderr is not read fast enough`;
  return recordOf({ type: "notice", level: "warning", message }, Date.now());
}
