/**
 * Writes lines to a stream that may be slow, full or gone, without ever
 * making the writer wait.
 *
 * `console.error` and the synchronous writes freeze the whole process while
 * nobody reads the other end of the pipe. Here lines go to a bounded queue;
 * what does not fit is dropped and counted. A disk that is full is tried again
 * until there is room. For a reader that has gone nothing is kept: lines are
 * counted until one writes again to another, as a FIFO may get.
 *
 * Knows nothing of events or loggers.
 *
 * @module
 */

import { settledWithin } from "../shared/settled_within.ts";

/** Where the bytes go; `Deno.stderr` is one. */
export interface ByteSink {
  /** Writes some of `bytes` and resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Why, and for how long, nothing could be written. */
export interface Outage {
  /** What the system said. */
  readonly reason: string;
  /** How long it lasted, in milliseconds. */
  readonly durationMs: number;
}

/** How a {@linkcode LineWriter} deals with a slow stream. */
export interface LineWriterOptions {
  /**
   * Characters that may wait to be written; beyond, lines are dropped.
   *
   * @default {16777216}
   */
  readonly maxQueuedChars?: number;
  /**
   * Makes the line that tells how many lines were dropped: none or more where
   * there was an outage, else one at least. Empty to tell nothing.
   */
  readonly droppedLine: (count: number, outage: Outage | null) => string;
  /** Told when nothing can be written for the time being, with the reason. @default {nobody} */
  readonly onOutage?: (reason: string) => void;
}

/**
 * Bursts of twenty thousand lines from several workers at once are kept, for a
 * reader that needs a moment; a stuck one costs this much memory.
 */
const DEFAULT_MAX_QUEUED_CHARS = 16 * 1024 * 1024;

/** Share of the queue that is left to those lines that matter. */
const RESERVED_SHARE = 1 / 16;

/** Once lines have been dropped, the queue empties to this share before more are taken: one gap, and not a thousand. */
const RESUME_SHARE = 1 / 2;

/** Characters of one write: encoding them takes a fraction of a millisecond. */
const MAX_WRITE_CHARS = 256 * 1024;

/** Pause before another attempt at a stream that somebody made non-blocking. */
const WOULD_BLOCK_PAUSE_MS = 20;

/** Pause before another attempt at a disk that is full, or a file that cannot be opened. */
const OUTAGE_PAUSE_MS = 250;

const LF = 0x0a;

/** Writes lines asynchronously, as many at once as there are. */
export class LineWriter {
  readonly #sink: ByteSink;
  readonly #options: LineWriterOptions;
  readonly #maxQueuedChars: number;
  readonly #encoder = new TextEncoder();
  #lines: string[] = [];
  /** Lines before this index have been taken. */
  #taken = 0;
  #queuedChars = 0;
  #dropped = 0;
  #dropping = false;
  #outage: Outage | null = null;
  /** Since when nothing can be written; `null` while it can. */
  #outageSince: number | null = null;
  #writing: Promise<void> | null = null;

  /** Creates a writer to `sink`, which nobody else should write to. */
  constructor(sink: ByteSink, options: LineWriterOptions) {
    this.#sink = sink;
    this.#options = options;
    this.#maxQueuedChars = options.maxQueuedChars ?? DEFAULT_MAX_QUEUED_CHARS;
  }

  /** Queues `line`, which ends in a line feed, or drops it. Never waits, never throws. */
  write(line: string): void {
    this.#add(line, this.#maxQueuedChars);
  }

  /** The same for a line of which there may be many: it leaves room to the others. */
  writeBulk(line: string): void {
    const limit = this.#dropping ? 0 : this.#maxQueuedChars;
    this.#add(line, limit * (1 - RESERVED_SHARE));
  }

  /**
   * Waits until everything is written, `timeoutMs` at most.
   *
   * Nobody may ever read the other end; then the write that hangs keeps the
   * process alive, and the caller has to end it with `Deno.exit()`.
   *
   * @returns whether everything was written.
   */
  async flush(timeoutMs: number): Promise<boolean> {
    const writing = this.#writing;
    if (writing === null) return true;
    return await settledWithin(writing, timeoutMs);
  }

  #add(line: string, maxQueuedChars: number): void {
    if (this.#queuedChars + line.length > maxQueuedChars) {
      this.#dropped++;
      this.#dropping = true;
      return;
    }
    this.#queue(line);
    this.#writing ??= this.#drain();
  }

  #queue(line: string): void {
    this.#lines.push(line);
    this.#queuedChars += line.length;
  }

  async #drain(): Promise<void> {
    // Lines of the same turn go out in one write.
    await Promise.resolve();
    while (this.#lines.length > 0) {
      await this.#writeAll(this.#encoder.encode(this.#take()));
      this.#reportLoss();
    }
    this.#writing = null;
  }

  /** Takes as many lines out of the queue as make one write. */
  #take(): string {
    const from = this.#taken;
    let chars = 0;
    let to = from;
    while (to < this.#lines.length && chars < MAX_WRITE_CHARS) {
      chars += this.#lines[to++]!.length;
    }
    const text = this.#lines.slice(from, to).join("");
    // Moving the others up costs; it is done when they are few.
    if (to > this.#lines.length / 2) {
      this.#lines = this.#lines.slice(to);
      this.#taken = 0;
    } else {
      this.#lines.fill("", from, to);
      this.#taken = to;
    }
    this.#queuedChars -= chars;
    return text;
  }

  /** Tells what was dropped, behind the lines that came before, once there is room again. */
  #reportLoss(): void {
    if (this.#queuedChars > this.#maxQueuedChars * RESUME_SHARE) return;
    this.#dropping = false;
    if (this.#outageSince !== null) return;
    if (this.#dropped === 0 && this.#outage === null) return;
    const line = this.#options.droppedLine(this.#dropped, this.#outage);
    this.#dropped = 0;
    this.#outage = null;
    if (line !== "") this.#queue(line);
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    let offset = 0;
    while (offset < bytes.length) {
      try {
        offset += await this.#sink.write(bytes.subarray(offset));
        this.#endOutage();
      } catch (error) {
        if (error instanceof Deno.errors.WouldBlock) {
          await pause(WOULD_BLOCK_PAUSE_MS);
          continue;
        }
        this.#beginOutage(error);
        if (hasNoReader(error)) {
          this.#dropped += linesIn(bytes.subarray(offset));
          return;
        }
        await pause(OUTAGE_PAUSE_MS);
      }
    }
  }

  #beginOutage(error: unknown): void {
    if (this.#outageSince !== null) return;
    this.#outageSince = performance.now();
    const reason = error instanceof Error ? error.message : String(error);
    if (this.#outage === null) this.#options.onOutage?.(reason);
    this.#outage = { reason, durationMs: 0 };
  }

  #endOutage(): void {
    if (this.#outageSince === null || this.#outage === null) return;
    const durationMs = performance.now() - this.#outageSince;
    this.#outage = { ...this.#outage, durationMs };
    this.#outageSince = null;
  }
}

/** Whether nobody reads what is written, and hardly anybody will. */
function hasNoReader(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.BadResource;
}

function linesIn(bytes: Uint8Array): number {
  let count = 0;
  for (let at = -1; (at = bytes.indexOf(LF, at + 1)) >= 0;) count++;
  return count;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
