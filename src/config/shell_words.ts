/**
 * Splits a command line into words as a POSIX shell does, without running or
 * expanding anything.
 *
 * @module
 */

/** Inside double quotes a backslash is one, unless one of these follows. */
const ESCAPABLE_IN_DOUBLE_QUOTES = '$`"\\\n';

/**
 * Splits `text` into words: quotes and backslashes as in POSIX.1-2024 XCU
 * §2.2, everything else (`$`, `*`, `|`, `#` ...) taken as it stands.
 *
 * @returns the words, or `null` when a quote is left open or nothing follows a
 * backslash.
 *
 * @example
 * ```ts
 * import { splitShellWords } from "./shell_words.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(splitShellWords(`node 'my app.js' -p {port}`), [
 *   "node",
 *   "my app.js",
 *   "-p",
 *   "{port}",
 * ]);
 * ```
 */
export function splitShellWords(text: string): readonly string[] | null {
  const words: string[] = [];
  // null between words: an empty word ('') is a word too.
  let word: string | null = null;
  let quote: "'" | '"' | null = null;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === quote) {
      quote = null;
    } else if (quote === "'") {
      word += char;
    } else if (char === "\\") {
      const next = text[++i];
      if (next === undefined) return null;
      const kept = quote !== null && !ESCAPABLE_IN_DOUBLE_QUOTES.includes(next);
      // A backslash before the end of a line joins it with the next one.
      if (next !== "\n") word = (word ?? "") + (kept ? char : "") + next;
    } else if (quote !== null) {
      word += char;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= "";
    } else if (/\s/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (quote !== null) return null;
  if (word !== null) words.push(word);
  return words;
}
