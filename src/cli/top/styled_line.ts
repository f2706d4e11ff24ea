/**
 * Lines of a screen: text in colours, cut to the width there is. Pure.
 *
 * @module
 */

/** How a piece of text looks, as a parameter of SGR (ECMA-48 §8.3.117). */
export const STYLES = {
  plain: "",
  bold: "1",
  dim: "2",
  inverse: "7",
  red: "31",
  green: "32",
  yellow: "33",
  blue: "34",
  magenta: "35",
  cyan: "36",
} as const;

/** The name of a look. */
export type Style = keyof typeof STYLES;

/** A piece of a line. */
export interface Span {
  readonly text: string;
  /** @default {"plain"} */
  readonly style?: Style;
}

/** A line from left to right. */
export type StyledLine = readonly Span[];

/** Returns a line of plain text. */
export function plainLine(text: string): StyledLine {
  return [{ text }];
}

/** Writes a line out, not wider than `columns`. */
export function renderLine(
  line: StyledLine,
  { columns, colours }: { readonly columns: number; readonly colours: boolean },
): string {
  let room = columns;
  let written = "";
  for (const { text, style = "plain" } of line) {
    const characters = [...text].slice(0, room);
    room -= characters.length;
    const shown = characters.join("");
    const code = STYLES[style];
    written += !colours || code === "" || shown === ""
      ? shown
      : `\x1b[${code}m${shown}\x1b[0m`;
  }
  return written;
}
