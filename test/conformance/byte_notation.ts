/**
 * Bytes as they are written in the conformance cases: what cannot be seen has
 * an escape, and the line breaks of the document mean nothing.
 *
 * @module
 */

import { concatBytes, toBytes, toText } from "../support/raw_socket.ts";

const ESCAPE = /\\(?:([rnt0\\])|x([0-9a-f]{2})|\((.+?)\*(\d+)\)|([^]?))/gi;

const LETTERS: Readonly<Record<string, string>> = {
  r: "\r",
  n: "\n",
  t: "\t",
  "0": "\0",
  "\\": "\\",
};

/**
 * The bytes that `notation` stands for: `\r`, `\n`, `\t`, `\0`, `\\`, `\x7f`,
 * and `\(ab*3)` for `ababab`.
 *
 * @throws {SyntaxError} for other escapes, and for bytes that should be written with one.
 */
export function bytesOf(notation: string): Uint8Array {
  const line = notation.replaceAll("\n", "");
  if (!/^[ -~]*$/.test(line)) {
    throw new SyntaxError(`Cannot read ${JSON.stringify(line)}: not all ASCII`);
  }
  const text = line.replace(
    ESCAPE,
    (
      whole: string,
      letter?: string,
      hex?: string,
      again?: string,
      n?: string,
    ) => {
      if (letter !== undefined) return LETTERS[letter.toLowerCase()]!;
      if (hex !== undefined) return String.fromCharCode(parseInt(hex, 16));
      if (again !== undefined) return textOf(again).repeat(Number(n));
      throw new SyntaxError(`Cannot read the escape "${whole}"`);
    },
  );
  return toBytes(text);
}

/** The same, one character a byte. */
export function textOf(notation: string): string {
  return toText(concatBytes(bytesOf(notation)));
}
