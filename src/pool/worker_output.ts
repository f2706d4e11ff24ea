/**
 * Reads what a worker writes, line by line, for as long as it lives.
 *
 * A pipe that nobody reads blocks the worker, so reading never waits for
 * whoever is interested. Knows nothing of workers or events.
 *
 * @module
 */

/** Longest line in characters; a longer one is cut into pieces. Bounds what a worker without newlines can make us hold. */
export const MAX_LINE_LENGTH = 8_192;

/** Lines kept to explain a failure: a stack trace, not a history. */
export const KEPT_LINES = 20;

/** Which of a worker's two outputs. */
export type OutputStream = "stdout" | "stderr";

/** Receives one line without its end. Must not throw and must not block. */
export type LineListener = (stream: OutputStream, line: string) => void;

/** Drains the outputs of one process. */
export class WorkerOutput {
  readonly #onLine: LineListener;
  readonly #lastLines: string[] = [];
  readonly #readers: ReadableStreamDefaultReader<Uint8Array>[] = [];

  /** Creates an output whose lines go to `onLine`. */
  constructor(onLine: LineListener) {
    this.#onLine = onLine;
  }

  /** The last {@linkcode KEPT_LINES} lines of both streams, oldest first. */
  get lastLines(): readonly string[] {
    return [...this.#lastLines];
  }

  /** Reads `source` to its end, or until {@linkcode cancel}. Never rejects. */
  async drain(
    stream: OutputStream,
    source: ReadableStream<Uint8Array>,
  ): Promise<void> {
    const reader = source.getReader();
    this.#readers.push(reader);
    // Not fatal: bytes that are no UTF-8 become U+FFFD.
    const decoder = new TextDecoder();
    let rest = "";
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        rest = this.#splitLines(
          stream,
          rest + decoder.decode(value, { stream: true }),
        );
      }
    } catch {
      // A broken pipe is the end of the output like any other.
    }
    rest += decoder.decode();
    if (rest !== "") this.#take(stream, rest);
  }

  /** Stops reading: for a pipe that outlives its process in a grandchild's hands. */
  async cancel(): Promise<void> {
    await Promise.allSettled(this.#readers.map((reader) => reader.cancel()));
  }

  /** Takes every complete line out of `text` and returns what is left. */
  #splitLines(stream: OutputStream, text: string): string {
    let start = 0;
    for (;;) {
      const newline = text.indexOf("\n", start);
      const end = newline < 0 ? text.length : newline;
      while (end - start > MAX_LINE_LENGTH) {
        this.#take(stream, text.slice(start, start + MAX_LINE_LENGTH));
        start += MAX_LINE_LENGTH;
      }
      if (newline < 0) return text.slice(start);
      const last = text.charAt(end - 1) === "\r" ? end - 1 : end;
      this.#take(stream, text.slice(start, Math.max(start, last)));
      start = newline + 1;
    }
  }

  #take(stream: OutputStream, line: string): void {
    this.#lastLines.push(line);
    if (this.#lastLines.length > KEPT_LINES) this.#lastLines.shift();
    this.#onLine(stream, line);
  }
}
