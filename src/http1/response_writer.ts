/**
 * Writing a response's head out again for the client: the fields of this hop
 * taken out, ours put in. Pure.
 *
 * @module
 */

import { ascii, SP } from "./bytes.ts";
import { type BodyLength, isBodiless } from "./body_length.ts";
import type { ByteWriter } from "./byte_writer.ts";
import { copyFields, fatesOf } from "./field_copy.ts";
import { Field, HOP_FIELDS, LOCATION_FIELDS } from "./field_names.ts";
import { REWRITTEN } from "./own_location.ts";
import type { ResponseHead } from "./response_head.ts";
import { writeAnnouncements } from "./trailers.ts";

/**
 * Octets that {@linkcode writeResponseHead} may add to a head, beside
 * `locations`, and one for each of its lines that a bare LF ends.
 */
export const RESPONSE_HEAD_GROWTH = 384;

/** The id of a request, where it was written: in the head for the worker. */
export interface WrittenId {
  /** The octets of that head. */
  readonly bytes: Uint8Array;
  /** First octet of the id. */
  readonly idStart: number;
  /** Just past it. */
  readonly idEnd: number;
}

/** How the response goes on to the client. */
export interface ResponseContext {
  /** How the body is framed towards the client. */
  readonly body: BodyLength;
  /** Whether the trailer fields of the body pass, and may be announced. */
  readonly trailers: boolean;
  /** What becomes of the connection after it. */
  readonly connection: "keep-alive" | "close";
  /** Whether the client speaks HTTP/1.0 and has to be told that the connection is kept. */
  readonly http10: boolean;
  readonly requestId: WrittenId;
  /** A line `Set-Cookie: ...` of our own, ended; `null` for none. Not written with 1xx: no page comes of those. */
  readonly setCookie: Uint8Array | null;
  /** The lines of fields that are {@linkcode REWRITTEN}, ended; `null` for none. */
  readonly locations?: Uint8Array | null;
  /** The line `Date: ...`, ended, for responses without one. */
  readonly date: { readonly line: Uint8Array };
}

const VERSION = ascii("HTTP/1.1 ");
const CONTENT_LENGTH = ascii("Content-Length: ");
const CHUNKED = ascii("Transfer-Encoding: chunked\r\n");
const CLOSE = ascii("Connection: close\r\n");
const KEEP_ALIVE = ascii("Connection: keep-alive\r\n");
const UPGRADE = ascii("Connection: Upgrade\r\n");
const X_REQUEST_ID = ascii("X-Request-Id: ");

/** Status of a response that asks for another protocol. */
const UPGRADE_REQUIRED = 426;

const FATES = fatesOf(
  [...HOP_FIELDS, REWRITTEN],
  [Field.OTHER, Field.X_REAL_IP, ...LOCATION_FIELDS],
);

/** Writes the head, from the status line to the empty line. */
export function writeResponseHead(
  out: ByteWriter,
  bytes: Uint8Array,
  head: ResponseHead,
  context: ResponseContext,
): void {
  const { requestId } = context;
  writeStatusLine(out, bytes, head);
  copyFields(out, bytes, head, FATES);
  if (context.locations) out.write(context.locations);
  // RFC 9110 §6.6.1: whoever passes a response on adds the date it lacks.
  if (!head.fields.has(Field.DATE) && head.status >= 200) {
    out.write(context.date.line);
  }
  writeFraming(out, head, context.body);
  if (context.trailers) writeAnnouncements(out, bytes, head);
  if (context.setCookie !== null && head.status >= 200) {
    out.write(context.setCookie);
  }
  if (head.status === 101) {
    copyUpgrade(out, bytes, head);
  } else if (head.status === UPGRADE_REQUIRED) {
    // RFC 9110 §15.5.22: it says to what, and has to be in Connection (§7.8).
    if (head.fields.has(Field.UPGRADE)) copyUpgrade(out, bytes, head);
    writeConnection(out, context);
  } else if (head.status >= 200) writeConnection(out, context);
  out.write(X_REQUEST_ID);
  out.copy(requestId.bytes, requestId.idStart, requestId.idEnd);
  out.endLine();
  out.endLine();
}

function writeStatusLine(
  out: ByteWriter,
  bytes: Uint8Array,
  head: ResponseHead,
): void {
  out.write(VERSION);
  out.decimal(head.status);
  out.octet(SP);
  out.copy(bytes, head.reasonStart, head.reasonEnd);
  out.endLine();
}

function writeFraming(
  out: ByteWriter,
  head: ResponseHead,
  body: BodyLength,
): void {
  if (body.type === "chunked") {
    out.write(CHUNKED);
    return;
  }
  // What a HEAD or a 304 says of the length is about the GET (RFC 9110 §8.6);
  // a 204 or 1xx must not say anything.
  const { contentLength } = head.framing;
  const maySay = head.status === 304 || !isBodiless(head.status);
  if (contentLength >= 0 && maySay) {
    out.write(CONTENT_LENGTH);
    out.decimal(contentLength);
    out.endLine();
  }
}

function writeConnection(out: ByteWriter, context: ResponseContext): void {
  if (context.connection === "close") out.write(CLOSE);
  else if (context.http10) out.write(KEEP_ALIVE);
}

function copyUpgrade(
  out: ByteWriter,
  bytes: Uint8Array,
  head: ResponseHead,
): void {
  const { fields } = head;
  out.write(UPGRADE);
  for (let i = 0; i < fields.count; i++) {
    if (fields.kind(i) !== Field.UPGRADE) continue;
    out.copy(bytes, fields.nameStart(i), fields.valueEnd(i));
    out.endLine();
  }
}
