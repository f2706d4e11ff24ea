/**
 * Which addresses count as one client. Pure.
 *
 * @module
 */

import { formatIpAddress, isMapped, parseIpAddress } from "./ip_address.ts";

/** Bytes of an IPv6 address that name a network: an end site has a /64 at least (RFC 6177). */
const NETWORK_BYTES = 8;

/** What an IPv6 address has beyond its network. */
const HOST_ZEROS: readonly number[] = new Array(8).fill(0);

/**
 * Returns what stands for the client at `address`: an IPv4 address itself, of
 * an IPv6 address its /64, within which one client has as many addresses as it
 * likes. What is no address stands for itself.
 */
export function rateLimitKey(address: string): string {
  const bytes = parseIpAddress(address);
  if (bytes === null) return address;
  return bytes.length === 4 || isMapped(bytes)
    ? formatIpAddress(bytes)
    : formatIpAddress([...bytes.slice(0, NETWORK_BYTES), ...HOST_ZEROS]);
}
