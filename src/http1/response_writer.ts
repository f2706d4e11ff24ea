/**
 * Writing a response's head out again for the client: the fields of this hop
 * taken out, ours put in. Pure.
 *
 * @module
 */

import { ascii, SP } from "./bytes.ts";
import { type BodyLength, isBodiless } from "./body_length.ts";
import type { ByteWriter } from "./byte_writer.ts";
import { Field, HOP_FIELDS } from "./field_names.ts";
import type { ResponseHead } from "./response_head.ts";

/** Octets that {@linkcode writeResponseHead} may add to a head. */
export const RESPONSE_HEAD_GROWTH = 384;

/** How the response goes on to the client. */
export interface ResponseContext {
  /** How the body is framed towards the client. */
  readonly body: BodyLength;
  /** What becomes of the connection after it. */
  readonly connection: "keep-alive" | "close";
  /** Whether the client speaks HTTP/1.0 and has to be told that the connection is kept. */
  readonly http10: boolean;
  readonly requestId: Uint8Array;
  /** The line `Date: ...`, ended, for responses without one. */
  readonly dateLine: Uint8Array;
}

const VERSION = ascii("HTTP/1.1 ");
const CONTENT_LENGTH = ascii("Content-Length: ");
const CHUNKED = ascii("Transfer-Encoding: chunked\r\n");
const CLOSE = ascii("Connection: close\r\n");
const KEEP_ALIVE = ascii("Connection: keep-alive\r\n");
const UPGRADE = ascii("Connection: Upgrade\r\n");
const X_REQUEST_ID = ascii("X-Request-Id: ");

/** For each kind of field: 1 when it is not passed on as it is. */
const DROPPED = new Uint8Array(32);
for (const kind of HOP_FIELDS) DROPPED[kind] = 1;

/** Writes the head, from the status line to the empty line. */
export function writeResponseHead(
  out: ByteWriter,
  bytes: Uint8Array,
  head: ResponseHead,
  context: ResponseContext,
): void {
  writeStatusLine(out, bytes, head);
  const hasDate = copyFields(out, bytes, head);
  // RFC 9110 §6.6.1: whoever passes a response on adds the date it lacks.
  if (!hasDate && head.status >= 200) out.write(context.dateLine);
  writeFraming(out, head, context.body);
  if (head.status === 101) {
    copyUpgrade(out, bytes, head);
  } else if (head.status >= 200) {
    if (context.connection === "close") out.write(CLOSE);
    else if (context.http10) out.write(KEEP_ALIVE);
  }
  out.write(X_REQUEST_ID);
  out.write(context.requestId);
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

/** Copies what is the worker's to say; returns whether a Date was among it. */
function copyFields(
  out: ByteWriter,
  bytes: Uint8Array,
  head: ResponseHead,
): boolean {
  const { fields, connection } = head;
  let hasDate = false;
  for (let i = 0; i < fields.count; i++) {
    const kind = fields.kind(i);
    if (DROPPED[kind] === 1) continue;
    if (kind === Field.DATE) hasDate = true;
    else if (
      kind === Field.OTHER &&
      connection.nominates(bytes, fields.nameStart(i), fields.nameEnd(i))
    ) continue;
    out.copy(bytes, fields.nameStart(i), fields.valueEnd(i));
    out.endLine();
  }
  return hasDate;
}

function writeFraming(
  out: ByteWriter,
  head: ResponseHead,
  body: BodyLength,
): void {
  if (body.kind === "chunked") {
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
