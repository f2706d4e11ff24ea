/**
 * Puts LogTape behind the events of a pool: each becomes a line on stderr.
 * What the workers write goes its own way (`worker_log.ts`): it is theirs.
 *
 * For the command line. An embedding program has a log of its own and
 * subscribes to the events itself.
 *
 * @module
 */

import {
  configure,
  getLogger,
  reset,
  type TextFormatter,
} from "npm:@logtape/logtape@^2.4.2";
import type {
  AccessEvent,
  EventEmitter,
  NoticeEvent,
  PoolEvent,
} from "../events/mod.ts";
import { roundedDuration } from "../shared/duration.ts";
import { accessLine, type AccessLogFormat } from "./access_line.ts";
import type { MessageLevel } from "./event_message.ts";
import { FailedRequests } from "./failed_requests.ts";
import { FailedStarts, type StartFailureText } from "./failed_starts.ts";
import { informing, isJournal, prioritized } from "./journal.ts";
import { type ByteSink, LineWriter, type Outage } from "./line_writer.ts";
import { bareFormat, jsonFormat, recordOf, textFormat } from "./log_format.ts";
import type { WorkerLogs } from "./output_format.ts";
import type { TroubleListener } from "./output_targets.ts";
import { WorkerLog } from "./worker_log.ts";

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
  /** How a line looks; `auto` is `journal` where the log goes there, else `text`. */
  readonly logFormat: "auto" | "text" | "json" | "journal";
  /** JOURNAL_STREAM: lines have their priorities in front where that is what is written to. @default {it is not} */
  readonly journalStream?: string | undefined;
  /** Whether each request is logged, and how. */
  readonly accessLog: AccessLogFormat;
  /** How the workers' output is written. @default {"prefix"} */
  readonly workerLogs?: WorkerLogs;
  /** File for it, `{id}` being the worker. @default {where the log goes} */
  readonly workerLogFile?: string | null;
  /** Where the log goes. @default {Deno.stderr} */
  readonly stream?: LogStream;
  /** Where the workers' stdout goes with `raw`. @default {Deno.stdout} */
  readonly stdout?: ByteSink;
}

/** A log that is being written. */
export interface AttachedLogger {
  /** Opens the files of the workers' output anew, for those who have moved them away. */
  reopen(): void;
  /** Says that the pool could not be started, and nothing twice. */
  startFailed(failure: StartFailureText): void;
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
 *
 * @throws What opening `workerLogFile` throws.
 */
export async function attachLogger(
  events: EventEmitter,
  options: LoggerOptions,
): Promise<AttachedLogger> {
  const stream = options.stream ?? Deno.stderr;
  const { plain, priorities } = chooseFormat(options, stream.isTerminal());
  const format = priorities ? prioritized(plain) : plain;
  const noticeLine = (message: string): string =>
    format({ ...recordOf(warning(message), Date.now()), category: [CATEGORY] });
  const writer = new LineWriter(stream, {
    droppedLine: (count, outage) =>
      noticeLine(droppedMessage("stderr", count, outage)),
  });
  const workers = new WorkerLog({ ...options, priorities }, {
    format: plain,
    log: writer,
    stdout: options.stdout ?? Deno.stdout,
    noticeLine,
    trouble: troubleEvents(events),
  });
  await configure({
    sinks: { stream: (record) => writer.write(format(record)) },
    loggers: [
      { category: CATEGORY, sinks: ["stream"], lowestLevel: options.logLevel },
      // Else LogTape greets with a line of its own on the console.
      { category: ["logtape", "meta"], lowestLevel: null },
    ],
  });
  const json = options.logFormat === "json";
  const access = accessLine(options.accessLog, { format: plain, json });
  const line = priorities ? informing(access) : access;
  const log = new EventLog(options, {
    workers,
    // Of these there may be many: they leave room to what matters more.
    access: (event) => writer.writeBulk(line(event)),
  });
  const unsubscribe = events.subscribe((event) => log.take(event), {
    access: options.accessLog !== "off" && informs(options.logLevel),
    output: options.workerLogs === "off" ? "none" : "all",
  });
  return {
    reopen: () => workers.reopen(),
    startFailed: (failure) => log.startFailed(failure),
    async close(): Promise<void> {
      unsubscribe();
      log.close();
      await reset();
      await Promise.all([
        workers.flush(FLUSH_TIMEOUT_MS),
        writer.flush(FLUSH_TIMEOUT_MS),
      ]);
    },
  };
}

/** How lines look, and whether each has its priority in front of that. */
function chooseFormat(
  { logFormat, journalStream }: LoggerOptions,
  terminal: boolean,
): { readonly plain: TextFormatter; readonly priorities: boolean } {
  const journal = isJournal(journalStream);
  const bare = logFormat === "journal" || (logFormat === "auto" && journal);
  const plain = logFormat === "json"
    ? jsonFormat
    : bare
    ? bareFormat
    : textFormat({ terminal, colors: terminal && !Deno.noColor });
  return { plain, priorities: journal || bare };
}

function informs(lowest: MessageLevel): boolean {
  return lowest === "debug" || lowest === "info";
}

/** Decides what of an event is still to be said, and says it. */
class EventLog {
  readonly #workers: WorkerLog;
  readonly #access: (event: AccessEvent) => void;
  readonly #failures: FailedStarts | null;
  readonly #requests: FailedRequests | null;
  readonly #logger = getLogger(CATEGORY);
  #stopping = false;

  constructor(options: LoggerOptions, { workers, access }: {
    readonly workers: WorkerLog;
    /** Writes the line of a request. */
    readonly access: (event: AccessEvent) => void;
  }) {
    this.#workers = workers;
    this.#access = access;
    // Programs count events: each is logged.
    const forPeople = options.logFormat !== "json";
    this.#failures = forPeople
      ? new FailedStarts(
        workers.held,
        (event, details) => this.#emit(event, details),
      )
      : null;
    this.#requests = forPeople
      ? new FailedRequests((event) => this.#emit(event))
      : null;
  }

  take(event: PoolEvent): void {
    switch (event.type) {
      case "access":
        return this.#access(event);
      case "worker-output":
        return this.#workers.write(event);
      case "worker-output-dropped":
        this.#workers.held.dropped(event.pid);
        return this.#emit(event);
      case "worker-spawned":
        this.#workers.started(event.pid);
        return this.#emit(event);
      case "worker-ready":
        this.#workers.held.release(event.pid);
        this.#failures?.started();
        return this.#emit(event);
      case "worker-start-failed":
        if (this.#failures !== null) return this.#failures.failed(event);
        if (event.pid !== null) this.#workers.held.end(event.pid);
        return this.#emit(event);
      case "exchange-failed": {
        // Those of clients are for who looks for them.
        const counted = event.source !== "downstream" && this.#requests;
        return counted ? counted.take(event) : this.#emit(event);
      }
      case "worker-exited": {
        const said = this.#failures?.hasSaid(event.lastOutput) === true;
        if (!said) this.#workers.held.release(event.pid);
        const { written } = this.#workers.held.end(event.pid);
        return this.#emit(event, said || written ? [] : undefined);
      }
      case "state-changed":
        this.#stopping = event.to === "draining" || event.to === "stopped";
        if (event.to === "draining") {
          this.#failures?.started();
          this.#workers.held.close();
        }
        return this.#emit(event);
      default:
        return this.#emit(event);
    }
  }

  startFailed(failure: StartFailureText): void {
    const message = this.#failures?.poolFailed(failure) ?? failure.message;
    this.#emit({ type: "notice", level: "error", message });
  }

  close(): void {
    this.#failures?.close();
    this.#requests?.close();
    this.#workers.held.close();
  }

  /** Logs an event, with other further lines than its own where `details` are given. */
  #emit(event: PoolEvent, details?: readonly string[]): void {
    const record = recordOf(event, Date.now(), { stopping: this.#stopping });
    if (details !== undefined) record.properties.details = details;
    this.#logger.emit(record);
  }
}

/** Tells in the log what is wrong with where the workers' output goes. */
function troubleEvents(events: EventEmitter): TroubleListener {
  return {
    outage: (name, reason) =>
      events.emit(warning(
        `Cannot write to ${name}: ${reason}. It is tried again until it can; ` +
          "lines wait, or are counted.",
      )),
    dropped: (name, count, outage) =>
      events.emit(warning(droppedMessage(name, count, outage))),
    notReopened: (name, error) =>
      events.emit(warning(
        `Cannot open ${name} anew: ${
          error instanceof Error ? error.message : error
        }. The file that had this name is written on.`,
      )),
  };
}

function warning(message: string): NoticeEvent {
  return { type: "notice", level: "warning", message };
}

function droppedMessage(
  name: string,
  count: number,
  outage: Outage | null,
): string {
  const why = outage === null
    ? "is not read fast enough"
    : `could not be written to for ${
      roundedDuration(outage.durationMs)
    } (${outage.reason})`;
  return `${count === 0 ? "No" : count} log lines dropped: ${name} ${why}`;
}
