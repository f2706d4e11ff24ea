/**
 * Telling "this process can open nothing more for now" from real failures.
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
