/**
 * How long a message's body is (RFC 9112 §6). Pure.
 *
 * @module
 */

import { ascii, COMMA, equalsIgnoringCase, ZERO } from "./bytes.ts";
import { Field } from "./field_names.ts";
import { type FieldTable, forEachMember } from "./field_table.ts";
import { HttpError } from "./http_error.ts";

/** How the end of a body is known. */
export type BodyLength =
  | { readonly type: "none" }
  | { readonly type: "length"; readonly bytes: number }
  | { readonly type: "chunked" }
  | { readonly type: "until-close" };

/** No body. */
export const NO_BODY: BodyLength = Object.freeze({ type: "none" });
/** A body in chunks. */
export const CHUNKED: BodyLength = Object.freeze({ type: "chunked" });
/** A body that ends with the connection. */
export const UNTIL_CLOSE: BodyLength = Object.freeze({ type: "until-close" });

/** Any number of 15 digits is below 2^53 and so exact; nobody has a longer body (a petabyte). */
const MAX_LENGTH_DIGITS = 15;

const CHUNKED_CODING = ascii("chunked");

/** What a head says of its body, as it was read. */
export interface Framing {
  /** The value of Content-Length, or -1 without one. */
  readonly contentLength: number;
  /** Whether Transfer-Encoding is exactly `chunked`. */
  readonly chunked: boolean;
}

const UNFRAMED: Framing = Object.freeze({ contentLength: -1, chunked: false });
const FRAMED_IN_CHUNKS: Framing = Object.freeze({
  contentLength: -1,
  chunked: true,
});

/**
 * Reads Content-Length and Transfer-Encoding.
 *
 * @throws {HttpError} 400 for anything two recipients could read differently,
 * 501 for a coding we do not know.
 */
export function parseFraming(
  bytes: Uint8Array,
  fields: FieldTable,
  minorVersion: number,
): Framing {
  const { CONTENT_LENGTH, TRANSFER_ENCODING } = Field;
  if (!fields.has(CONTENT_LENGTH) && !fields.has(TRANSFER_ENCODING)) {
    return UNFRAMED;
  }
  let contentLength = -1;
  let codings = 0;
  for (let i = 0; i < fields.count; i++) {
    const kind = fields.kind(i);
    if (kind === CONTENT_LENGTH) {
      const length = parseContentLength(bytes, fields, i);
      if (contentLength >= 0 && length !== contentLength) {
        throw new HttpError(400, "Differing Content-Length fields");
      }
      contentLength = length;
    } else if (kind === TRANSFER_ENCODING) {
      codings++;
      requireChunked(bytes, fields, i);
    }
  }
  if (codings === 0) {
    return { contentLength, chunked: false };
  }
  if (codings > 1) throw new HttpError(400, "Repeated Transfer-Encoding");
  if (contentLength >= 0) {
    throw new HttpError(400, "Content-Length with Transfer-Encoding"); // §6.1
  }
  if (minorVersion === 0) {
    throw new HttpError(400, "Transfer-Encoding in HTTP/1.0"); // §6.1
  }
  return FRAMED_IN_CHUNKS;
}

/** The body of a request: without either field there is none (RFC 9112 §6.3, 7). */
export function requestBodyLength(framing: Framing): BodyLength {
  if (framing.chunked) return CHUNKED;
  if (framing.contentLength > 0) {
    return { type: "length", bytes: framing.contentLength };
  }
  return NO_BODY;
}

/** The body of a response, which depends on what was asked (RFC 9112 §6.3, 1-2 and 8). */
export function responseBodyLength(
  framing: Framing,
  status: number,
  toHead: boolean,
): BodyLength {
  if (toHead || isBodiless(status)) return NO_BODY;
  if (framing.chunked) return CHUNKED;
  if (framing.contentLength === 0) return NO_BODY;
  if (framing.contentLength > 0) {
    return { type: "length", bytes: framing.contentLength };
  }
  return UNTIL_CLOSE;
}

/** Whether responses with this status never have a body. */
export function isBodiless(status: number): boolean {
  return status < 200 || status === 204 || status === 304;
}

function parseContentLength(
  bytes: Uint8Array,
  fields: FieldTable,
  index: number,
): number {
  const start = fields.valueStart(index);
  const end = fields.valueEnd(index);
  if (end === start || end - start > MAX_LENGTH_DIGITS) {
    throw new HttpError(400, "Invalid Content-Length");
  }
  let length = 0;
  for (let i = start; i < end; i++) {
    const digit = bytes[i]! - ZERO;
    if (digit < 0 || digit > 9) {
      throw new HttpError(
        400,
        bytes[i] === COMMA
          ? "More than one Content-Length"
          : "Invalid Content-Length",
      );
    }
    length = length * 10 + digit;
  }
  return length;
}

function requireChunked(
  bytes: Uint8Array,
  fields: FieldTable,
  index: number,
): void {
  const start = fields.valueStart(index);
  const end = fields.valueEnd(index);
  if (equalsIgnoringCase(bytes, start, end, CHUNKED_CODING)) return;
  // `chunked` anywhere but alone is an attempt to be read in two ways.
  let hasChunked = false;
  forEachMember(bytes, start, end, (from, to) => {
    hasChunked ||= equalsIgnoringCase(bytes, from, to, CHUNKED_CODING);
  });
  if (hasChunked || start === end) {
    throw new HttpError(400, "Invalid Transfer-Encoding");
  }
  throw new HttpError(501, "Unknown Transfer-Encoding");
}
