/**
 * What others have written, made harmless for a terminal. Pure.
 *
 * @module
 */

/** A control sequence that sets colours, and one that could do anything. */
// deno-lint-ignore no-control-regex -- these are what it looks for.
const CONTROL = /(\x1b\[[0-9;]*m)|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/** Makes visible what would play tricks on a terminal; colours stay. */
export function printable(text: string): string {
  return text.replace(
    CONTROL,
    (found, colour) =>
      colour ?? `\\x${found.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
