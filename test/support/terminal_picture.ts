/**
 * What stands on a terminal, as a page to be photographed.
 *
 * @module
 */

/** Colours of a terminal with a dark ground, by their number. */
const COLOURS = [
  "#3b4252",
  "#ef6b73",
  "#7fc97f",
  "#e5c07b",
  "#6cb2f7",
  "#c792ea",
  "#5fd0d8",
  "#d8dee9",
];

const FIRST_COLOUR = 30;
const FIRST_BRIGHT_COLOUR = 90;

/** Looks of a terminal, by what selects them (ECMA-48 §8.3.117). */
const LOOKS: Readonly<Record<number, string>> = {
  1: "font-weight:bold",
  2: "opacity:.65",
  7: "background:#d8dee9;color:#12161f",
};

const ESCAPE = "\x1b";

/** The end of a frame's line, and where the next one begins. */
const LINE_END = new RegExp(`${ESCAPE}\\[K[\\r\\n]*`, "g");

/** A look, another sequence, or text. */
const PIECE = new RegExp(
  `${ESCAPE}\\[([0-9;]*)m|${ESCAPE}\\[[0-9;?]*[A-Za-z]|([^${ESCAPE}]+)`,
  "g",
);

/** A page that shows a frame as a terminal does. */
export function terminalPage(frame: string): string {
  let style = "";
  let html = "";
  for (const [, codes, text] of frame.replace(LINE_END, "\n").matchAll(PIECE)) {
    if (codes !== undefined) style = styleOf(codes);
    if (text !== undefined) {
      html += `<span style="${style}">${escaped(text)}</span>`;
    }
  }
  return `<!doctype html><meta charset="utf-8"><body style="margin:0;background:#12161f">
<pre style="display:inline-block;margin:0;padding:16px;color:#d8dee9;font:14px/1.3 'DejaVu Sans Mono',monospace">${html}</pre>`;
}

function styleOf(codes: string): string {
  return codes.split(";").map(Number).map((code) => {
    const colour = COLOURS[code - FIRST_COLOUR] ??
      COLOURS[code - FIRST_BRIGHT_COLOUR];
    return colour === undefined ? LOOKS[code] ?? "" : `color:${colour}`;
  }).filter((look) => look !== "").join(";");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
