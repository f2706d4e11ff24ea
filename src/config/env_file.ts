/**
 * Variables from a file, for settings and for the workers.
 *
 * What Docker Compose, systemd and the dotenv libraries agree on:
 *
 * - `NAME=value`, one a line, with or without `export` in front; spaces around
 *   the name, the `=` and the value do not count. Lines may end with CR LF, and
 *   the file may begin with a byte order mark.
 * - Blank lines, and lines that begin with `#`, are passed over. Behind a value,
 *   ` #` begins a comment; a `#` without a space before it is part of the value.
 * - In single quotes (and backquotes) everything stands for itself; in double
 *   quotes `\n`, `\r`, `\t`, `\"` and `\\` are what they are elsewhere. Quoted
 *   values may go over several lines.
 * - `$` stands for itself: nothing is expanded. The last of two lines counts.
 *
 * @module
 */

/** Variables by name. */
export type Variables = Readonly<Record<string, string>>;

/** One variable of a file. */
export interface FileVariable {
  readonly name: string;
  readonly value: string;
  /** Its line, from 1. */
  readonly line: number;
}

/** A line that is none of the above. */
export class EnvFileError extends Error {
  override readonly name = "EnvFileError";
  /** The line, from 1. */
  readonly line: number;

  /** Creates the error; `message` is a sentence part. */
  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

const BYTE_ORDER_MARK = "\uFEFF";

/** The part of a line before its value. */
const ASSIGNMENT =
  /[^\S\n]*(?:export[^\S\n]+)?([A-Za-z_][\w.-]*)[^\S\n]*=[^\S\n]*/y;

/** Nothing, or a comment, up to the end of the line. */
const REST_OF_LINE = /[^\S\n]*(?:#[^\n]*)?(?:\n|$)/y;

const ESCAPES: Readonly<Record<string, string>> = {
  "\\n": "\n",
  "\\r": "\r",
  "\\t": "\t",
  '\\"': '"',
  "\\\\": "\\",
};

/**
 * Reads a file of variables.
 *
 * @throws {EnvFileError} When a line cannot be understood.
 * @throws {Error} With a sentence part that says why the file cannot be read.
 */
export function readEnvFile(path: string): readonly FileVariable[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      throw new Error(`Deno does not permit it; run with --allow-read=${path}`);
    }
    throw error;
  }
  return parseEnvFile(text);
}

/**
 * Reads the text of such a file.
 *
 * @throws {EnvFileError} When a line cannot be understood.
 *
 * @example
 * ```ts
 * import { parseEnvFile } from "./env_file.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(parseEnvFile("export COLOUR = 'light blue' # sky\r\n"), [
 *   { name: "COLOUR", value: "light blue", line: 1 },
 * ]);
 * ```
 */
export function parseEnvFile(file: string): readonly FileVariable[] {
  const start = file.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
  const text = file.slice(start).replace(/\r\n?/g, "\n");
  const variables: FileVariable[] = [];
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const end = matchAt(REST_OF_LINE, text, at)?.end ??
      readAssignment(text, at, line, variables);
    line += text.slice(at, end).split("\n").length - 1;
    at = end;
  }
  return variables;
}

/** Reads the variable that begins at `at`; returns where the next line begins. */
function readAssignment(
  text: string,
  at: number,
  line: number,
  variables: FileVariable[],
): number {
  const assignment = matchAt(ASSIGNMENT, text, at);
  if (assignment === null) {
    throw new EnvFileError(line, "is not NAME=value, nor a comment (#)");
  }
  const name = assignment.groups[1]!;
  const { value, end } = readValue(text, assignment.end, line);
  if (value.includes("\0")) {
    throw new EnvFileError(line, `the value of ${name} has a NUL in it`);
  }
  variables.push({ name, value, line });
  return end;
}

function readValue(
  text: string,
  at: number,
  line: number,
): { readonly value: string; readonly end: number } {
  const quote = text[at];
  if (quote !== '"' && quote !== "'" && quote !== "`") {
    const newline = text.indexOf("\n", at);
    const end = newline < 0 ? text.length : newline + 1;
    // With the character before it: a space there makes a "#" a comment.
    const value = text.slice(at - 1, end).replace(/\s#.*/, "").slice(1).trim();
    return { value, end };
  }
  const close = closingQuote(text, at + 1, quote);
  if (close < 0) {
    throw new EnvFileError(
      line,
      `the quote ${quote} is not closed; a quote that is part of the value ` +
        "needs others around the whole",
    );
  }
  const content = text.slice(at + 1, close);
  const rest = matchAt(REST_OF_LINE, text, close + 1);
  if (rest === null) {
    throw new EnvFileError(
      line,
      `something follows the closing quote ${quote}; put quotes around the ` +
        "whole value",
    );
  }
  const value = quote === '"'
    ? content.replace(/\\[nrt"\\]/g, (escape) => ESCAPES[escape]!)
    : content;
  return { value, end: rest.end };
}

function closingQuote(text: string, from: number, quote: string): number {
  for (let at = from; at < text.length; at++) {
    if (quote === '"' && text[at] === "\\") at++;
    else if (text[at] === quote) return at;
  }
  return -1;
}

function matchAt(
  pattern: RegExp,
  text: string,
  at: number,
): { readonly groups: RegExpExecArray; readonly end: number } | null {
  pattern.lastIndex = at;
  const groups = pattern.exec(text);
  return groups === null ? null : { groups, end: pattern.lastIndex };
}
