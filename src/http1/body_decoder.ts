/**
 * Taking the content out of a message body as it arrives. Pure.
 *
 * A decoder is handed what has been read and says which part of it is
 * content. It works in place, so that content can be passed on from the
 * buffer it was read into.
 *
 * @module
 */

import type { BodyLength } from "./body_length.ts";
import { ChunkedDecoder } from "./chunked_decoder.ts";
import { DROP_REQUEST_TRAILERS, type TrailerHandling } from "./trailers.ts";

/** Finds the content in the bytes of a body. Holds the result of the last call. */
export interface BodyDecoder {
  /** First octet of the content found by the last {@linkcode decode}. */
  readonly contentStart: number;
  /** Just past that content. */
  readonly contentEnd: number;
  /** First octet the decoder has not consumed: what follows the body, or belongs to the next call. */
  readonly next: number;
  /** Whether the whole body has been seen. */
  readonly done: boolean;
  /** Whether the end of the connection is the end of the body. */
  readonly endsWithConnection: boolean;
  /** How many of the octets that come next are content, for certain. */
  readonly contentAhead: number;
  /** Lines of the trailer fields that pass, each ended, once the body is done; `null` for none. */
  readonly trailers: Uint8Array | null;
  /**
   * Takes in the octets from `start` to `end`. May move octets within these
   * bounds.
   *
   * @throws {HttpError} When they break the body's framing.
   */
  decode(bytes: Uint8Array, start: number, end: number): void;
  /** Takes note that so many octets of {@linkcode contentAhead} went on unseen. */
  noteUnseen(octets: number): void;
}

/** The decoder for a body of this kind; `trailers` says what becomes of those of a chunked one. */
export function bodyDecoder(
  body: BodyLength,
  trailers: TrailerHandling = DROP_REQUEST_TRAILERS,
): BodyDecoder {
  switch (body.type) {
    case "none":
      return new LengthDecoder(0);
    case "length":
      return new LengthDecoder(body.bytes);
    case "chunked":
      return new ChunkedDecoder(trailers);
    case "until-close":
      return new CloseDecoder();
  }
}

/** A body of a known length. */
class LengthDecoder implements BodyDecoder {
  contentStart = 0;
  contentEnd = 0;
  readonly endsWithConnection = false;
  readonly trailers = null;
  #remaining: number;

  constructor(length: number) {
    this.#remaining = length;
  }

  get next(): number {
    return this.contentEnd;
  }

  get done(): boolean {
    return this.#remaining === 0;
  }

  get contentAhead(): number {
    return this.#remaining;
  }

  noteUnseen(octets: number): void {
    this.#remaining -= octets;
  }

  decode(_bytes: Uint8Array, start: number, end: number): void {
    const length = Math.min(end - start, this.#remaining);
    this.#remaining -= length;
    this.contentStart = start;
    this.contentEnd = start + length;
  }
}

/** A body that ends with the connection. */
class CloseDecoder implements BodyDecoder {
  contentStart = 0;
  contentEnd = 0;
  readonly done = false;
  readonly endsWithConnection = true;
  readonly contentAhead = Infinity;
  readonly trailers = null;

  noteUnseen(_octets: number): void {}

  get next(): number {
    return this.contentEnd;
  }

  decode(_bytes: Uint8Array, start: number, end: number): void {
    this.contentStart = start;
    this.contentEnd = end;
  }
}
