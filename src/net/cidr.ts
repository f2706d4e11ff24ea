/**
 * Networks in CIDR notation, and whether an address is in one.
 *
 * Pure: text in, verdicts out. Knows nothing of settings, sockets or why
 * anybody asks.
 *
 * An IPv4 address that arrives as IPv4-mapped IPv6 (`::ffff:10.0.0.1`, as on a
 * dual-stack listener) is the IPv4 address; `::/0` therefore holds no IPv4.
 *
 * @module
 */

import { isMapped, MAPPED_PREFIX_BYTES, parseIpAddress } from "./ip_address.ts";

/** A network: the leading bits that its addresses share. */
export interface Cidr {
  /** The 4 or 16 bytes of an address in it. */
  readonly address: readonly number[];
  /** How many leading bits count. */
  readonly prefixBits: number;
}

const MAPPED_PREFIX_BITS = 8 * MAPPED_PREFIX_BYTES;

/**
 * Reads `10.0.0.0/8` or `fd00::/8`; a bare address is a network of one.
 *
 * @returns the network, or `null` when `text` is none.
 */
export function parseCidr(text: string): Cidr | null {
  const slash = text.indexOf("/");
  const raw = parseIpAddress(slash < 0 ? text : text.slice(0, slash));
  if (raw === null) return null;
  const bits = raw.length * 8;
  const prefixBits = slash < 0
    ? bits
    : parsePrefixBits(text.slice(slash + 1), bits);
  if (prefixBits === null) return null;
  return isMapped(raw) && prefixBits >= MAPPED_PREFIX_BITS
    ? {
      address: raw.slice(MAPPED_PREFIX_BYTES),
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
    const raw = parseIpAddress(address);
    if (raw === null) return false;
    const bytes = isMapped(raw) ? raw.slice(MAPPED_PREFIX_BYTES) : raw;
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

/** No leading zeros: some programs read `010` as eight. */
function parsePrefixBits(text: string, max: number): number | null {
  if (!/^(0|[1-9][0-9]{0,2})$/.test(text)) return null;
  const value = Number(text);
  return value <= max ? value : null;
}
