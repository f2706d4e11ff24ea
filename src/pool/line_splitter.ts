/**
 * Takes the bytes of one output apart into lines, without decoding them.
 *
 * Pure: bytes in, bytes out. Knows neither who reads the lines nor how many
 * may be read.
 *
 * @module
 */

/**
 * Longest line in bytes; a longer one is cut into pieces. Bounds what a worker
 * without newlines can make us hold, and is longer than log lines are.
 */
export const MAX_LINE_BYTES = 65_536;

/** A buffer for unfinished lines that is larger than this is not kept for the next one. */
const KEPT_BUFFER_BYTES = 4_096;

/** Bytes of a UTF-8 sequence that may follow its first one (RFC 3629 §3). */
const MAX_CONTINUATION_BYTES = 3;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const NOTHING: Uint8Array = new Uint8Array(0);

/**
 * Takes one line without its end, and says whether it wants another. The bytes
 * are only lent.
 */
export type LineTaker = (line: Uint8Array) => boolean;

/** What was passed over. */
export interface SkippedLines {
  /** Where the first line begins that was not. */
  readonly offset: number;
  /** How many lines. */
  readonly lines: number;
  /** Their bytes, line ends included. */
  readonly bytes: number;
}

/** Splits one stream of bytes. */
export class LineSplitter {
  /** What has come of a line that has not ended. */
  #rest = NOTHING;
  #restLength = 0;

  /** Gives the lines of `chunk` from `offset` on to `take`, and returns how far it went. */
  split(chunk: Uint8Array, offset: number, take: LineTaker): number {
    let start = offset;
    while (start < chunk.length) {
      const newline = chunk.indexOf(LINE_FEED, start);
      const end = newline < 0 ? chunk.length : newline;
      const room = MAX_LINE_BYTES - this.#restLength;
      let more = true;
      if (end - start > room) {
        this.#hold(chunk.subarray(start, start + room));
        start += room;
        more = this.#takePiece(chunk[start]!, take);
      } else if (newline < 0) {
        this.#hold(chunk.subarray(start));
        start = end;
      } else {
        const line = chunk.subarray(start, end);
        start = newline + 1;
        more = take(withoutReturn(this.#complete(line)));
      }
      if (!more) break;
    }
    return start;
  }

  /**
   * Passes over the lines of `chunk` from `offset` on, except for the last
   * `kept` of them: a fraction of what splitting costs.
   */
  skip(chunk: Uint8Array, offset: number, kept: number): SkippedLines {
    let newlines = 0;
    for (let at = offset; at < chunk.length; at++) {
      if (chunk[at] === LINE_FEED) newlines++;
    }
    if (newlines <= kept) return { offset, lines: 0, bytes: 0 };
    let last = chunk.length;
    for (let i = 0; i <= kept; i++) {
      last = chunk.lastIndexOf(LINE_FEED, last - 1);
    }
    const bytes = last + 1 - offset + this.#restLength;
    this.#restLength = 0;
    return { offset: last + 1, lines: newlines - kept, bytes };
  }

  /** Gives what has come of a line that will not end to `take`. */
  finish(take: LineTaker): void {
    if (this.#restLength > 0) take(this.#complete(NOTHING));
  }

  /** The whole line whose last part is `part`. */
  #complete(part: Uint8Array): Uint8Array {
    if (this.#restLength === 0) return part;
    this.#hold(part);
    const line = this.#rest.subarray(0, this.#restLength);
    this.#restLength = 0;
    if (this.#rest.length > KEPT_BUFFER_BYTES) this.#rest = NOTHING;
    return line;
  }

  /** Cuts a full buffer off as a piece, unless that cuts a character in two. */
  #takePiece(next: number, take: LineTaker): boolean {
    let cut = MAX_LINE_BYTES;
    let following = next;
    while (isContinuation(following) && cut > 0) {
      following = this.#rest[--cut]!;
      // That many are no UTF-8, and may be cut anywhere.
      if (MAX_LINE_BYTES - cut > MAX_CONTINUATION_BYTES) {
        cut = MAX_LINE_BYTES;
        break;
      }
    }
    const more = take(this.#rest.subarray(0, cut));
    this.#rest.copyWithin(0, cut, MAX_LINE_BYTES);
    this.#restLength = MAX_LINE_BYTES - cut;
    return more;
  }

  #hold(part: Uint8Array): void {
    const length = this.#restLength + part.length;
    if (length > this.#rest.length) {
      const larger = new Uint8Array(
        Math.min(MAX_LINE_BYTES, Math.max(2 * length, 256)),
      );
      larger.set(this.#rest.subarray(0, this.#restLength));
      this.#rest = larger;
    }
    this.#rest.set(part, this.#restLength);
    this.#restLength = length;
  }
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

function withoutReturn(line: Uint8Array): Uint8Array {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
}
