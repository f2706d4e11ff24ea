/**
 * The log of what the workers write: in which form, and where.
 *
 * Knows no levels: an application's lines are its operator's, whatever the
 * balancer says of itself.
 *
 * @module
 */

import type { TextFormatter } from "npm:@logtape/logtape@^2.4.2";
import type { WorkerOutputEvent } from "../events/mod.ts";
import { HeldOutput } from "./held_output.ts";
import { prioritizedOutput } from "./journal.ts";
import type { ByteSink, LineWriter } from "./line_writer.ts";
import {
  jsonOutput,
  type OutputFormat,
  prefixedOutput,
  rawOutput,
  type WorkerLogs,
} from "./output_format.ts";
import {
  byStream,
  inLog,
  OutputFiles,
  type OutputTargets,
  type TroubleListener,
} from "./output_targets.ts";

/** How the workers' output is written. */
export interface WorkerLogOptions {
  /** How the log's other lines look. */
  readonly logFormat: "auto" | "text" | "json" | "journal";
  /** Whether those have their priorities in front. @default {false} */
  readonly priorities?: boolean;
  /** @default {"prefix"} */
  readonly workerLogs?: WorkerLogs;
  /** @default {where the log goes} */
  readonly workerLogFile?: string | null;
}

/** What it is written with. */
export interface WorkerLogDeps {
  /** Formats the log's other lines, without their priorities. */
  readonly format: TextFormatter;
  /** Writes them. */
  readonly log: LineWriter;
  /** The balancer's own stdout. */
  readonly stdout: ByteSink;
  /** Makes a line of the log that warns. */
  readonly noticeLine: (message: string) => string;
  readonly trouble: TroubleListener;
}

/** Writes lines of the workers. */
export class WorkerLog {
  /** What of the lines of each worker is in the log. */
  readonly held: HeldOutput = new HeldOutput();
  readonly #format: OutputFormat;
  readonly #targets: OutputTargets;
  /** Whether the lines are among those of the log, where nothing need be said twice. */
  readonly #inLog: boolean;

  /** Opens what is to be opened. @throws What opening `workerLogFile` throws. */
  constructor(options: WorkerLogOptions, deps: WorkerLogDeps) {
    const { workerLogs: asked = "prefix", workerLogFile = null } = options;
    // A log for programs has no lines that they cannot read.
    const workerLogs = asked === "prefix" && options.logFormat === "json"
      ? "json"
      : asked;
    this.#inLog = workerLogFile === null &&
      (workerLogs === "prefix" || workerLogs === "json");
    const format = formatFor(workerLogs, deps.format);
    this.#format = this.#inLog && options.priorities === true
      ? prioritizedOutput(format)
      : format;
    if (workerLogFile !== null) {
      this.#targets = new OutputFiles({
        path: workerLogFile,
        trouble: deps.trouble,
        droppedLine: (count) =>
          workerLogs === "raw"
            ? ""
            : deps.noticeLine(`${count} lines of the workers dropped`),
      });
    } else if (workerLogs === "raw") {
      this.#targets = byStream(deps.stdout, deps.log, deps.trouble);
    } else this.#targets = inLog(deps.log);
  }

  /** A worker has been started. */
  started(pid: number): void {
    if (this.#inLog) this.held.begin(pid);
  }

  /** Writes a line, or holds it back while its worker starts. */
  write(event: WorkerOutputEvent): void {
    const line = this.#format(event);
    if (!this.#inLog) return this.#targets.write(event, line);
    this.held.take(event.pid, () => this.#targets.write(event, line));
  }

  /** Opens files anew. */
  reopen(): void {
    this.#targets.reopen();
  }

  /** Waits until everything is written, so many milliseconds at most. */
  async flush(timeoutMs: number): Promise<void> {
    await this.#targets.flush(timeoutMs);
  }
}

function formatFor(
  workerLogs: WorkerLogs,
  format: TextFormatter,
): OutputFormat {
  switch (workerLogs) {
    case "raw":
      return rawOutput;
    case "json":
      return jsonOutput();
    case "prefix":
    case "off":
      return prefixedOutput(format);
  }
}
