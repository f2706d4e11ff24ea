/**
 * The field lines of a head, as offsets into the buffer they were read into.
 * Pure.
 *
 * Nothing is decoded and nothing is copied: a table is filled by the parser,
 * read by whoever writes the head out again, and filled anew by the next one.
 *
 * @module
 */

import {
  COLON,
  COMMA,
  CR,
  equalsIgnoringCase,
  FIELD_VALUE,
  HTAB,
  latin1Slice,
  LENIENT_FIELD_VALUE,
  LF,
  SP,
  TOKEN_LOWER,
} from "./bytes.ts";
import { fieldKind } from "./field_names.ts";
import { HttpError } from "./http_error.ts";

/** Returned by parsers that need more bytes to decide. */
export const INCOMPLETE = -1;

/** Field lines a head may have. Apache and HAProxy stop at about as many. */
export const MAX_FIELDS = 100;

/** Numbers kept for each field. */
const STRIDE = 4;

/** Field lines by index, from 0 to `count`. */
export class FieldTable {
  /** How many there are. */
  count = 0;
  /** Lines that a bare LF ended, the empty one included: each is an octet longer when it is written out. */
  bareLfs = 0;
  /** One bit for each kind there is: most heads have few, and need no search for the others. */
  #present = 0;
  /** Of each: start and end of the name, start and end of the value without white space around it. */
  readonly #offsets = new Int32Array(STRIDE * MAX_FIELDS);
  readonly #kinds = new Uint8Array(MAX_FIELDS);

  /** Forgets all fields. */
  clear(): void {
    this.count = this.#present = this.bareLfs = 0;
  }

  /** Whether there is a field of this kind, one of `Field`. */
  has(kind: number): boolean {
    return (this.#present >>> kind & 1) === 1;
  }

  /** Whether there is a field of any of these kinds, a bit for each as in `1 << Field.DATE`. */
  hasAny(kinds: number): boolean {
    return (this.#present & kinds) !== 0;
  }

  /** What field `index` is: one of `Field`. */
  kind(index: number): number {
    return this.#kinds[index]!;
  }

  /** Makes field `index` one of another kind. */
  setKind(index: number, kind: number): void {
    this.#kinds[index] = kind;
    this.#present |= 1 << kind;
  }

  /** Where the line of field `index` starts: the first octet of its name. */
  nameStart(index: number): number {
    return this.#offsets[index * STRIDE]!;
  }

  /** Just past the name of field `index`. */
  nameEnd(index: number): number {
    return this.#offsets[index * STRIDE + 1]!;
  }

  /** First octet of the value of field `index`. */
  valueStart(index: number): number {
    return this.#offsets[index * STRIDE + 2]!;
  }

  /** Just past the last octet of the value of field `index`. */
  valueEnd(index: number): number {
    return this.#offsets[index * STRIDE + 3]!;
  }

  /** Adds a field. */
  add(
    kind: number,
    nameStart: number,
    nameEnd: number,
    valueStart: number,
    valueEnd: number,
  ): void {
    const at = this.count * STRIDE;
    this.#kinds[this.count] = kind;
    this.#present |= 1 << kind;
    this.#offsets[at] = nameStart;
    this.#offsets[at + 1] = nameEnd;
    this.#offsets[at + 2] = valueStart;
    this.#offsets[at + 3] = valueEnd;
    this.count++;
  }

  /** The fields as name and value pairs, for those who want text. */
  entries(bytes: Uint8Array): [string, string][] {
    return Array.from({ length: this.count }, (_, index) => [
      latin1Slice(bytes, this.nameStart(index), this.nameEnd(index)),
      latin1Slice(bytes, this.valueStart(index), this.valueEnd(index)),
    ]);
  }
}

/** How closely field lines are looked at. */
export interface FieldGrammar {
  /** For each octet: 1 when it may stand in a value. */
  readonly value: Uint8Array;
  /** Whether a bare LF ends a line (RFC 9112 §2.2). */
  readonly bareLf: boolean;
}

/** What clients are held to: what is read in two ways smuggles requests. */
export const STRICT: FieldGrammar = { value: FIELD_VALUE, bareLf: false };

/** What workers are: they are trusted, and some of their programs are old. */
export const LENIENT: FieldGrammar = {
  value: LENIENT_FIELD_VALUE,
  bareLf: true,
};

/**
 * Reads field lines from `start` up to and including the empty line
 * (RFC 9112 §5), and adds them to `fields`.
 *
 * @returns The offset just past the empty line, or {@linkcode INCOMPLETE}.
 * @throws {HttpError} On a line that breaks the grammar, as soon as the octet
 * that breaks it is there.
 */
export function parseFieldLines(
  bytes: Uint8Array,
  start: number,
  end: number,
  fields: FieldTable,
  grammar: FieldGrammar = STRICT,
): number {
  const { value } = grammar;
  let at = start;
  while (at < end) {
    if (bytes[at] === CR) {
      if (at + 1 === end) return INCOMPLETE;
      if (bytes[at + 1] !== LF) throw new HttpError(400, "Bare CR in the head");
      return at + 2;
    }
    if (bytes[at] === LF && grammar.bareLf) {
      fields.bareLfs++;
      return at + 1;
    }
    const nameStart = at;
    while (at < end && TOKEN_LOWER[bytes[at]!] !== 0) at++;
    if (at === end) return INCOMPLETE;
    if (bytes[at] !== COLON || at === nameStart) {
      throw badFieldName(bytes[at]!, at === nameStart);
    }
    const nameEnd = at++;
    while (at < end && (bytes[at] === SP || bytes[at] === HTAB)) at++;
    const valueStart = at;
    while (at < end && value[bytes[at]!] === 1) at++;
    if (at === end) return INCOMPLETE;
    let valueEnd = at;
    if (bytes[at] === CR) {
      if (at + 1 === end) return INCOMPLETE;
      if (bytes[at + 1] !== LF) throw new HttpError(400, "Bare CR in the head");
      at += 2;
    } else if (bytes[at] === LF && grammar.bareLf) {
      fields.bareLfs++;
      at++;
    } else throw new HttpError(400, "Invalid octet in a field value");
    while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1]!)) valueEnd--;
    if (fields.count === MAX_FIELDS) {
      throw new HttpError(431, `More than ${MAX_FIELDS} fields`);
    }
    fields.add(
      fieldKind(bytes, nameStart, nameEnd),
      nameStart,
      nameEnd,
      valueStart,
      valueEnd,
    );
  }
  return INCOMPLETE;
}
/**
 * Calls `visit` with the bounds of each non-empty member of a comma-separated
 * list (RFC 9110 §5.6.1).
 */
export function forEachMember(
  bytes: Uint8Array,
  start: number,
  end: number,
  visit: (start: number, end: number) => void,
): void {
  let at = start;
  while (at < end) {
    let stop = at;
    while (stop < end && bytes[stop] !== COMMA) stop++;
    let from = at;
    let to = stop;
    while (from < to && isBlank(bytes[from]!)) from++;
    while (to > from && isBlank(bytes[to - 1]!)) to--;
    if (to > from) visit(from, to);
    at = stop + 1;
  }
}

/** Whether a comma-separated list has `lower` among its members, in any case. */
export function hasMember(
  bytes: Uint8Array,
  start: number,
  end: number,
  lower: Uint8Array,
): boolean {
  let found = false;
  forEachMember(bytes, start, end, (from, to) => {
    found ||= equalsIgnoringCase(bytes, from, to, lower);
  });
  return found;
}

function isBlank(octet: number): boolean {
  return octet === SP || octet === HTAB;
}

function badFieldName(octet: number, atStart: boolean): HttpError {
  if (atStart && isBlank(octet)) {
    return new HttpError(400, "Folded field line"); // RFC 9112 §5.2
  }
  if (atStart && octet === COLON) {
    return new HttpError(400, "Empty field name");
  }
  if (isBlank(octet)) {
    return new HttpError(400, "White space before a colon"); // RFC 9112 §5.1
  }
  return new HttpError(400, "Invalid octet in a field name");
}
