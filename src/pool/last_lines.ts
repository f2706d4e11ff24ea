/**
 * The last lines a worker wrote, kept to explain its failure.
 *
 * What nobody has read is kept as bytes: nearly always nobody asks. Half of the
 * places are stderr's where it has written that much, so that what went wrong
 * is not pushed out by what else is written.
 *
 * @module
 */

/** Characters or bytes kept of a line. */
const MAX_KEPT_LENGTH = 8_192;

interface KeptLine {
  /** Counts the lines of both streams. */
  readonly number: number;
  readonly line: string | Uint8Array;
}

/** Keeps the last lines of both streams. */
export class LastLines {
  readonly #most: number;
  readonly #kept: Record<"stdout" | "stderr", KeptLine[]> = {
    stdout: [],
    stderr: [],
  };
  #count = 0;

  /** Keeps `most` lines. */
  constructor(most: number) {
    this.#most = most;
  }

  /** The lines, oldest first. */
  get lines(): readonly string[] {
    const { stdout, stderr } = this.#kept;
    const reserved = Math.min(stderr.length, Math.floor(this.#most / 2));
    const others = [...stderr.slice(0, stderr.length - reserved), ...stdout]
      .sort((a, b) => a.number - b.number)
      .slice(-(this.#most - reserved));
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return [...others, ...stderr.slice(stderr.length - reserved)]
      .sort((a, b) => a.number - b.number)
      .map(({ line }) =>
        typeof line === "string" ? line : decoder.decode(line)
      );
  }

  /** Keeps the beginning of `line`; bytes are copied. */
  add(stream: "stdout" | "stderr", line: string | Uint8Array): void {
    const kept = this.#kept[stream];
    kept.push({ number: this.#count++, line: line.slice(0, MAX_KEPT_LENGTH) });
    if (kept.length > this.#most) kept.shift();
  }
}
