/**
 * The PROXY protocol, versions 1 and 2: how a proxy in front says whose
 * connection it passes on. Pure.
 *
 * W. Tarreau, "The PROXY protocol, versions 1 & 2", HAProxy.
 *
 * @module
 */

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
  const parts =
    /^PROXY (TCP4|TCP6) ([0-9a-fA-F.:]+) ([0-9a-fA-F.:]+) \d{1,5} \d{1,5}\r\n$/
      .exec(line);
  const family = parts?.[1];
  const source = parts?.[2];
  if (!source || (family === "TCP6") !== source.includes(":")) {
    throw new ProxyProtocolError("The PROXY line is malformed");
  }
  return { sourceAddress: source, length };
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
  const addresses = length - V2_HEADER_BYTES;
  switch (family >> 4) {
    case 1:
      if (addresses < 12) break;
      return { sourceAddress: ipv4(bytes, V2_HEADER_BYTES), length };
    case 2:
      if (addresses < 36) break;
      return { sourceAddress: ipv6(view, V2_HEADER_BYTES), length };
    default:
      return { sourceAddress: null, length };
  }
  throw new ProxyProtocolError(
    "The PROXY header has no room for its addresses",
  );
}

function ipv4(bytes: Uint8Array, at: number): string {
  return bytes.subarray(at, at + 4).join(".");
}

function ipv6(view: DataView, at: number): string {
  const groups = Array.from(
    { length: 8 },
    (_, i) => view.getUint16(at + 2 * i).toString(16),
  );
  return groups.join(":");
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
