/**
 * The rest of a chunk's size line, octet by octet (RFC 9112 §7.1.1): bad white
 * space and extensions, checked and dropped. Pure.
 *
 * @module
 */

import {
  BACKSLASH,
  EQUALS,
  FIELD_VALUE,
  HTAB,
  QUOTE,
  SEMICOLON,
  SP,
  TOKEN_LOWER,
} from "./bytes.ts";
import { HttpError } from "./http_error.ts";

/**
 * Octets between the size of one chunk and the end of its line. Extensions of
 * 1,000 octets are met with; without a bound they never end (CVE-2024-22019).
 */
export const MAX_EXTENSION_BYTES = 4096;

/**
 * Octets by which the extensions of a body may exceed the content of their
 * chunks: else many small ones cost what no limit on content shows
 * (CVE-2023-39326).
 */
export const MAX_EXCESS_BYTES = 262_144;

/** What the next octet belongs to. */
const State = {
  AFTER_SIZE: 0,
  BEFORE_NAME: 1,
  NAME: 2,
  AFTER_NAME: 3,
  BEFORE_VALUE: 4,
  VALUE: 5,
  QUOTED: 6,
  ESCAPED: 7,
  AFTER_VALUE: 8,
} as const;

/** Checks `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ) BWS`, for all chunks of a body. */
export class ChunkExtensions {
  #state: number = State.AFTER_SIZE;
  #bytes = 0;
  /** Octets of extensions beyond the content of their chunks, not below 0. */
  #excess = 0;

  /**
   * Takes in an octet that is no CR.
   *
   * @throws {HttpError} When it breaks the grammar, or is one too many.
   */
  take(octet: number): void {
    if (
      ++this.#bytes > MAX_EXTENSION_BYTES || ++this.#excess > MAX_EXCESS_BYTES
    ) throw new HttpError(400, "Chunk extensions too long");
    const next = octet === SP || octet === HTAB
      ? afterBlank(this.#state, octet)
      : afterOctet(this.#state, octet);
    if (next < 0) throw new HttpError(400, "Invalid chunk extension");
    this.#state = next;
  }

  /**
   * Ends the line of a chunk of `size` octets.
   *
   * @throws {HttpError} When an extension is not whole.
   */
  end(size: number): void {
    switch (this.#state) {
      case State.BEFORE_NAME:
      case State.BEFORE_VALUE:
      case State.QUOTED:
      case State.ESCAPED:
        throw new HttpError(400, "Invalid chunk extension");
    }
    this.#state = State.AFTER_SIZE;
    this.#bytes = 0;
    this.#excess = Math.max(0, this.#excess - size);
  }
}

/** The state after white space: bad, to be taken all the same (RFC 9110 §5.6.3), or quoted. */
function afterBlank(state: number, octet: number): number {
  switch (state) {
    case State.NAME:
      return State.AFTER_NAME;
    case State.VALUE:
      return State.AFTER_VALUE;
    case State.QUOTED:
    case State.ESCAPED:
      return afterOctet(state, octet);
  }
  return state;
}

/** The state after `octet`, -1 when it may not stand there. */
function afterOctet(state: number, octet: number): number {
  const isToken = TOKEN_LOWER[octet] !== 0;
  switch (state) {
    case State.BEFORE_NAME:
      return isToken ? State.NAME : -1;
    case State.BEFORE_VALUE:
      return isToken ? State.VALUE : octet === QUOTE ? State.QUOTED : -1;
    case State.QUOTED:
      if (octet === QUOTE) return State.AFTER_VALUE;
      if (octet === BACKSLASH) return State.ESCAPED;
      return FIELD_VALUE[octet] === 1 ? State.QUOTED : -1;
    case State.ESCAPED:
      return FIELD_VALUE[octet] === 1 ? State.QUOTED : -1;
  }
  if (octet === SEMICOLON) return State.BEFORE_NAME;
  if (isToken && (state === State.NAME || state === State.VALUE)) return state;
  const isNamed = state === State.NAME || state === State.AFTER_NAME;
  return isNamed && octet === EQUALS ? State.BEFORE_VALUE : -1;
}
