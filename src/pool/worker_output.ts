/**
 * Reads what a worker writes, line by line, for as long as it lives.
 *
 * A pipe that nobody reads blocks the worker, so reading never waits for
 * whoever is interested. It waits for its turn alone (`output_scheduler.ts`).
 * Lines beyond the worker's budget (`output_budget.ts`) are dropped and
 * counted. What nobody listens to is neither decoded nor made a string.
 *
 * Knows nothing of workers or events.
 *
 * @module
 */

import { type FloodListener, FloodWatch } from "./flood_watch.ts";
import { LastLines } from "./last_lines.ts";
import { LineSplitter } from "./line_splitter.ts";
import { OutputBudget, type OutputLimits } from "./output_budget.ts";
import type { OutputScheduler } from "./output_scheduler.ts";
import { settledWithin } from "../shared/settled_within.ts";

/** Lines kept to explain a failure: a stack trace, not a history. */
export const KEPT_LINES = 20;

/** Lines of a chunk that those get who want the most recent ones only. */
export const RECENT_LINES = 100;

/**
 * Lines handed on in one turn of the event loop: a millisecond's worth, so
 * that a request that comes meanwhile does not notice.
 */
const SLICE_LINES = 256;

/** The same when the process is gone: what is left is little, and must not be lost. */
const LAST_SLICE_LINES = 4_096;

/** Bytes read out of turn then: what pipes hold. Who writes more is still there, and waits in turn. */
const LAST_BYTES = 1024 * 1024;

/** How long an output whose process is gone may keep silent before it is given up, in milliseconds. */
const SILENCE_MS = 100;

/** Silence that is noticed later than this, in milliseconds, was none: we had no turn to read. */
const LATE_MS = 1.5 * SILENCE_MS;

/** How often it is waited for in all: somebody who has kept the pipe may write for ever. */
const MAX_SILENCES = 10;

/** Which of a worker's two outputs. */
export type OutputStream = "stdout" | "stderr";

/** Receives one line without its end. Must not throw and must not block. */
export type LineListener = (stream: OutputStream, line: string) => void;

/** Which lines are wanted: all, the last few of many, or none. */
export type OutputDemand = "all" | "recent" | "none";

/** What an output works with. */
export interface WorkerOutputDeps {
  readonly limits: OutputLimits;
  readonly scheduler: OutputScheduler;
  readonly onLine: LineListener;
  /** Which lines anybody wants now. @default {all} */
  readonly demand?: () => OutputDemand;
  /** Is told what is dropped. @default {nobody} */
  readonly onFlood?: FloodListener;
  /** Monotonic, in milliseconds. @default {performance.now} */
  readonly clock?: () => number;
}

const UNHEARD: FloodListener = { dropped: () => {}, flood: () => {} };

/** Drains the outputs of one process. */
export class WorkerOutput {
  readonly #deps: WorkerOutputDeps;
  readonly #clock: () => number;
  readonly #budget: OutputBudget;
  readonly #flood: FloodWatch;
  readonly #last = new LastLines(KEPT_LINES);
  readonly #readers: ReadableStreamDefaultReader<Uint8Array>[] = [];
  // As they are: a byte order mark is part of a line; what is no UTF-8
  // becomes U+FFFD.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** Of what has been read: what is being handed on. */
  readonly #slices = new Set<() => number>();
  #chunksRead = 0;
  /** Bytes that may still be read out of turn. */
  #lastBytes = 0;

  /** Creates an output that reads nothing yet. */
  constructor(deps: WorkerOutputDeps) {
    this.#deps = deps;
    this.#clock = deps.clock ?? ((): number => performance.now());
    this.#budget = new OutputBudget(deps.limits, this.#clock());
    this.#flood = new FloodWatch(deps.onFlood ?? UNHEARD, this.#clock);
  }

  /** The last {@linkcode KEPT_LINES} lines of both streams, oldest first, dropped ones included. */
  get lastLines(): readonly string[] {
    return this.#last.lines;
  }

  /** Reads `source` to its end, or until {@linkcode cancel}. Never rejects. */
  async drain(
    stream: OutputStream,
    source: ReadableStream<Uint8Array>,
  ): Promise<void> {
    const reader = source.getReader();
    this.#readers.push(reader);
    const splitter = new LineSplitter();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        this.#chunksRead++;
        await this.#handle(stream, splitter, value);
      }
    } catch {
      // A broken pipe is the end of the output like any other.
    }
    splitter.finish((line) => this.#handOn(stream, line));
  }

  /** The process is gone: reads what is left, out of turn, until nothing more comes. Others that it started may go on writing. */
  async settle(drained: Promise<unknown>): Promise<void> {
    this.#lastBytes = LAST_BYTES;
    // What waits for its turn would be waited for, however many others flood.
    for (const slice of this.#slices) this.#deps.scheduler.runNow(slice);
    let open = true;
    const ended = drained.then(() => {
      open = false;
    });
    let seen = -1;
    let late = false;
    for (let i = 0; i < MAX_SILENCES && open; i++) {
      if (seen === this.#chunksRead && !late) break;
      seen = this.#chunksRead;
      const startedAt = performance.now();
      await settledWithin(ended, SILENCE_MS);
      late = performance.now() - startedAt > LATE_MS;
    }
    this.#lastBytes = 0;
  }

  /** Nobody is left who should write: reads the rest in the same way, and stops. */
  async end(drained: Promise<unknown>): Promise<void> {
    await this.settle(drained);
    await this.cancel();
    await drained;
    this.#flood.close();
  }

  /** Stops reading: for a pipe that outlives its process in a grandchild's hands. */
  async cancel(): Promise<void> {
    await Promise.allSettled(this.#readers.map((reader) => reader.cancel()));
  }

  /** Hands the lines of a chunk on, one slice a turn. */
  async #handle(
    stream: OutputStream,
    splitter: LineSplitter,
    chunk: Uint8Array,
  ): Promise<void> {
    let offset = 0;
    const slice = (): number => {
      const from = offset;
      offset = this.#slice(stream, splitter, chunk, from);
      return offset - from;
    };
    this.#slices.add(slice);
    while (offset < chunk.length) {
      if (this.#lastBytes > 0) this.#deps.scheduler.runNow(slice);
      else await this.#deps.scheduler.run(slice);
    }
    this.#slices.delete(slice);
    this.#lastBytes = Math.max(0, this.#lastBytes - chunk.length);
  }

  /** Handles the lines of `chunk` from `from` on, and returns how far it went. */
  #slice(
    stream: OutputStream,
    splitter: LineSplitter,
    chunk: Uint8Array,
    from: number,
  ): number {
    const demand = this.#deps.demand?.() ?? "all";
    if (demand !== "all") {
      const wanted = demand === "recent" ? RECENT_LINES : KEPT_LINES;
      const { offset } = splitter.skip(chunk, from, wanted);
      return splitter.split(chunk, offset, (line) => {
        if (demand === "recent") this.#tell(stream, line);
        else this.#last.add(stream, line);
        return true;
      });
    }
    this.#budget.refill(this.#clock());
    let room = this.#lastBytes > 0 ? LAST_SLICE_LINES : SLICE_LINES;
    let withinBudget = true;
    const offset = splitter.split(chunk, from, (line) => {
      withinBudget = this.#handOn(stream, line);
      return withinBudget && --room > 0;
    });
    return withinBudget
      ? offset
      : this.#drop(stream, splitter, chunk.subarray(offset)) + offset;
  }

  /** Hands one line on, or drops it; `false` when it was dropped. */
  #handOn(stream: OutputStream, line: Uint8Array): boolean {
    const demand = this.#deps.demand?.() ?? "all";
    const bytes = line.length + 1;
    if (demand === "none") this.#last.add(stream, line);
    else if (demand === "recent" || this.#budget.take(stream, bytes)) {
      this.#tell(stream, line);
    } else {
      this.#last.add(stream, line);
      this.#flood.dropped(1, bytes);
      return false;
    }
    return true;
  }

  /** Drops all lines of `chunk`, and returns its length. */
  #drop(
    stream: OutputStream,
    splitter: LineSplitter,
    chunk: Uint8Array,
  ): number {
    const skipped = splitter.skip(chunk, 0, KEPT_LINES);
    let { lines, bytes } = skipped;
    splitter.split(chunk, skipped.offset, (line) => {
      this.#last.add(stream, line);
      lines++;
      bytes += line.length + 1;
      return true;
    });
    if (lines > 0) this.#flood.dropped(lines, bytes);
    return chunk.length;
  }

  #tell(stream: OutputStream, line: Uint8Array): void {
    const text = this.#decoder.decode(line);
    this.#last.add(stream, text);
    this.#deps.onLine(stream, text);
  }
}
