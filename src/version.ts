/**
 * The version of this package, as `deno.json` has it; a test holds the two
 * together.
 *
 * @module
 */

/** The version of this package. */
export const VERSION = "0.1.0";
