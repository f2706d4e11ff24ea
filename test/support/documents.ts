/**
 * The commands that the documents have their readers type.
 *
 * @module
 */

import { ROOT } from "./example.ts";

/** One command of a document, as it is typed. */
export interface DocumentedCommand {
  /** Path of the document, from the root. */
  readonly document: string;
  readonly text: string;
  /** Whether the document says that it was run by hand. */
  readonly byHand: boolean;
}

/** Paths of all documents for users and developers, from the root. */
export function documents(): string[] {
  const docs = [...Deno.readDirSync(`${ROOT}docs`)]
    .map(({ name }) => `docs/${name}`)
    .filter((path) => path.endsWith(".md"));
  return [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "bench/README.md",
    "examples/README.md",
    "scripts/npm/README.md",
    ...docs.toSorted(),
  ];
}

/** Every command in the fenced blocks of a document that are for a shell. */
export function commandsOf(document: string): DocumentedCommand[] {
  const text = Deno.readTextFileSync(ROOT + document);
  // Said of the whole document, or in a comment of the command's own.
  const allByHand = /\brun\s+by\s+hand\b/.test(text.replace(FENCE, ""));
  const inBlocks = [...text.matchAll(FENCE)].flatMap(([, block = ""]) =>
    block.replace(/\\\n\s*/g, "").split("\n")
      .filter((line) => line.trim() !== "" && !line.trim().startsWith("#"))
      .map((line) => ({
        document,
        text: line.replace(/\s+# .*$/, "").trim(),
        byHand: allByHand || /# .*\bby hand\b/.test(line),
      }))
  );
  // In tables: those that start a pool as a whole.
  const inTables = [...text.matchAll(IN_TABLE)].map(([, command = ""]) => ({
    document,
    text: command.trim(),
    byHand: false,
  }));
  return [...inBlocks, ...inTables];
}

const IN_TABLE = /^\|.*`((?:[A-Z_]+=\S+ )*prefork-pool -- [^`]+)`/gm;

const FENCE = /^```(?:sh|bash)\n(.*?)^```/gms;
