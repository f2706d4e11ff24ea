/**
 * What there is to complete: the tables of the settings and of the
 * subcommands in one shape, from which each shell's script is written. Knows
 * no shell.
 *
 * @module
 */

import { filePath, type Kind } from "../../config/kinds.ts";
import { flagsOf, SETTING_NAMES, settingOf } from "../../config/settings.ts";
import type { CliOption } from "../cli_option.ts";
import type { SubcommandTable } from "../subcommand.ts";

/** What an option's value may be. */
export type Completion =
  | { readonly type: "none" }
  | { readonly type: "any" }
  | { readonly type: "file" }
  | { readonly type: "words"; readonly words: readonly string[] };

/** An option. */
export interface Completable {
  /** As it is typed, dashes and all; a letter behind it. */
  readonly flags: readonly string[];
  readonly value: Completion;
  /** What it does, in a line. */
  readonly help: string;
}

/** What may follow the program's name, or a subcommand's. */
export interface CommandGrammar {
  readonly options: readonly Completable[];
  /** What the first word may be, with what it does. */
  readonly words: readonly Word[];
}

/** A word, and what it does. */
export interface Word {
  readonly word: string;
  readonly help: string;
}

/** The whole command line. */
export interface Grammar extends CommandGrammar {
  readonly subcommands: Readonly<Record<string, CommandGrammar>>;
}

/** The name the program is installed under. */
export const PROGRAM = "prefork-pool";

/** What the pool's own command line knows beside the settings. */
const ACTIONS: readonly Completable[] = [
  {
    flags: ["--help", "-h"],
    value: { type: "none" },
    help: "print the options",
  },
  {
    flags: ["--version", "-V"],
    value: { type: "none" },
    help: "print the version",
  },
  {
    flags: ["--check"],
    value: { type: "none" },
    help: "check the configuration and exit",
  },
];

/** Puts the tables together. */
export async function grammarOf(table: SubcommandTable): Promise<Grammar> {
  const settings = SETTING_NAMES.map((name): Completable => ({
    flags: flagsOf(name).map((flag) => `--${flag}`),
    value: valueOf(settingOf(name).kind),
    help: settingOf(name).help,
  }));
  const entries = Object.entries(table).map(async ([name, { load }]) => {
    const { options, words = [], takesSettings = false } = await load();
    const grammar: CommandGrammar = {
      options: [...options.map(ownOption), ...takesSettings ? settings : []],
      words: words.map((word) => ({ word, help: "" })),
    };
    return [name, grammar] as const;
  });
  return {
    options: [...settings, ...ACTIONS],
    words: Object.entries(table).map(([word, { summary }]) => ({
      word,
      help: summary,
    })),
    subcommands: Object.fromEntries(await Promise.all(entries)),
  };
}

function ownOption({ name, short, value, file, help }: CliOption): Completable {
  return {
    flags: short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`],
    value: value === undefined
      ? { type: "none" }
      : { type: file ? "file" : "any" },
    help: help.split("\n", 1)[0]!,
  };
}

function valueOf(kind: Kind<unknown>): Completion {
  if (kind.bare !== undefined) return { type: "none" };
  if (kind === filePath) return { type: "file" };
  return kind.words === undefined
    ? { type: "any" }
    : { type: "words", words: kind.words };
}
