/**
 * Response heads: status line, fields, and what they mean for the connection
 * (RFC 9112 §4). Pure: bytes in, offsets out.
 *
 * Workers are trusted, and some of their programs are old: a bare LF ends a
 * line, and control characters may stand in values. What could make two of
 * what is one message is refused all the same.
 *
 * @module
 */

import {
  ascii,
  CR,
  LENIENT_FIELD_VALUE,
  LF,
  SP,
  startsWith,
  ZERO,
} from "./bytes.ts";
import { type Framing, parseFraming } from "./body_length.ts";
import { ConnectionOptions } from "./connection_options.ts";
import { Field } from "./field_names.ts";
import {
  FieldTable,
  forEachMember,
  INCOMPLETE,
  LENIENT,
  parseFieldLines,
} from "./field_table.ts";
import { HttpError } from "./http_error.ts";

const HTTP_1 = ascii("HTTP/1.");
const TIMEOUT = ascii("timeout=");

/**
 * A response's head as offsets into the buffer it was parsed from. Made to be
 * used again: valid until the next parse.
 */
export class ResponseHead {
  /** Minor version: 0 or 1, which higher ones are taken for. */
  minorVersion = 1;
  /** Status code, 100-999. */
  status = 0;
  /** First octet of the reason phrase. */
  reasonStart = 0;
  /** Just past the reason phrase. */
  reasonEnd = 0;
  /** Content-Length and Transfer-Encoding. */
  framing: Framing = { contentLength: -1, chunked: false };
  /** Seconds the worker keeps an idle connection (`Keep-Alive: timeout=N`), or -1 when it does not say. */
  keepAliveSeconds = -1;
  /** All field lines. */
  readonly fields = new FieldTable();
  /** The options of the Connection fields. */
  readonly connection = new ConnectionOptions();

  /** Whether the worker lets the connection be used again (RFC 9112 §9.3). */
  get keepAlive(): boolean {
    const { close, keepAlive } = this.connection;
    return !close && (this.minorVersion === 1 || keepAlive);
  }
}

/**
 * Parses the response head that starts at `start`.
 *
 * @returns The offset just past the head, or {@linkcode INCOMPLETE}.
 * @throws {HttpError} When no continuation could make it valid.
 */
export function parseResponseHead(
  bytes: Uint8Array,
  start: number,
  end: number,
  head: ResponseHead,
): number {
  const fieldsStart = parseStatusLine(bytes, start, end, head);
  if (fieldsStart === INCOMPLETE) return INCOMPLETE;
  head.fields.clear();
  const bodyStart = parseFieldLines(
    bytes,
    fieldsStart,
    end,
    head.fields,
    LENIENT,
  );
  if (bodyStart === INCOMPLETE) return INCOMPLETE;
  head.connection.parse(bytes, head.fields);
  head.framing = parseFraming(bytes, head.fields, head.minorVersion);
  head.keepAliveSeconds = parseKeepAlive(bytes, head.fields);
  return bodyStart;
}

function parseStatusLine(
  bytes: Uint8Array,
  start: number,
  end: number,
  head: ResponseHead,
): number {
  if (!startsWith(bytes, start, end, HTTP_1)) throw badStatusLine();
  // "HTTP/1.1 200 OK": version digit, space, three digits, space, reason.
  const minorAt = start + HTTP_1.length;
  const codeAt = minorAt + 2;
  if (end < codeAt + 4) return INCOMPLETE;
  const minor = bytes[minorAt]! - ZERO;
  if (minor < 0 || minor > 9 || bytes[minorAt + 1] !== SP) {
    throw badStatusLine();
  }
  let status = 0;
  for (let i = 0; i < 3; i++) {
    const digit = bytes[codeAt + i]! - ZERO;
    if (digit < 0 || digit > 9) throw badStatusLine();
    status = status * 10 + digit;
  }
  if (status < 100) throw badStatusLine();
  let at = codeAt + 3;
  // Some servers leave out the space before an empty reason phrase.
  if (bytes[at] === SP) at++;
  else if (bytes[at] !== CR && bytes[at] !== LF) throw badStatusLine();
  head.minorVersion = Math.min(minor, 1); // RFC 9110 §2.5
  head.status = status;
  head.reasonStart = at;
  while (at < end && LENIENT_FIELD_VALUE[bytes[at]!] === 1) at++;
  head.reasonEnd = at;
  if (at < end && bytes[at] === LF) return at + 1;
  if (at < end && bytes[at] !== CR) throw badStatusLine();
  if (at + 1 < end && bytes[at + 1] !== LF) throw badStatusLine();
  return at + 2 <= end ? at + 2 : INCOMPLETE;
}

function badStatusLine(): HttpError {
  return new HttpError(502, "Invalid status line");
}

/** Reads `timeout=N` of the Keep-Alive fields, which Node and others send. */
function parseKeepAlive(bytes: Uint8Array, fields: FieldTable): number {
  let seconds = -1;
  if (!fields.has(Field.KEEP_ALIVE)) return seconds;
  for (let i = 0; i < fields.count; i++) {
    if (fields.kind(i) !== Field.KEEP_ALIVE) continue;
    forEachMember(
      bytes,
      fields.valueStart(i),
      fields.valueEnd(i),
      (start, end) => {
        if (end - start <= TIMEOUT.length) return;
        if (!startsWith(bytes, start, end, TIMEOUT)) return;
        const value = parseSeconds(bytes, start + TIMEOUT.length, end);
        if (value >= 0) seconds = value;
      },
    );
  }
  return seconds;
}

/** A whole number of seconds, or -1 where there is something else. Nothing is allocated: Node sends one with each response. */
function parseSeconds(bytes: Uint8Array, start: number, end: number): number {
  let seconds = 0;
  for (let i = start; i < end; i++) {
    const digit = bytes[i]! - ZERO;
    if (digit < 0 || digit > 9) return -1;
    seconds = seconds * 10 + digit;
  }
  return seconds;
}
