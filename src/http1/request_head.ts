/**
 * Request heads: request line, fields, and what they mean for the connection
 * (RFC 9112 §3). Pure: bytes in, offsets out.
 *
 * @module
 */

import {
  ascii,
  ASTERISK,
  CR,
  equalsIgnoringCase,
  LF,
  QUESTION,
  SLASH,
  SP,
  startsWith,
  TARGET,
  TOKEN_LOWER,
  ZERO,
} from "./bytes.ts";
import {
  type BodyLength,
  NO_BODY,
  parseFraming,
  requestBodyLength,
} from "./body_length.ts";
import { equalHosts, hostEndOf, normalEndOf, schemeOf } from "./authority.ts";
import { ConnectionOptions } from "./connection_options.ts";
import { Field } from "./field_names.ts";
import { FieldTable, INCOMPLETE, parseFieldLines } from "./field_table.ts";
import { HttpError } from "./http_error.ts";
import { asksForCarried } from "./upgrade.ts";

/** Longest method. The longest registered one has 17 octets. */
const MAX_METHOD_BYTES = 32;

/** The methods a proxy treats differently from others. */
export const Method = {
  OTHER: 0,
  GET: 1,
  HEAD: 2,
  OPTIONS: 3,
  PUT: 4,
  DELETE: 5,
  TRACE: 6,
  CONNECT: 7,
} as const;

const METHODS: readonly {
  readonly name: Uint8Array;
  readonly method: number;
}[] = [
  { name: ascii("GET"), method: Method.GET },
  { name: ascii("HEAD"), method: Method.HEAD },
  { name: ascii("OPTIONS"), method: Method.OPTIONS },
  { name: ascii("PUT"), method: Method.PUT },
  { name: ascii("DELETE"), method: Method.DELETE },
  { name: ascii("TRACE"), method: Method.TRACE },
  { name: ascii("CONNECT"), method: Method.CONNECT },
];

const HTTP_1 = ascii("HTTP/1.");
const CONTINUE = ascii("100-continue");

/**
 * A request's head as offsets into the buffer it was parsed from. Made to be
 * used again: valid until the next parse.
 */
export class RequestHead {
  /** One of {@linkcode Method}. */
  method = 0;
  /** First octet of the request, after empty lines before it. */
  methodStart = 0;
  /** Just past the method. */
  methodEnd = 0;
  /** First octet of the target in origin-form, or equal to its end when it must be written as `/` or `*`. */
  targetStart = 0;
  /** Just past the target. */
  targetEnd = 0;
  /** Whether the target was in absolute-form. */
  absolute = false;
  /** Minor version: 0 or 1, which higher ones are taken for. */
  minorVersion = 1;
  /** First octet of the host asked for, in the Host field or else in the target. */
  hostStart = 0;
  /** Just past it, or equal to its start when the client named none (HTTP/1.0). */
  hostEnd = 0;
  /** Whether the client waits for `100 Continue`. */
  expectsContinue = false;
  /** Whether a switch of protocols is asked for that we pass on (RFC 9110 §7.8). */
  upgrade = false;
  /** How long the body is. */
  body: BodyLength = NO_BODY;
  /** All field lines. */
  readonly fields = new FieldTable();
  /** The options of the Connection fields. */
  readonly connection = new ConnectionOptions();

  /** Whether the connection may carry another request (RFC 9112 §9.3). */
  get keepAlive(): boolean {
    const { close, keepAlive } = this.connection;
    return !close && (this.minorVersion === 1 || keepAlive);
  }

  /** Whether repeating the request does no harm (RFC 9110 §9.2.2). */
  get idempotent(): boolean {
    return this.method !== Method.OTHER && this.method !== Method.CONNECT;
  }
}

/**
 * Parses the request head that starts at `start`.
 *
 * @returns The offset just past the head, or {@linkcode INCOMPLETE} when
 * the bytes up to `end` are the beginning of a valid head.
 * @throws {HttpError} When no continuation could make it valid.
 */
export function parseRequestHead(
  bytes: Uint8Array,
  start: number,
  end: number,
  head: RequestHead,
): number {
  const fieldsStart = parseRequestLine(bytes, start, end, head);
  if (fieldsStart === INCOMPLETE) return INCOMPLETE;
  head.fields.clear();
  const bodyStart = parseFieldLines(bytes, fieldsStart, end, head.fields);
  if (bodyStart === INCOMPLETE) return INCOMPLETE;
  const { fields, connection } = head;
  connection.parse(bytes, fields);
  head.body = requestBodyLength(
    parseFraming(bytes, fields, head.minorVersion),
  );
  interpretFields(bytes, head);
  if (head.absolute) takeOriginForm(bytes, head);
  return bodyStart;
}

function parseRequestLine(
  bytes: Uint8Array,
  start: number,
  end: number,
  head: RequestHead,
): number {
  let at = skipEmptyLines(bytes, start, end);
  if (at === end) return INCOMPLETE;

  head.methodStart = at;
  while (at < end && TOKEN_LOWER[bytes[at]!] !== 0) at++;
  if (at - head.methodStart > MAX_METHOD_BYTES) {
    throw new HttpError(400, "Method too long");
  }
  if (at === end) return INCOMPLETE;
  if (bytes[at] !== SP || at === head.methodStart) {
    throw new HttpError(400, "Invalid method");
  }
  head.methodEnd = at;
  head.method = methodOf(bytes, head.methodStart, at);

  const targetStart = ++at;
  while (at < end && TARGET[bytes[at]!] === 1) at++;
  if (at === end) return INCOMPLETE;
  if (bytes[at] !== SP || at === targetStart) {
    throw new HttpError(400, "Invalid target");
  }
  head.targetStart = targetStart;
  head.targetEnd = at;
  return parseVersion(bytes, at + 1, end, head);
}

/** Passes over empty lines before a request, which some clients send after a body (RFC 9112 §2.2). */
function skipEmptyLines(
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  let at = start;
  while (at < end && bytes[at] === CR) {
    if (at + 1 === end) return end;
    if (bytes[at + 1] !== LF) {
      throw new HttpError(400, "Bare CR before the request line");
    }
    at += 2;
  }
  return at;
}

function methodOf(bytes: Uint8Array, start: number, end: number): number {
  for (const { name, method } of METHODS) {
    if (
      name.length === end - start && startsWith(bytes, start, end, name)
    ) return method;
  }
  return Method.OTHER;
}

/** Reads the version and the end of the line; returns the offset of the first field line. */
function parseVersion(
  bytes: Uint8Array,
  start: number,
  end: number,
  head: RequestHead,
): number {
  if (!startsWith(bytes, start, end, HTTP_1)) throw badVersion(bytes, start);
  const minorAt = start + HTTP_1.length;
  if (end <= minorAt) return INCOMPLETE;
  const minor = bytes[minorAt]! - ZERO;
  if (minor < 0 || minor > 9) {
    throw new HttpError(400, "Invalid minor version");
  }
  head.minorVersion = Math.min(minor, 1); // RFC 9110 §2.5
  const lineEnd = minorAt + 1;
  if (end > lineEnd && bytes[lineEnd] !== CR) {
    throw new HttpError(400, "Invalid end of the request line");
  }
  if (end > lineEnd + 1 && bytes[lineEnd + 1] !== LF) {
    throw new HttpError(400, "Bare CR in the request line");
  }
  if (end < lineEnd + 2) return INCOMPLETE;
  checkTargetForm(bytes, head);
  return lineEnd + 2;
}

function badVersion(bytes: Uint8Array, start: number): HttpError {
  const major = bytes[start + 5]! - ZERO;
  const isHttp = startsWith(bytes, start, start + 5, HTTP_1);
  return isHttp && major >= 0 && major <= 9 && major !== 1
    ? new HttpError(505, "HTTP version not supported")
    : new HttpError(400, "Invalid version");
}

/** Which of the four forms of RFC 9112 §3.2 the target has, and whether we serve it. */
function checkTargetForm(bytes: Uint8Array, head: RequestHead): void {
  const { targetStart: start, targetEnd: end } = head;
  head.absolute = false;
  if (head.method === Method.CONNECT) {
    throw new HttpError(405, "CONNECT is not served here");
  }
  if (head.method === Method.TRACE) {
    throw new HttpError(405, "TRACE is not served here");
  }
  if (bytes[start] === SLASH) return;
  if (bytes[start] === ASTERISK && end - start === 1) {
    if (head.method === Method.OPTIONS) return;
    throw new HttpError(400, "Target * without OPTIONS");
  }
  if (schemeOf(bytes, start, end) === null) {
    throw new HttpError(400, "Invalid target");
  }
  head.absolute = true;
}

function interpretFields(bytes: Uint8Array, head: RequestHead): void {
  const { fields, connection } = head;
  head.hostStart = head.hostEnd = 0;
  head.expectsContinue = false;
  head.upgrade = connection.upgrade && mayUpgrade(bytes, head);
  let expectations = 0;
  for (let i = 0; i < fields.count; i++) {
    const kind = fields.kind(i);
    if (kind === Field.HOST) {
      if (hasHost(head)) throw new HttpError(400, "More than one Host");
      head.hostStart = fields.valueStart(i);
      head.hostEnd = fields.valueEnd(i);
      hostEndOf(bytes, head.hostStart, head.hostEnd);
    } else if (kind === Field.EXPECT) {
      if (++expectations > 1) throw new HttpError(417, "More than one Expect");
      checkExpectation(bytes, fields, i);
      head.expectsContinue = head.minorVersion === 1;
    }
  }
  if (!hasHost(head) && head.minorVersion === 1) {
    throw new HttpError(400, "Missing Host"); // RFC 9112 §3.2
  }
}

/**
 * Refuses what is not exactly `100-continue`: applications find it in what
 * only resembles it, or do not, and one that waits for a body where another
 * does not reads requests in it (RFC 9110 §10.1.1).
 */
function checkExpectation(
  bytes: Uint8Array,
  fields: FieldTable,
  index: number,
): void {
  const start = fields.valueStart(index);
  const end = fields.valueEnd(index);
  if (!equalsIgnoringCase(bytes, start, end, CONTINUE)) {
    throw new HttpError(417, "Unknown expectation");
  }
}

function hasHost(head: RequestHead): boolean {
  return head.hostEnd > head.hostStart; // an empty one is invalid
}

/** Only without a body and on HTTP/1.1, and of methods that ask and change nothing. */
function mayUpgrade(bytes: Uint8Array, head: RequestHead): boolean {
  const { method, minorVersion, body, fields } = head;
  return minorVersion === 1 && body.type === "none" &&
    (method === Method.GET || method === Method.OPTIONS) &&
    asksForCarried(bytes, fields);
}

/**
 * Turns an absolute-form target into origin-form (RFC 9112 §3.2.2). Its
 * authority must be the Host's, or two recipients might route it differently:
 * in any case, and with the port of its scheme or without. So Host, which is
 * to be replaced with it, may as well stay.
 */
function takeOriginForm(bytes: Uint8Array, head: RequestHead): void {
  const { targetStart, targetEnd, hostStart } = head;
  const scheme = schemeOf(bytes, targetStart, targetEnd)!;
  const start = targetStart + scheme.prefix.length;
  let end = start;
  while (
    end < targetEnd && bytes[end] !== SLASH && bytes[end] !== QUESTION
  ) end++;
  const normalEnd = normalEndOf(bytes, start, end, scheme);
  if (hasHost(head)) {
    const hostEnd = normalEndOf(bytes, hostStart, head.hostEnd, scheme);
    const host = bytes.subarray(hostStart, hostEnd);
    if (!equalHosts(bytes, start, normalEnd, host)) {
      throw new HttpError(400, "Target and Host differ");
    }
  } else {
    head.hostStart = start;
    head.hostEnd = end;
  }
  head.targetStart = end;
}
