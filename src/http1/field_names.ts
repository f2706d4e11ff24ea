/**
 * The field names that a proxy has to understand, recognised by number. Pure.
 *
 * @module
 */

import { ascii, TOKEN_LOWER } from "./bytes.ts";

/** What a field is to the proxy. */
export const Field = {
  /** Passed on as it is. */
  OTHER: 0,
  /**
   * A known name with underscores for hyphens, as in `X_Forwarded_For`. CGI
   * and WSGI applications cannot tell the two apart, so it is dropped.
   */
  ALIAS: 1,
  HOST: 2,
  CONTENT_LENGTH: 3,
  TRANSFER_ENCODING: 4,
  CONNECTION: 5,
  KEEP_ALIVE: 6,
  PROXY_CONNECTION: 7,
  PROXY_AUTHENTICATE: 8,
  PROXY_AUTHORIZATION: 9,
  TE: 10,
  TRAILER: 11,
  UPGRADE: 12,
  HTTP2_SETTINGS: 13,
  PROXY: 14,
  EXPECT: 15,
  DATE: 16,
  X_REQUEST_ID: 17,
  X_FORWARDED_FOR: 18,
  X_FORWARDED_PROTO: 19,
  X_FORWARDED_HOST: 20,
  X_FORWARDED_PORT: 21,
  FORWARDED: 22,
  X_REAL_IP: 23,
  LOCATION: 24,
  CONTENT_LOCATION: 25,
  REFRESH: 26,
} as const;

/** One of {@linkcode Field}. */
export type FieldKind = number;

/** Bound of all kinds: a table has a bit for each. */
export const FIELD_KINDS = 32;

/** Fields that concern one hop (RFC 9110 §7.6.1), or that whoever passes a message on writes anew. */
export const HOP_FIELDS: readonly FieldKind[] = [
  Field.CONTENT_LENGTH,
  Field.TRANSFER_ENCODING,
  Field.CONNECTION,
  Field.KEEP_ALIVE,
  Field.PROXY_CONNECTION,
  Field.PROXY_AUTHENTICATE,
  Field.PROXY_AUTHORIZATION,
  Field.TE,
  Field.TRAILER,
  Field.UPGRADE,
  Field.X_REQUEST_ID,
];

/** Fields with a URI that a client is to go to, or knows the content by: of responses only. */
export const LOCATION_FIELDS: readonly FieldKind[] = [
  Field.LOCATION,
  Field.CONTENT_LOCATION,
  Field.REFRESH,
];

const NAMES: readonly (readonly [string, FieldKind])[] = [
  ["host", Field.HOST],
  ["content-length", Field.CONTENT_LENGTH],
  ["transfer-encoding", Field.TRANSFER_ENCODING],
  ["connection", Field.CONNECTION],
  ["keep-alive", Field.KEEP_ALIVE],
  ["proxy-connection", Field.PROXY_CONNECTION],
  ["proxy-authenticate", Field.PROXY_AUTHENTICATE],
  ["proxy-authorization", Field.PROXY_AUTHORIZATION],
  ["te", Field.TE],
  ["trailer", Field.TRAILER],
  ["upgrade", Field.UPGRADE],
  ["http2-settings", Field.HTTP2_SETTINGS],
  ["proxy", Field.PROXY],
  ["expect", Field.EXPECT],
  ["date", Field.DATE],
  ["x-request-id", Field.X_REQUEST_ID],
  ["x-forwarded-for", Field.X_FORWARDED_FOR],
  ["x-forwarded-proto", Field.X_FORWARDED_PROTO],
  ["x-forwarded-host", Field.X_FORWARDED_HOST],
  ["x-forwarded-port", Field.X_FORWARDED_PORT],
  ["forwarded", Field.FORWARDED],
  ["x-real-ip", Field.X_REAL_IP],
  ["location", Field.LOCATION],
  ["content-location", Field.CONTENT_LOCATION],
  ["refresh", Field.REFRESH],
];

const HYPHEN = 0x2d;
const UNDERSCORE = 0x5f;
const SLOTS = 128;

// A perfect hash of length, first and last octet but one: one look-up and one
// comparison decide. The loop below fails at start if a new name collides.
const slotKinds = new Uint8Array(SLOTS);
const slotNames: Uint8Array[] = new Array(SLOTS).fill(new Uint8Array(0));

for (const [name, kind] of NAMES) {
  const bytes = ascii(name);
  const slot = slotOf(bytes.length, bytes[0]!, bytes[bytes.length - 2]!);
  if (slotKinds[slot] !== 0) {
    throw new Error(`Cannot hash field names: ${name} collides; change slotOf`);
  }
  slotKinds[slot] = kind;
  slotNames[slot] = bytes;
}

/** What the field named by the octets from `start` to `end` is. The name must be a valid token. */
export function fieldKind(
  bytes: Uint8Array,
  start: number,
  end: number,
): FieldKind {
  if (end - start < 2) return Field.OTHER;
  const first = TOKEN_LOWER[bytes[start]!]!;
  const penultimate = TOKEN_LOWER[bytes[end - 2]!]!;
  const slot = slotOf(end - start, first, penultimate);
  const name = slotNames[slot]!;
  if (name.length !== end - start) return Field.OTHER;
  let alias = false;
  for (let i = 0; i < name.length; i++) {
    const octet = TOKEN_LOWER[bytes[start + i]!];
    if (octet === name[i]) continue;
    if (octet !== UNDERSCORE || name[i] !== HYPHEN) return Field.OTHER;
    alias = true;
  }
  return alias ? Field.ALIAS : slotKinds[slot]!;
}

function slotOf(length: number, first: number, penultimate: number): number {
  return (length + first + penultimate * 7) & (SLOTS - 1);
}
