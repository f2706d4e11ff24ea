/**
 * Telling what this process, or this machine, has run out of from real failures.
 *
 * @module
 */

/** What a call that opens something fails with; Deno reports these as plain errors with a code. */
const CODES: ReadonlySet<unknown> = new Set([
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "ENOMEM",
]);

/**
 * Whether `error` says that descriptors or socket memory have run out: it
 * tells nothing about whoever was to be reached, and passes.
 */
export function isExhaustion(error: unknown): boolean {
  return error instanceof Error && "code" in error && CODES.has(error.code);
}

/**
 * Whether `error`, of an attempt to connect, says that the machine has no port
 * left to connect from: all of `net.ipv4.ip_local_port_range` are taken by
 * connections to the same address, open or closed within the last minute. It
 * tells nothing about whoever was to be reached, and passes.
 */
export function isOutOfPorts(error: unknown): boolean {
  return error instanceof Deno.errors.AddrNotAvailable;
}
