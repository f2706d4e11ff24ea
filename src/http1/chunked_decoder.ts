/**
 * The chunked transfer coding (RFC 9112 §7.1), taken off strictly: what could
 * be read in two ways is refused, of workers too: none of those that end lines
 * with a bare LF sends chunks. Extensions are checked and dropped, and trailers
 * too where they are not passed on. Pure.
 *
 * @module
 */

import { CR, HEX_VALUE, HTAB, LF, SEMICOLON, SP } from "./bytes.ts";
import { ChunkExtensions } from "./chunk_extensions.ts";
import { FieldTable, INCOMPLETE, parseFieldLines } from "./field_table.ts";
import { HttpError } from "./http_error.ts";
import {
  DROP_REQUEST_TRAILERS,
  type TrailerHandling,
  trailerLines,
} from "./trailers.ts";

/** Digits of a chunk size. 16 are a size of 64 bits, written in full; nobody sends twice as many. */
const MAX_SIZE_DIGITS = 30;

/** Where trailer fields are put, until those that pass have been copied. */
const TRAILERS = new FieldTable();

/** What the next octet belongs to. */
const State = {
  SIZE: 0,
  EXTENSION: 1,
  SIZE_LF: 2,
  DATA: 3,
  DATA_CR: 4,
  DATA_LF: 5,
  TRAILERS: 6,
  DONE: 7,
} as const;

/** Decodes one chunked body. A `BodyDecoder` by its shape. */
export class ChunkedDecoder {
  /** First octet of the content found by the last call. */
  contentStart = 0;
  /** Just past that content. */
  contentEnd = 0;
  /** First octet not consumed. */
  next = 0;
  /** The last chunk ends the body, and nothing else does. */
  readonly endsWithConnection = false;
  /** What is in a chunk is seen, as what stands between chunks is. */
  readonly contentAhead = 0;
  /** Lines of the trailer fields that pass, once the body is done; `null` for none. */
  trailers: Uint8Array | null = null;

  readonly #handling: TrailerHandling;
  #state: number = State.SIZE;
  /** Size as read so far, then octets of data still to come. */
  #remaining = 0;
  #digits = 0;
  /** Made for the first chunk that has any: few do. */
  #extensions: ChunkExtensions | null = null;

  /** Creates a decoder that treats trailer fields as `handling` says. */
  constructor(handling: TrailerHandling = DROP_REQUEST_TRAILERS) {
    this.#handling = handling;
  }

  /** Whether the last chunk and its trailers have been seen. */
  get done(): boolean {
    return this.#state === State.DONE;
  }

  /** Nothing goes on unseen. */
  noteUnseen(_octets: number): void {}

  /**
   * Moves the data of all chunks between `start` and `end` together, to where
   * the data of the first one is.
   */
  decode(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    let from = start;
    let to = start;
    while (at < end && this.#state !== State.DONE) {
      if (this.#state === State.DATA) {
        const length = Math.min(end - at, this.#remaining);
        if (from === to) from = to = at;
        else bytes.copyWithin(to, at, at + length);
        to += length;
        at += length;
        this.#remaining -= length;
        if (this.#remaining === 0) this.#state = State.DATA_CR;
      } else if (this.#state === State.TRAILERS) {
        const trailersEnd = this.#takeTrailers(bytes, at, end);
        if (trailersEnd === INCOMPLETE) break;
        at = trailersEnd;
        this.#state = State.DONE;
      } else {
        this.#framing(bytes[at]!);
        at++;
      }
    }
    this.contentStart = from;
    this.contentEnd = to;
    this.next = at;
  }

  /** Takes in one octet between the data of two chunks. */
  #framing(octet: number): void {
    switch (this.#state) {
      case State.SIZE:
        return this.#size(octet);
      case State.EXTENSION:
        return this.#extension(octet);
      case State.SIZE_LF:
        if (octet !== LF) throw new HttpError(400, "Bare CR in a chunk size");
        this.#state = this.#remaining === 0 ? State.TRAILERS : State.DATA;
        this.#digits = 0;
        return;
      case State.DATA_CR:
        if (octet !== CR) {
          throw new HttpError(400, "Chunk longer than its size");
        }
        this.#state = State.DATA_LF;
        return;
      case State.DATA_LF:
        if (octet !== LF) throw new HttpError(400, "Bare CR after a chunk");
        this.#state = State.SIZE;
    }
  }

  #size(octet: number): void {
    const value = HEX_VALUE[octet]!;
    if (value < 16) {
      this.#remaining = this.#remaining * 16 + value;
      if (
        ++this.#digits > MAX_SIZE_DIGITS ||
        this.#remaining > Number.MAX_SAFE_INTEGER
      ) throw new HttpError(400, "Chunk size too long");
      return;
    }
    if (this.#digits === 0) throw new HttpError(400, "Missing chunk size");
    if (octet === CR) this.#state = State.SIZE_LF;
    else if (octet === SEMICOLON || octet === SP || octet === HTAB) {
      this.#state = State.EXTENSION;
      this.#extension(octet);
    } else throw new HttpError(400, "Invalid chunk size");
  }

  #extension(octet: number): void {
    const extensions = this.#extensions ??= new ChunkExtensions();
    if (octet === CR) {
      extensions.end(this.#remaining);
      this.#state = State.SIZE_LF;
    } else extensions.take(octet);
  }

  /** Returns where the trailers end; `start` when they are given up, and where the message ends is not known. */
  #takeTrailers(bytes: Uint8Array, start: number, end: number): number {
    const { tolerant, withheld, maxBytes } = this.#handling;
    try {
      TRAILERS.clear();
      const trailersEnd = parseFieldLines(bytes, start, end, TRAILERS);
      const seen = trailersEnd === INCOMPLETE ? end : trailersEnd;
      if (seen - start > maxBytes) {
        throw new HttpError(431, "Trailer fields too large");
      }
      if (trailersEnd !== INCOMPLETE && withheld !== null) {
        this.trailers = trailerLines(bytes, TRAILERS, withheld);
      }
      return trailersEnd;
    } catch (error) {
      // The content is complete all the same (RFC 9112 §8). What is left
      // unread keeps the connection from being used again.
      if (tolerant && error instanceof HttpError) return start;
      throw error;
    }
  }
}
