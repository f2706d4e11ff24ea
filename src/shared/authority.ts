/**
 * How addresses are written in URLs, `Host` fields and log lines. Pure.
 *
 * @module
 */

/** An address and a port. */
export interface HostAndPort {
  readonly hostname: string;
  readonly port: number;
}

/** What a host begins with that is the path of a unix socket. */
const UNIX_PREFIX = "unix:";

/** Returns the path in `unix:/path`; `null` for a host of any other kind. */
export function socketPathOf(host: string): string | null {
  return host.startsWith(UNIX_PREFIX) ? host.slice(UNIX_PREFIX.length) : null;
}

/** Returns an address as a URL has it: IPv6 in brackets (RFC 3986 §3.2.2). */
export function bracketed(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

/** Returns `127.0.0.1:8081`, or `[::1]:8081`. */
export function authorityOf({ hostname, port }: HostAndPort): string {
  return `${bracketed(hostname)}:${port}`;
}

/**
 * Returns the authority by which this machine reaches what listens there: any
 * address is written as the loopback address.
 *
 * @example
 * ```ts
 * import { reachableAuthority } from "./authority.ts";
 * import assert from "node:assert/strict";
 *
 * const listener = { hostname: "0.0.0.0", port: 8080 };
 * assert.equal(reachableAuthority(listener), "127.0.0.1:8080");
 * ```
 */
export function reachableAuthority({ hostname, port }: HostAndPort): string {
  return authorityOf({ hostname: LOOPBACK_OF[hostname] ?? hostname, port });
}

/** The loopback address for each address that stands for all. */
const LOOPBACK_OF: Readonly<Record<string, string>> = {
  "0.0.0.0": "127.0.0.1",
  "::": "::1",
};
