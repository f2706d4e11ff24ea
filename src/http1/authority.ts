/**
 * The authority of a URI: a host, and a port or none (RFC 9110 §4.2 and §7.2).
 * Pure.
 *
 * @module
 */

import { ascii, COLON, HOST, ZERO } from "./bytes.ts";
import { HttpError } from "./http_error.ts";

/** Octets of the longest port, its colon included. */
const MAX_PORT_BYTES = 6;

/** A scheme that requests are made with. */
export interface Scheme {
  /** In lower case, up to the authority. */
  readonly prefix: Uint8Array;
  /** The port that need not be said, in digits. */
  readonly defaultPort: Uint8Array;
}

/** Those of HTTP, and of WebSocket, whose handshake is HTTP (RFC 6455 §3). */
const SCHEMES: readonly Scheme[] = [
  { prefix: ascii("http://"), defaultPort: ascii("80") },
  { prefix: ascii("https://"), defaultPort: ascii("443") },
  { prefix: ascii("ws://"), defaultPort: ascii("80") },
  { prefix: ascii("wss://"), defaultPort: ascii("443") },
];

/** The scheme of the URI from `start` to `end`; `null` when we know none like it. */
export function schemeOf(
  bytes: Uint8Array,
  start: number,
  end: number,
): Scheme | null {
  for (const scheme of SCHEMES) {
    const { prefix } = scheme;
    const prefixEnd = start + prefix.length;
    if (prefixEnd <= end && equalHosts(bytes, start, prefixEnd, prefix)) {
      return scheme;
    }
  }
  return null;
}

/**
 * Checks `uri-host [":" port]` (RFC 9110 §7.2). An empty host is invalid for
 * http (§4.2.1), and so is whoever is named before an `@`.
 *
 * @returns Just past the host: where the colon is, or the end.
 * @throws {HttpError} When it is something else.
 */
export function hostEndOf(
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  let at = start;
  if (bytes[at] === 0x5b /* [ */ && at < end) {
    at++;
    while (at < end && isIpLiteral(bytes[at]!)) at++;
    if (at === end || at === start + 1 || bytes[at] !== 0x5d /* ] */) {
      throw new HttpError(400, "Invalid Host");
    }
    at++;
  } else {
    while (at < end && HOST[bytes[at]!] === 1) at++;
  }
  const hostEnd = at;
  if (at < end && bytes[at] === COLON) {
    at++;
    while (at < end && bytes[at]! >= ZERO && bytes[at]! <= 0x39) at++;
  }
  if (at !== end || hostEnd === start || end - hostEnd > MAX_PORT_BYTES) {
    throw new HttpError(400, "Invalid Host");
  }
  return hostEnd;
}

/** Just past a valid authority without its port, where that need not be said; its end, where it must. */
export function normalEndOf(
  bytes: Uint8Array,
  start: number,
  end: number,
  { defaultPort }: Scheme,
): number {
  const hostEnd = hostEndOf(bytes, start, end);
  const portStart = hostEnd + 1;
  const implied = portStart >= end ||
    equalHosts(bytes, portStart, end, defaultPort);
  return implied ? hostEnd : end;
}

/** Whether the octets from `start` to `end` are `other`, hosts having no case (RFC 3986 §3.2.2). */
export function equalHosts(
  bytes: Uint8Array,
  start: number,
  end: number,
  other: Uint8Array,
): boolean {
  if (end - start !== other.length) return false;
  for (let i = 0; i < other.length; i++) {
    if (lower(bytes[start + i]!) !== lower(other[i]!)) return false;
  }
  return true;
}

function isIpLiteral(octet: number): boolean {
  return octet === COLON || HOST[octet] === 1;
}

function lower(octet: number): number {
  return octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
}
