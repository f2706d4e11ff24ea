/**
 * Writing the forwarding fields of a request that a trusted proxy has passed
 * on: what it says is believed, and whether it says so in X-Forwarded-* or in
 * Forwarded, the application reads the same in both. Pure.
 *
 * @module
 */

import {
  ascii,
  COLON,
  equalsIgnoringCase,
  HEX_VALUE,
  HOST,
  QUOTE,
  TOKEN_LOWER,
} from "./bytes.ts";
import type { ByteWriter } from "./byte_writer.ts";
import { Field, type FieldKind } from "./field_names.ts";
import { type FieldTable, forEachMember } from "./field_table.ts";
import {
  type Bounds,
  firstMember,
  type ForwardedText,
  readForwarded,
} from "./forwarded.ts";
import type { RequestHead } from "./request_head.ts";

/** The peer that a request has come from. */
export interface Peer {
  /** Its address as it is appended to a list. */
  readonly address: Uint8Array;
  /** `for=ADDRESS`. */
  readonly node: Uint8Array;
  /** `for=ADDRESS;proto=http`, an element of Forwarded (RFC 7239) but for its host. */
  readonly element: Uint8Array;
  /** `http` or `https`. */
  readonly scheme: Uint8Array;
  /** The line `X-Forwarded-Proto`, ended. */
  readonly proto: Uint8Array;
  /** The same, and the line `X-Forwarded-Port` where there is a port. */
  readonly protoAndPort: Uint8Array;
}

/** The fields in which a proxy says whom it has forwarded a request for, as bits. */
export const BELIEVED_KINDS: number = 1 << Field.FORWARDED |
  1 << Field.X_FORWARDED_FOR | 1 << Field.X_FORWARDED_PROTO |
  1 << Field.X_FORWARDED_HOST;

const X_FORWARDED_KINDS = BELIEVED_KINDS & ~(1 << Field.FORWARDED);

/** Proxies that are named in a Forwarded field of ours: each takes more room there than in X-Forwarded-For. */
const MAX_NODES = 16;

/** Octets of the longest node that is passed on: an address with its port, or an obfuscated name. */
const MAX_NODE_BYTES = 64;

const X_FORWARDED_FOR = ascii("X-Forwarded-For: ");
const X_FORWARDED_PROTO = ascii("X-Forwarded-Proto: ");
const X_FORWARDED_HOST = ascii("X-Forwarded-Host: ");
const FORWARDED = ascii("Forwarded: ");
const FORWARDED_FOR = ascii("for=");
const FORWARDED_PROTO = ascii(";proto=");
const FORWARDED_HOST = ascii(';host="');
const SEPARATOR = ascii(", ");
const UNKNOWN = ascii("unknown");

const DOT = 0x2e;
const OPENING = 0x5b;
const CLOSING = 0x5d;
const UNDERSCORE = 0x5f;

/**
 * Writes the fields that are not copied as they are. Where the proxy has sent
 * both X-Forwarded-* and Forwarded, each is kept and appended to; where it has
 * sent one kind, the other is made of it.
 */
export function writeBelieved(
  out: ByteWriter,
  bytes: Uint8Array,
  head: RequestHead,
  peer: Peer,
): void {
  const { fields } = head;
  const one = !fields.hasAny(X_FORWARDED_KINDS);
  const said = one ? readForwarded(bytes, fields) : null;
  writeXForwarded(out, bytes, head, { peer, said });
  if (!fields.has(Field.FORWARDED)) {
    writeDerivedForwarded(out, bytes, head, peer);
    return;
  }
  // What is malformed, and all there is, is as good as nothing.
  const kept = one && said === null ? -1 : Field.FORWARDED;
  writeAppended(out, bytes, fields, {
    name: FORWARDED,
    kind: kept,
    element: peer.element,
  });
  if (head.hostEnd > head.hostStart) {
    writeHostParameter(out, bytes, head.hostStart, head.hostEnd);
  }
  out.endLine();
}

/** Ends an element of Forwarded with the Host that was asked for. */
export function writeHostParameter(
  out: ByteWriter,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  out.write(FORWARDED_HOST);
  out.copy(bytes, start, end);
  out.octet(QUOTE);
}

function writeXForwarded(
  out: ByteWriter,
  bytes: Uint8Array,
  head: RequestHead,
  { peer, said }: { readonly peer: Peer; readonly said: ForwardedText | null },
): void {
  const { fields, hostStart, hostEnd } = head;
  if (said === null) {
    writeAppended(out, bytes, fields, {
      name: X_FORWARDED_FOR,
      kind: Field.X_FORWARDED_FOR,
      element: peer.address,
    });
  } else {
    out.write(X_FORWARDED_FOR);
    for (const node of said.nodes) {
      out.write(ascii(node));
      out.write(SEPARATOR);
    }
    out.write(peer.address);
  }
  out.endLine();
  if (said !== null && said.proto !== null) {
    writeLine(out, X_FORWARDED_PROTO, ascii(said.proto));
  } else if (!fields.has(Field.X_FORWARDED_PROTO)) {
    const hasPort = fields.has(Field.X_FORWARDED_PORT);
    out.write(hasPort ? peer.proto : peer.protoAndPort);
  }
  if (said !== null && said.host !== null) {
    writeLine(out, X_FORWARDED_HOST, ascii(said.host));
  } else if (hostEnd > hostStart && !fields.has(Field.X_FORWARDED_HOST)) {
    writeLine(out, X_FORWARDED_HOST, bytes.subarray(hostStart, hostEnd));
  }
}

/** Says in Forwarded what X-Forwarded-* say, or nothing when that cannot be said there. */
function writeDerivedForwarded(
  out: ByteWriter,
  bytes: Uint8Array,
  head: RequestHead,
  peer: Peer,
): void {
  const { fields } = head;
  const start = out.at;
  let nodes = 0;
  let valid = true;
  out.write(FORWARDED);
  for (let i = 0; i < fields.count; i++) {
    if (fields.kind(i) !== Field.X_FORWARDED_FOR) continue;
    forEachMember(
      bytes,
      fields.valueStart(i),
      fields.valueEnd(i),
      (from, to) => {
        valid &&= ++nodes <= MAX_NODES && writeNode(out, bytes, from, to);
        if (!valid) return;
        // The first proxy is the one that the client has asked.
        if (nodes === 1) {
          writeAskedProto(out, bytes, fields, peer);
          writeAskedHost(out, bytes, head);
        }
        out.write(SEPARATOR);
      },
    );
  }
  if (!valid) {
    out.at = start;
    return;
  }
  out.write(peer.node);
  // Some applications read the first element, and some the last.
  writeAskedProto(out, bytes, fields, peer);
  if (nodes === 0) writeAskedHost(out, bytes, head);
  out.endLine();
}

/** Writes how the client has asked: `;proto=https`. */
function writeAskedProto(
  out: ByteWriter,
  bytes: Uint8Array,
  fields: FieldTable,
  { scheme }: Peer,
): void {
  if (!fields.has(Field.X_FORWARDED_PROTO)) {
    out.write(FORWARDED_PROTO);
    out.write(scheme);
    return;
  }
  const proto = firstMember(bytes, fields, Field.X_FORWARDED_PROTO);
  if (proto === null || !isToken(bytes, proto.start, proto.end)) return;
  out.write(FORWARDED_PROTO);
  out.copy(bytes, proto.start, proto.end);
}

/** Writes what the client has asked for: `;host="a"`. */
function writeAskedHost(
  out: ByteWriter,
  bytes: Uint8Array,
  { fields, hostStart, hostEnd }: RequestHead,
): void {
  const host = fields.has(Field.X_FORWARDED_HOST)
    ? firstMember(bytes, fields, Field.X_FORWARDED_HOST)
    : { start: hostStart, end: hostEnd };
  if (host !== null && isAuthority(bytes, host)) {
    writeHostParameter(out, bytes, host.start, host.end);
  }
}

/** Writes a member of X-Forwarded-For as an element of Forwarded (RFC 7239 §6); `false` when it is no node. */
function writeNode(
  out: ByteWriter,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (end - start > MAX_NODE_BYTES) return false;
  let dots = 0;
  let colons = 0;
  let hexDigits = 0;
  let others = 0;
  for (let i = start; i < end; i++) {
    const octet = bytes[i]!;
    const value = HEX_VALUE[octet]!;
    if (value < 10) continue;
    if (octet === DOT) dots++;
    else if (octet === COLON) colons++;
    else if (value < 16) hexDigits++;
    else others++;
  }
  const isIpv4 = others === 0 && hexDigits === 0 && dots === 3 && colons <= 1;
  const isIpv6 = others === 0 && colons > 1;
  const isBracketed = others === 2 && colons > 1 && bytes[start] === OPENING &&
    bytes.subarray(start, end).includes(CLOSING);
  const isName = equalsIgnoringCase(bytes, start, end, UNKNOWN) ||
    (bytes[start] === UNDERSCORE && isToken(bytes, start, end));
  if (!isIpv4 && !isIpv6 && !isBracketed && !isName) return false;
  const isToBeQuoted = colons > 0; // no token has a colon
  out.write(FORWARDED_FOR);
  if (isToBeQuoted) out.octet(QUOTE);
  if (isIpv6) out.octet(OPENING);
  out.copy(bytes, start, end);
  if (isIpv6) out.octet(CLOSING);
  if (isToBeQuoted) out.octet(QUOTE);
  return true;
}

function isToken(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    if (TOKEN_LOWER[bytes[i]!] === 0) return false;
  }
  return end > start;
}

/** Whether it can stand in quotes as it is, and is no more than a host and a port. */
function isAuthority(bytes: Uint8Array, { start, end }: Bounds): boolean {
  for (let i = start; i < end; i++) {
    const octet = bytes[i]!;
    const fits = HOST[octet] === 1 || octet === COLON || octet === OPENING ||
      octet === CLOSING;
    if (!fits) return false;
  }
  return end > start;
}

function writeLine(
  out: ByteWriter,
  name: Uint8Array,
  value: Uint8Array,
): void {
  out.write(name);
  out.write(value);
  out.endLine();
}

/** Writes a list field, not its end: the members it had in all its lines, then one more. */
function writeAppended(
  out: ByteWriter,
  bytes: Uint8Array,
  fields: FieldTable,
  list: {
    readonly name: Uint8Array;
    readonly kind: FieldKind;
    readonly element: Uint8Array;
  },
): void {
  out.write(list.name);
  for (let i = 0; i < fields.count; i++) {
    const start = fields.valueStart(i);
    const end = fields.valueEnd(i);
    if (fields.kind(i) !== list.kind || start === end) continue;
    out.copy(bytes, start, end);
    out.write(SEPARATOR);
  }
  out.write(list.element);
}
