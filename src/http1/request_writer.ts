/**
 * Writing a request's head out again for a worker: the fields of this hop
 * taken out, the forwarding fields put in (RFC 9110 §7.6). Pure.
 *
 * @module
 */

import { ascii, ASTERISK, QUESTION, SLASH, SP, TARGET } from "./bytes.ts";
import {
  BELIEVED_KINDS,
  type Peer,
  writeBelieved,
  writeHostParameter,
} from "./believed_fields.ts";
import type { ByteWriter } from "./byte_writer.ts";
import { copyFields, type Fates, fatesOf } from "./field_copy.ts";
import {
  Field,
  type FieldKind,
  HOP_FIELDS,
  LOCATION_FIELDS,
} from "./field_names.ts";
import { Method, type RequestHead } from "./request_head.ts";
import {
  acceptsTrailers,
  DROP_REQUEST_TRAILERS,
  requestTrailers,
  writeAnnouncements,
} from "./trailers.ts";
import { TRACEPARENT_BYTES } from "./traceparent.ts";
import { writeCarriedUpgrade } from "./upgrade.ts";

/** What is said of the client in the forwarding fields. The same for all requests of a connection. */
export interface Forwarding extends Peer {
  /** Whether the peer is a proxy whose own forwarding fields are believed. */
  readonly trusted: boolean;
  /** The lines `X-Forwarded-For`, `X-Forwarded-Proto` and, where there is a port, `X-Forwarded-Port`. */
  readonly lines: Uint8Array;
  /** The same but for `X-Forwarded-Port`. */
  readonly linesWithoutPort: Uint8Array;
  /** The line `Forwarded` but for its host, and its end. */
  readonly forwarded: Uint8Array;
  /** The Host for clients that send none (HTTP/1.0). */
  readonly defaultHost: Uint8Array;
}

/** The parts of {@linkcode Forwarding} as text. */
export interface ForwardingText {
  readonly trusted: boolean;
  /** The peer's IP address. */
  readonly address: string;
  readonly proto: "http" | "https";
  /** The port the client connected to; 0 when it was none. */
  readonly port: number;
  readonly defaultHost: string;
}

/** Octets that {@linkcode writeRequestHead} may add to a head, beside the Host written twice more. */
export const REQUEST_HEAD_GROWTH = 768;

/** Octets that a trace adds to it. */
export const TRACE_GROWTH: number = TRACEPARENT_BYTES + 15;

/** Longest request id taken from a trusted peer. */
const MAX_REQUEST_ID_BYTES = 128;

const VERSION = ascii(" HTTP/1.1\r\n");
const HOST = ascii("Host: ");
const CONTENT_LENGTH = ascii("Content-Length: ");
const CHUNKED = ascii("Transfer-Encoding: chunked\r\n");
const UPGRADE = ascii("Connection: Upgrade\r\n");
const TE_TRAILERS = ascii("TE: trailers\r\nConnection: TE\r\n");
const TRACEPARENT = ascii("traceparent: ");
const X_REQUEST_ID = ascii("X-Request-Id: ");
const X_FORWARDED_HOST = ascii("X-Forwarded-Host: ");
const X_REAL_IP = ascii("X-Real-IP: ");

/** From the beginning of the trace's value to that of the request id. */
export const TRACEPARENT_BEFORE_ID: number = TRACEPARENT_BYTES + 2 +
  X_REQUEST_ID.length;

/** Written anew where they are needed. */
const DROPPED: readonly FieldKind[] = [
  ...HOP_FIELDS,
  Field.ALIAS,
  Field.HTTP2_SETTINGS,
  Field.PROXY,
  Field.X_FORWARDED_FOR,
  Field.FORWARDED,
];

/** What only a trusted peer may say. */
const DROPPED_IF_UNTRUSTED: readonly FieldKind[] = [
  Field.X_FORWARDED_PROTO,
  Field.X_FORWARDED_HOST,
  Field.X_FORWARDED_PORT,
  Field.X_REAL_IP,
];

/** Nomination may not take out what the message needs to be understood. */
const NOMINABLE: readonly FieldKind[] = [Field.OTHER, ...LOCATION_FIELDS];

/** What becomes of the fields of a trusted peer, by its minor version. */
const TRUSTED_FATES: readonly Fates[] = [
  fatesOf([...DROPPED, Field.EXPECT], NOMINABLE),
  fatesOf(DROPPED, NOMINABLE),
];

/** The same for a peer whose own forwarding fields are not believed. */
const FATES: readonly Fates[] = [
  fatesOf([...DROPPED, ...DROPPED_IF_UNTRUSTED, Field.EXPECT], NOMINABLE),
  fatesOf([...DROPPED, ...DROPPED_IF_UNTRUSTED], NOMINABLE),
];

/** Makes the parts that are the same for all requests of a connection. */
export function forwarding(text: ForwardingText): Forwarding {
  const { trusted, address, proto, port, defaultHost } = text;
  // RFC 7239 §6: an IPv6 address is put in brackets and quotes.
  const node = address.includes(":") ? `"[${address}]"` : address;
  const element = `for=${node};proto=${proto}`;
  const forLine = `X-Forwarded-For: ${address}\r\n`;
  const protoLine = `X-Forwarded-Proto: ${proto}\r\n`;
  const portLine = port === 0 ? "" : `X-Forwarded-Port: ${port}\r\n`;
  return {
    trusted,
    lines: ascii(forLine + protoLine + portLine),
    linesWithoutPort: ascii(forLine + protoLine),
    forwarded: ascii(`Forwarded: ${element}`),
    address: ascii(address),
    proto: ascii(protoLine),
    protoAndPort: ascii(protoLine + portLine),
    element: ascii(element),
    node: ascii(`for=${node}`),
    scheme: ascii(proto),
    defaultHost: ascii(defaultHost),
  };
}

/**
 * The id of the request: the one it has, when a trusted peer gave it one that
 * is fit to be logged, else `null`.
 */
export function trustedRequestId(
  bytes: Uint8Array,
  head: RequestHead,
  trusted: boolean,
): Uint8Array | null {
  if (!trusted) return null;
  const { fields } = head;
  if (!fields.has(Field.X_REQUEST_ID)) return null;
  for (let i = 0; i < fields.count; i++) {
    if (fields.kind(i) !== Field.X_REQUEST_ID) continue;
    const id = bytes.subarray(fields.valueStart(i), fields.valueEnd(i));
    const fit = id.length > 0 && id.length <= MAX_REQUEST_ID_BYTES &&
      id.every((octet) => TARGET[octet] === 1 || octet === 0x23);
    return fit ? id : null;
  }
  return null;
}

/**
 * Writes the head, from the request line to the empty line.
 *
 * @returns Where in `out` the request id begins.
 */
export function writeRequestHead(
  out: ByteWriter,
  bytes: Uint8Array,
  head: RequestHead,
  context: {
    readonly forwarding: Forwarding;
    readonly requestId: Uint8Array;
    /** The trace it belongs to, in place of its own. @default {its own is a field as any} */
    readonly traceparent?: Uint8Array | null;
  },
): number {
  const { forwarding, requestId, traceparent = null } = context;
  writeRequestLine(out, bytes, head);
  // HTTP/1.1 has one for certain.
  if (head.minorVersion === 0 && !head.fields.has(Field.HOST)) {
    out.write(HOST);
    if (head.hostStart === head.hostEnd) out.write(forwarding.defaultHost);
    else out.copy(bytes, head.hostStart, head.hostEnd); // RFC 9112 §3.2.2
    out.endLine();
  }
  const fates = forwarding.trusted ? TRUSTED_FATES : FATES;
  copyFields(out, bytes, head, fates[head.minorVersion]!);
  writeFraming(out, bytes, head);
  writeForwarding(out, bytes, head, forwarding);
  if (traceparent !== null) {
    out.write(TRACEPARENT);
    out.write(traceparent);
    out.endLine();
  }
  out.write(X_REQUEST_ID);
  const requestIdAt = out.at;
  out.write(requestId);
  out.endLine();
  out.endLine();
  return requestIdAt;
}

function writeRequestLine(
  out: ByteWriter,
  bytes: Uint8Array,
  head: RequestHead,
): void {
  const { methodStart, methodEnd, targetStart, targetEnd } = head;
  out.copy(bytes, methodStart, methodEnd);
  out.octet(SP);
  if (targetStart === targetEnd) {
    // absolute-form without a path (RFC 9112 §3.2.1 and §3.2.4)
    out.octet(head.method === Method.OPTIONS ? ASTERISK : SLASH);
  } else if (bytes[targetStart] === QUESTION) {
    out.octet(SLASH);
  }
  out.copy(bytes, targetStart, targetEnd);
  out.write(VERSION);
}

function writeFraming(
  out: ByteWriter,
  bytes: Uint8Array,
  head: RequestHead,
): void {
  const { body, fields } = head;
  if (body.type === "chunked") {
    out.write(CHUNKED);
    if (requestTrailers(bytes, head) !== DROP_REQUEST_TRAILERS) {
      writeAnnouncements(out, bytes, head);
    }
  } else if (body.type === "length") writeContentLength(out, body.bytes);
  else if (fields.has(Field.CONTENT_LENGTH)) writeContentLength(out, 0);
  if (head.upgrade) {
    writeCarriedUpgrade(out, bytes, fields);
    out.write(UPGRADE);
  } else if (acceptsTrailers(bytes, head)) out.write(TE_TRAILERS);
}

function writeContentLength(out: ByteWriter, length: number): void {
  out.write(CONTENT_LENGTH);
  out.decimal(length);
  out.endLine();
}

function writeForwarding(
  out: ByteWriter,
  bytes: Uint8Array,
  head: RequestHead,
  forwarding: Forwarding,
): void {
  if (forwarding.trusted && head.fields.hasAny(BELIEVED_KINDS)) {
    return writeBelieved(out, bytes, head, forwarding);
  }
  const { hostStart, hostEnd } = head;
  const hasHost = hostEnd > hostStart;
  out.write(
    forwarding.trusted && head.fields.has(Field.X_FORWARDED_PORT)
      ? forwarding.linesWithoutPort
      : forwarding.lines,
  );
  if (hasHost) {
    out.write(X_FORWARDED_HOST);
    out.copy(bytes, hostStart, hostEnd);
    out.endLine();
  }
  out.write(forwarding.forwarded);
  if (hasHost) writeHostParameter(out, bytes, hostStart, hostEnd);
  out.endLine();
  if (!forwarding.trusted && head.fields.has(Field.X_REAL_IP)) {
    out.write(X_REAL_IP);
    out.write(forwarding.address);
    out.endLine();
  }
}
