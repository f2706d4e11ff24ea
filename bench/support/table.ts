/**
 * A table, for the terminal and for a document. Pure.
 *
 * @module
 */

import { aligned } from "./figures.ts";

/** A table; the headings are its first row, and a row that is shorter ends in words. */
export interface Table {
  readonly title: string;
  readonly rows: readonly (readonly string[])[];
}

/** For the terminal. */
export function plainText({ title, rows }: Table): string {
  return [title, ...aligned(rows)].join("\n");
}

/** For a document. */
export function markdown({ title, rows }: Table): string {
  const [headings = [], ...body] = rows;
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rule = headings.map((_, column) => column === 0 ? "---" : "---:");
  return [
    `### ${title}`,
    "",
    line(headings),
    line(rule),
    ...body.map((cells) => line(headings.map((_, at) => cells[at] ?? ""))),
    "",
  ].join("\n");
}
