/**
 * IP addresses as text and as bytes. Pure.
 *
 * The same address always has the same text: it is compared, hashed and passed
 * on, and `::ffff:10.0.0.1` (what a dual-stack listener says of an IPv4 client)
 * must be no other client than `10.0.0.1`.
 *
 * @module
 */

const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255];

/** Bytes before the IPv4 address in an IPv4-mapped IPv6 address. */
export const MAPPED_PREFIX_BYTES = MAPPED_PREFIX.length;

/** Shortest run of zero groups that is written `::` (RFC 5952 §4.2.2). */
const MIN_ZERO_RUN = 2;

/**
 * The address that `text` stands for, as it is always written: IPv4-mapped as
 * IPv4, IPv6 by RFC 5952.
 *
 * @returns the text, or `null` when `text` is no IP address.
 *
 * @example
 * ```ts
 * import { canonicalAddress } from "./ip_address.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(canonicalAddress("2001:DB8:0:0::1"), "2001:db8::1");
 * assert.equal(canonicalAddress("::ffff:192.0.2.7"), "192.0.2.7");
 * assert.equal(canonicalAddress("localhost"), null);
 * ```
 */
export function canonicalAddress(text: string): string | null {
  const bytes = parseIpAddress(text);
  return bytes === null ? null : formatIpAddress(bytes);
}

/** Writes 4 or 16 bytes as an address; IPv4-mapped as IPv4. */
export function formatIpAddress(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join(".");
  if (isMapped(bytes)) return bytes.slice(MAPPED_PREFIX_BYTES).join(".");
  const groups = Array.from(
    { length: 8 },
    (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!,
  );
  const { start, length } = longestZeroRun(groups);
  const text = (part: number[]): string =>
    part.map((group) => group.toString(16)).join(":");
  return length < MIN_ZERO_RUN
    ? text(groups)
    : `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

/** Whether the bytes are those of an IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2). */
export function isMapped(bytes: readonly number[]): boolean {
  return bytes.length === 16 && MAPPED_PREFIX.every((b, i) => bytes[i] === b);
}

/** The 4 or 16 bytes of an address in text form, or `null` when `text` is none. */
export function parseIpAddress(text: string): number[] | null {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): number[] | null {
  const bytes = text.split(".").map((part) => parseByte(part));
  return bytes.length === 4 && bytes.every((byte) => byte !== null)
    ? bytes
    : null;
}

/** RFC 4291 §2.2: eight groups, `::` for a run of zeros, an IPv4 tail. */
function parseIpv6(text: string): number[] | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0]!, halves.length === 1);
  if (head === null) return null;
  if (halves.length === 1) return head.length === 16 ? head : null;
  const tail = parseGroups(halves[1]!, true);
  // "::" stands for one group of zeros at least.
  if (tail === null || head.length + tail.length > 14) return null;
  const zeros = new Array<number>(16 - head.length - tail.length).fill(0);
  return [...head, ...zeros, ...tail];
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | null {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [index, group] of groups.entries()) {
    if (group.includes(".")) {
      const ipv4 = parseIpv4(group);
      if (ipv4 === null || !mayEndInIpv4 || index < groups.length - 1) {
        return null;
      }
      bytes.push(...ipv4);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return null;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
    }
  }
  return bytes;
}

/** No leading zeros: some programs read `010` as eight. */
function parseByte(text: string): number | null {
  if (!/^(0|[1-9][0-9]{0,2})$/.test(text)) return null;
  const value = Number(text);
  return value <= 255 ? value : null;
}

/** The first of the longest runs (RFC 5952 §4.2.3). */
function longestZeroRun(
  groups: readonly number[],
): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  let start = 0;
  for (const [i, group] of groups.entries()) {
    if (group !== 0) start = i + 1;
    else if (i + 1 - start > longest.length) {
      longest = { start, length: i + 1 - start };
    }
  }
  return longest;
}
