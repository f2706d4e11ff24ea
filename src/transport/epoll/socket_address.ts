/**
 * Socket addresses: as the kernel has them, and as text. Pure.
 *
 * @module
 */

import { formatIpAddress, parseIpAddress } from "../../net/ip_address.ts";
import { AF } from "./abi.ts";

/** Room for every kind of address: `struct sockaddr_un` is the longest. */
export const MAX_SOCKET_ADDRESS_BYTES = 110;

/** Longest path, with the zero that ends it. */
const MAX_PATH_BYTES = 108;

const IPV4_BYTES = 16;
const IPV6_BYTES = 28;

/** Where the address stands in `sockaddr_in` and in `sockaddr_in6`, behind family and port. */
const IPV4_AT = 4;
const IPV6_AT = 8;

/** An IP address and a port. */
export interface InternetEndpoint {
  /** As text; IPv4 that came as IPv6 is IPv4. */
  readonly hostname: string;
  readonly port: number;
}

/** `struct sockaddr` and its family. */
export interface SocketAddress {
  readonly family: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * The address of a literal IP address and a port.
 *
 * @throws {TypeError} When it is none.
 */
export function internetAddress(
  { hostname, port }: InternetEndpoint,
): SocketAddress {
  const ip = parseIpAddress(hostname);
  if (ip === null) {
    throw new TypeError(
      `Cannot use the address "${hostname}": not a literal IP address`,
    );
  }
  const isIpv6 = ip.length > 4;
  const family = isIpv6 ? AF.INET6 : AF.INET;
  const bytes = new Uint8Array(isIpv6 ? IPV6_BYTES : IPV4_BYTES);
  writeFamily(bytes, family);
  bytes[2] = port >> 8;
  bytes[3] = port & 255;
  bytes.set(ip, isIpv6 ? IPV6_AT : IPV4_AT);
  return { family, bytes };
}

/**
 * The address of a Unix socket.
 *
 * @throws {TypeError} When the path is too long.
 */
export function unixAddress(path: string): SocketAddress {
  const name = new TextEncoder().encode(path);
  if (name.length >= MAX_PATH_BYTES) {
    throw new TypeError(
      `Cannot use the socket path "${path}": longer than ${
        MAX_PATH_BYTES - 1
      } bytes`,
    );
  }
  const bytes = new Uint8Array(2 + name.length + 1);
  writeFamily(bytes, AF.UNIX);
  bytes.set(name, 2);
  return { family: AF.UNIX, bytes };
}

/** What the kernel has written into `bytes`, or `null` when that is no Internet address. */
export function readInternetAddress(
  bytes: Uint8Array,
): InternetEndpoint | null {
  const family = bytes[0]! | (bytes[1]! << 8);
  const port = (bytes[2]! << 8) | bytes[3]!;
  if (family === AF.INET) {
    const at = IPV4_AT;
    return {
      hostname: `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${
        bytes[at + 3]
      }`,
      port,
    };
  }
  if (family !== AF.INET6) return null;
  const ip = Array.from(bytes.subarray(IPV6_AT, IPV6_AT + 16));
  return { hostname: formatIpAddress(ip), port };
}

/** Both architectures are little-endian. */
function writeFamily(bytes: Uint8Array, family: number): void {
  bytes[0] = family;
}
