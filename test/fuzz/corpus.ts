/**
 * Inputs that have failed once, as files: every run begins with them.
 *
 * They are written in the notation of the conformance cases.
 *
 * @module
 */

import { textOf } from "../conformance/byte_notation.ts";

const folder = new URL("corpus/", import.meta.url);

/** An input and the name of its file. */
export interface KeptInput {
  readonly name: string;
  readonly input: string;
}

/** All inputs kept for a kind of stream: `requests`, `responses`. */
export function readCorpus(kind: string): KeptInput[] {
  return [...Deno.readDirSync(new URL(`${kind}/`, folder))]
    .map(({ name }) => `${kind}/${name}`)
    .filter((name) => name.endsWith(".txt"))
    .sort()
    .map((name) => ({
      name,
      input: textOf(Deno.readTextFileSync(new URL(name, folder))),
    }));
}

/** Keeps an input; returns the name of the file. */
export function keepInput(kind: string, input: string): string {
  const name = `${kind}/found-${checksum(input).toString(16)}.txt`;
  Deno.writeTextFileSync(new URL(name, folder), `${notationOf(input)}\n`);
  return name;
}

/** The input with an escape for all that cannot be seen: what `textOf` reads. */
export function notationOf(input: string): string {
  return input
    .replace(/[^ -[\]-~]/g, escapeOctet)
    // A line for each line; breaks mean nothing in the notation.
    .replace(/\\n(?=.)/g, "\\n\n");
}

/** A number that different inputs hardly share (FNV-1a). */
export function checksum(input: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < input.length; i++) {
    hash = Math.imul(hash ^ input.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}

function escapeOctet(octet: string): string {
  switch (octet) {
    case "\r":
      return "\\r";
    case "\n":
      return "\\n";
    case "\t":
      return "\\t";
    case "\\":
      return "\\\\";
    default:
      return `\\x${octet.charCodeAt(0).toString(16).padStart(2, "0")}`;
  }
}
