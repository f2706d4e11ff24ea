/**
 * Writes an address and a port as a URL and a Host field do.
 *
 * @module
 */

/** Returns `127.0.0.1:8081`, or `[::1]:8081` (RFC 3986 §3.2.2). */
export function authorityOf(
  { hostname, port }: { readonly hostname: string; readonly port: number },
): string {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return `${host}:${port}`;
}
