/**
 * Networks in CIDR notation, and whether an address is in one.
 *
 * Pure: text in, answers out. Knows nothing of settings, sockets or why
 * anybody asks.
 *
 * An IPv4 address that arrives as IPv4-mapped IPv6 (`::ffff:10.0.0.1`, as on a
 * dual-stack listener) is the IPv4 address; `::/0` therefore holds no IPv4.
 *
 * @module
 */

/** A network: the leading bits that its addresses share. */
export interface Cidr {
  /** The 4 or 16 bytes of an address in it. */
  readonly address: readonly number[];
  /** How many leading bits count. */
  readonly prefixBits: number;
}

const MAPPED_PREFIX_BITS = 96;
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255];

/**
 * Reads `10.0.0.0/8` or `fd00::/8`; a bare address is a network of one.
 *
 * @returns the network, or `null` when `text` is none.
 */
export function parseCidr(text: string): Cidr | null {
  const slash = text.indexOf("/");
  const raw = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (raw === null) return null;
  const bits = raw.length * 8;
  const prefixBits = slash < 0
    ? bits
    : parseDecimal(text.slice(slash + 1), bits);
  if (prefixBits === null) return null;
  return isMapped(raw) && prefixBits >= MAPPED_PREFIX_BITS
    ? {
      address: raw.slice(MAPPED_PREFIX.length),
      prefixBits: prefixBits - MAPPED_PREFIX_BITS,
    }
    : { address: raw, prefixBits };
}

/**
 * A list of networks to look addresses up in.
 *
 * @example
 * ```ts
 * import { CidrSet } from "./cidr.ts";
 * import assert from "node:assert/strict";
 *
 * const trusted = new CidrSet(["10.0.0.0/8", "::1"]);
 * assert(trusted.contains("10.1.2.3"));
 * assert(trusted.contains("::ffff:10.1.2.3"));
 * assert(!trusted.contains("11.0.0.1"));
 * ```
 */
export class CidrSet {
  readonly #cidrs: readonly Cidr[];

  /**
   * Creates the set.
   *
   * @throws {TypeError} when one of `texts` is not a network.
   */
  constructor(texts: readonly string[]) {
    this.#cidrs = texts.map((text) => {
      const cidr = parseCidr(text);
      if (cidr !== null) return cidr;
      throw new TypeError(`Cannot read the network "${text}": not a CIDR`);
    });
  }

  /** Whether `address` is in one of the networks; what is no IP address is in none. */
  contains(address: string): boolean {
    if (this.#cidrs.length === 0) return false;
    const raw = parseAddress(address);
    if (raw === null) return false;
    const bytes = isMapped(raw) ? raw.slice(MAPPED_PREFIX.length) : raw;
    return this.#cidrs.some((cidr) => holds(cidr, bytes));
  }
}

function holds(
  { address, prefixBits }: Cidr,
  bytes: readonly number[],
): boolean {
  if (address.length !== bytes.length) return false;
  const whole = prefixBits >> 3;
  for (let i = 0; i < whole; i++) {
    if (address[i] !== bytes[i]) return false;
  }
  const rest = prefixBits & 7;
  if (rest === 0) return true;
  return ((address[whole]! ^ bytes[whole]!) >> (8 - rest)) === 0;
}

function isMapped(bytes: readonly number[]): boolean {
  return bytes.length === 16 && MAPPED_PREFIX.every((b, i) => bytes[i] === b);
}

function parseAddress(text: string): number[] | null {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): number[] | null {
  const bytes = text.split(".").map((part) => parseDecimal(part, 255));
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
function parseDecimal(text: string, max: number): number | null {
  if (!/^(0|[1-9][0-9]{0,2})$/.test(text)) return null;
  const value = Number(text);
  return value <= max ? value : null;
}
