/**
 * Writes lines to a stream that may be slow, full or gone, without ever
 * making the writer wait.
 *
 * `console.error` and the synchronous writes freeze the whole process while
 * nobody reads the other end of the pipe. Here lines go to a bounded queue;
 * what does not fit is dropped and counted.
 *
 * Knows nothing of events or loggers.
 *
 * @module
 */

/** Where the bytes go; `Deno.stderr` is one. */
export interface ByteSink {
  /** Writes some of `bytes` and resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** How a {@linkcode LineWriter} deals with a slow stream. */
export interface LineWriterOptions {
  /**
   * Characters that may wait to be written; beyond, lines are dropped.
   *
   * @default {1048576}
   */
  readonly maxQueuedChars?: number;
  /** Makes the line that tells how many lines were dropped. */
  readonly droppedLine: (count: number) => string;
}

/** Some ten thousand lines: a burst is kept, a stuck reader costs little memory. */
const DEFAULT_MAX_QUEUED_CHARS = 1024 * 1024;

/** Pause before another attempt at a stream that somebody made non-blocking. */
const WOULD_BLOCK_PAUSE_MS = 20;

/** Writes lines asynchronously, as many at once as there are. */
export class LineWriter {
  readonly #sink: ByteSink;
  readonly #droppedLine: (count: number) => string;
  readonly #maxQueuedChars: number;
  readonly #encoder = new TextEncoder();
  #lines: string[] = [];
  #queuedChars = 0;
  #dropped = 0;
  #broken = false;
  #writing: Promise<void> | null = null;

  /** Creates a writer to `sink`, which nobody else should write to. */
  constructor(sink: ByteSink, options: LineWriterOptions) {
    this.#sink = sink;
    this.#droppedLine = options.droppedLine;
    this.#maxQueuedChars = options.maxQueuedChars ?? DEFAULT_MAX_QUEUED_CHARS;
  }

  /** Queues `line`, which ends in a line feed, or drops it. Never waits, never throws. */
  write(line: string): void {
    if (this.#broken) return;
    if (this.#queuedChars + line.length > this.#maxQueuedChars) {
      this.#dropped++;
      return;
    }
    this.#lines.push(line);
    this.#queuedChars += line.length;
    this.#writing ??= this.#drain();
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
    const { promise: late, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(resolve, timeoutMs, false);
    const done = await Promise.race([writing.then(() => true), late]);
    clearTimeout(timer);
    return done;
  }

  async #drain(): Promise<void> {
    // Lines of the same turn go out in one write.
    await Promise.resolve();
    try {
      while (this.#lines.length > 0) {
        await this.#writeAll(this.#encoder.encode(this.#take()));
      }
    } catch {
      // The reader has gone, and with it the place to say so.
      this.#broken = true;
      this.#take();
    }
    this.#writing = null;
  }

  /** Empties the queue. The dropped lines came after those in it. */
  #take(): string {
    if (this.#dropped > 0) {
      this.#lines.push(this.#droppedLine(this.#dropped));
      this.#dropped = 0;
    }
    const text = this.#lines.join("");
    this.#lines = [];
    this.#queuedChars = 0;
    return text;
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    let offset = 0;
    while (offset < bytes.length) {
      try {
        offset += await this.#sink.write(bytes.subarray(offset));
      } catch (error) {
        if (!(error instanceof Deno.errors.WouldBlock)) throw error;
        await new Promise((resolve) =>
          setTimeout(resolve, WOULD_BLOCK_PAUSE_MS)
        );
      }
    }
  }
}
