/**
 * Where the lines of the workers' output go: to the log's own stream, each to
 * the one of ours that it was written to, or to files.
 *
 * @module
 */

import type { WorkerOutputEvent } from "../events/mod.ts";
import { type ByteSink, LineWriter, type Outage } from "./line_writer.ts";
import { LogFile } from "./log_file.ts";

/** What stands for the number of the slot in the name of a file. */
const ID = "{id}";

/** Takes lines for as long as there are any. */
export interface OutputTargets {
  /** Queues the line of an event, or drops it. */
  write(event: WorkerOutputEvent, line: string): void;
  /** Opens files anew: they may have been moved away. */
  reopen(): void;
  /** Waits until everything is written, so many milliseconds at most. */
  flush(timeoutMs: number): Promise<void>;
}

/** Lines among those of the log. */
export function inLog(log: LineWriter): OutputTargets {
  return {
    write: (_event, line) => log.writeBulk(line),
    reopen: () => {},
    // The log is flushed by its owner.
    flush: () => Promise.resolve(),
  };
}

/** What goes wrong with a stream or file is told by its name. */
export interface TroubleListener {
  /** Nothing can be written for the time being. */
  outage(name: string, reason: string): void;
  /** So many lines were dropped; the outage is over, if there was one. */
  dropped(name: string, count: number, outage: Outage | null): void;
  /** A file could not be opened anew; the old one is written on. */
  notReopened(name: string, error: unknown): void;
}

/** Lines of stdout on `stdout`, others in the log's stream. What is lost is not said among them: they are somebody else's. */
export function byStream(
  stdout: ByteSink,
  log: LineWriter,
  trouble: TroubleListener,
): OutputTargets {
  const writer = new LineWriter(stdout, {
    droppedLine: (count, outage) => {
      trouble.dropped("stdout", count, outage);
      return "";
    },
    onOutage: (reason) => trouble.outage("stdout", reason),
  });
  return {
    write: ({ stream }, line) =>
      (stream === "stdout" ? writer : log).writeBulk(line),
    reopen: () => {},
    flush: async (timeoutMs) => void await writer.flush(timeoutMs),
  };
}

/** Lines in files: one for each worker where `{id}` is in the path, else one for all. */
export class OutputFiles implements OutputTargets {
  readonly #path: string;
  readonly #trouble: TroubleListener;
  readonly #droppedLine: (count: number, outage: Outage | null) => string;
  readonly #files = new Map<string, { file: LogFile; writer: LineWriter }>();

  /**
   * Opens the first file, so that what is wrong is noticed at the start.
   *
   * @throws What opening it throws.
   */
  constructor(options: {
    readonly path: string;
    readonly trouble: TroubleListener;
    /** Makes what is said in the file itself; empty to say nothing there. */
    readonly droppedLine: (count: number, outage: Outage | null) => string;
  }) {
    this.#path = options.path;
    this.#trouble = options.trouble;
    this.#droppedLine = options.droppedLine;
    this.#entry(0).file.open();
  }

  /** Queues the line. */
  write({ workerId }: WorkerOutputEvent, line: string): void {
    this.#entry(workerId).writer.writeBulk(line);
  }

  /** Opens all files anew. */
  reopen(): void {
    for (const { file } of this.#files.values()) {
      try {
        file.open();
      } catch (error) {
        this.#trouble.notReopened(file.path, error);
      }
    }
  }

  /** Waits until everything is written. */
  async flush(timeoutMs: number): Promise<void> {
    await Promise.all([...this.#files.values()].map(async (entry) => {
      if (await entry.writer.flush(timeoutMs)) entry.file.close();
    }));
  }

  #entry(workerId: number): { file: LogFile; writer: LineWriter } {
    const path = this.#path.replaceAll(ID, String(workerId));
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    const file = new LogFile(path);
    const writer = new LineWriter(file, {
      droppedLine: (count, outage) => {
        this.#trouble.dropped(path, count, outage);
        return this.#droppedLine(count, outage);
      },
      onOutage: (reason) => this.#trouble.outage(path, reason),
    });
    const entry = { file, writer };
    this.#files.set(path, entry);
    return entry;
  }
}
