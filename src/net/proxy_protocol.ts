/**
 * The PROXY protocol, versions 1 and 2: how a proxy in front says whose
 * connection it passes on. Pure.
 *
 * W. Tarreau, "The PROXY protocol, versions 1 & 2", HAProxy.
 *
 * @module
 */

import { canonicalAddress, formatIpAddress } from "./ip_address.ts";

/** Returned when more bytes are needed. */
export const NEED_MORE = -1;

/** Longest header of version 1, its CR LF included (§2.1). */
const MAX_V1_BYTES = 107;

/** Longest header of version 2 that is taken: the addresses, and some room for what is passed over. */
const MAX_V2_BYTES = 16 + 512;

const V1_START = octets("PROXY ");
const V2_SIGNATURE = new Uint8Array([
  0x0d,
  0x0a,
  0x0d,
  0x0a,
  0x00,
  0x0d,
  0x0a,
  0x51,
  0x55,
  0x49,
  0x54,
  0x0a,
]);
const V2_HEADER_BYTES = 16;

/** Octets of an address, by its family: AF_INET and AF_INET6. Others name no IP address. */
const ADDRESS_BYTES: Readonly<Record<number, number>> = { 1: 4, 2: 16 };

const MAX_PORT = 65_535;

/** What a header says. */
export interface ProxyHeader {
  /** IP address of the client, or `null` when the proxy speaks for itself (health checks). */
  readonly sourceAddress: string | null;
  /** Octets the header takes. */
  readonly length: number;
}

/** The beginning of a connection is no PROXY header. */
export class ProxyProtocolError extends Error {
  /** Name of the class, for logs. */
  override readonly name = "ProxyProtocolError";
}

/**
 * Reads the header at the beginning of `bytes`.
 *
 * @returns What it says, or {@linkcode NEED_MORE} while it is incomplete.
 * @throws {ProxyProtocolError} When no continuation could make it one.
 *
 * @example
 * ```ts
 * import { parseProxyHeader } from "./proxy_protocol.ts";
 * import assert from "node:assert/strict";
 *
 * const line = "PROXY TCP4 192.0.2.7 198.51.100.1 51234 443\r\n";
 * const header = parseProxyHeader(new TextEncoder().encode(line + "GET /"));
 * assert.deepEqual(header, { sourceAddress: "192.0.2.7", length: line.length });
 * ```
 */
export function parseProxyHeader(
  bytes: Uint8Array,
): ProxyHeader | typeof NEED_MORE {
  if (isPrefix(bytes, V2_SIGNATURE)) return parseV2(bytes);
  if (isPrefix(bytes, V1_START)) return parseV1(bytes);
  throw new ProxyProtocolError("The connection begins with no PROXY header");
}

function parseV1(bytes: Uint8Array): ProxyHeader | typeof NEED_MORE {
  const end = bytes.subarray(0, MAX_V1_BYTES).indexOf(0x0a);
  if (end < 0) {
    if (bytes.length < MAX_V1_BYTES) return NEED_MORE;
    throw new ProxyProtocolError("The PROXY line is too long");
  }
  const line = String.fromCharCode(...bytes.subarray(0, end + 1));
  const length = end + 1;
  if (/^PROXY UNKNOWN(?: [^\r\n]*)?\r\n$/.test(line)) {
    return { sourceAddress: null, length };
  }
  const parts = /^PROXY (TCP[46]) (\S+) (\S+) (\d{1,5}) (\d{1,5})\r\n$/.exec(
    line,
  );
  const [, family, source = "", target = "", ...ports] = parts ?? [];
  const isFamily = (address: string): boolean =>
    address.includes(":") === (family === "TCP6");
  const sourceAddress = canonicalAddress(source);
  if (
    sourceAddress === null || canonicalAddress(target) === null ||
    !isFamily(source) || !isFamily(target) ||
    ports.some((port) => Number(port) > MAX_PORT)
  ) {
    throw new ProxyProtocolError("The PROXY line is malformed");
  }
  return { sourceAddress, length };
}

function parseV2(bytes: Uint8Array): ProxyHeader | typeof NEED_MORE {
  if (bytes.length < V2_HEADER_BYTES) return NEED_MORE;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const command = view.getUint8(12);
  const family = view.getUint8(13);
  const length = V2_HEADER_BYTES + view.getUint16(14);
  if (command !== 0x20 && command !== 0x21) {
    throw new ProxyProtocolError(
      "The PROXY header has an unknown version or command",
    );
  }
  if (length > MAX_V2_BYTES) {
    throw new ProxyProtocolError("The PROXY header is too long");
  }
  if (bytes.length < length) return NEED_MORE;
  // LOCAL: the proxy's own connection, a health check as a rule.
  if (command === 0x20) return { sourceAddress: null, length };
  const addressBytes = ADDRESS_BYTES[family >> 4];
  if (addressBytes === undefined) return { sourceAddress: null, length };
  // Both addresses and both ports.
  if (length - V2_HEADER_BYTES >= 2 * addressBytes + 4) {
    const source = bytes.subarray(
      V2_HEADER_BYTES,
      V2_HEADER_BYTES + addressBytes,
    );
    return { sourceAddress: formatIpAddress([...source]), length };
  }
  throw new ProxyProtocolError(
    "The PROXY header has no room for its addresses",
  );
}

/** Whether one of the two begins with the other. */
function isPrefix(bytes: Uint8Array, expected: Uint8Array): boolean {
  const length = Math.min(bytes.length, expected.length);
  for (let i = 0; i < length; i++) {
    if (bytes[i] !== expected[i]) return false;
  }
  return true;
}

function octets(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
