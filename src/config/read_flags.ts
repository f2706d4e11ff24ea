/**
 * Reads the flags of the command line into a configuration in the making.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { nearest } from "./nearest.ts";
import {
  flagsOf,
  SETTING_NAMES,
  type SettingName,
  settingOf,
} from "./settings.ts";
import type { SettingsDraft } from "./settings_draft.ts";

/** What the user wants done. */
export type Action = "run" | "check" | "version" | "help";

/** What the flags say. */
export interface GivenFlags {
  readonly action: Action;
  /** Whether `--help` is to name every setting. */
  readonly allHelp: boolean;
  /** The settings they gave, usable or not. */
  readonly given: ReadonlySet<SettingName>;
}

/** Behind `--help`: every setting, and not only those most needed. */
const ALL = "all";

const ACTIONS: ReadonlySet<string> = new Set<Action>([
  "check",
  "help",
  "version",
]);

const NAMES_BY_FLAG: ReadonlyMap<string, SettingName> = new Map(
  SETTING_NAMES.flatMap((name) =>
    flagsOf(name).map((flag) => [flag, name] as const)
  ),
);

/** Fills `draft` from `flags`; returns which settings they gave, and what to do. */
export function readFlags(
  draft: SettingsDraft,
  flags: readonly string[],
): GivenFlags {
  let action: Action = "run";
  let allHelp = false;
  // "--help all": what would be a word astray elsewhere.
  let afterHelp = false;
  const given = new Set<SettingName>();
  // Told once per word, though "-xyz" comes as three tokens.
  let unknownAt = -1;
  // After a flag that went wrong, a word is taken for its value: telling the
  // user about it too would be noise, and it might be a secret.
  let skipWord = false;
  // Told together: most likely they are a command.
  const strayWords: string[] = [];
  for (const token of tokenize(flags)) {
    if (token.kind === "positional") {
      if (afterHelp && token.value === ALL) allHelp = true;
      if (!skipWord) strayWords.push(token.value);
      skipWord = false;
      continue;
    }
    if (token.kind !== "option") continue;
    skipWord = false;
    afterHelp = token.name === "help";
    if (afterHelp && token.value === ALL) allHelp = true;
    const name = NAMES_BY_FLAG.get(token.name);
    if (name !== undefined && token.rawName.startsWith("--")) {
      given.add(name);
      skipWord = !readFlag(draft, name, token);
    } else if (ACTIONS.has(token.name)) {
      action = strongest(action, token.name as Action);
    } else {
      if (token.index !== unknownAt) reportUnknown(draft, token.rawName);
      unknownAt = token.index;
      skipWord = token.value === undefined;
    }
  }
  if (strayWords.length > 0) reportStrayWords(draft, strayWords);
  return { action, allHelp, given };
}

/** Takes the value of one flag; `false` when there was none. */
function readFlag(
  draft: SettingsDraft,
  name: SettingName,
  token: Extract<Token, { kind: "option" }>,
): boolean {
  const { kind } = settingOf(name);
  const setting = token.rawName;
  const text = token.value ?? kind.bare;
  // What looks like the next flag is not meant as a value of this one.
  if (text === undefined || (!token.inlineValue && text.startsWith("-"))) {
    draft.reject(name, {
      setting,
      value: null,
      remedy: `needs a value: ${setting}=${kind.placeholder}`,
    });
    return false;
  }
  draft.setText(name, { text, label: setting });
  return true;
}

/** One word of the command line, told apart by `parseArgs`. */
type Token = NonNullable<ReturnType<typeof parseArgs>["tokens"]>[number];

function tokenize(flags: readonly string[]): readonly Token[] {
  const options: Record<
    string,
    { type: "string" | "boolean"; short?: string }
  > = {
    help: { type: "boolean", short: "h" },
    version: { type: "boolean", short: "V" },
    check: { type: "boolean" },
  };
  for (const [flag, name] of NAMES_BY_FLAG) {
    options[flag] = {
      type: settingOf(name).kind.bare === undefined ? "string" : "boolean",
    };
  }
  // Not strict: parseArgs would stop at the first mistake.
  return parseArgs({ args: [...flags], options, strict: false, tokens: true })
    .tokens;
}

/** Help is given however wrong the rest is, then the version, then the check. */
function strongest(a: Action, b: Action): Action {
  const order: readonly Action[] = ["run", "check", "version", "help"];
  return order.indexOf(a) > order.indexOf(b) ? a : b;
}

function reportUnknown(draft: SettingsDraft, flag: string): void {
  const known = [...NAMES_BY_FLAG.keys(), ...ACTIONS].map((f) => `--${f}`);
  const meant = nearest(flag.toLowerCase(), known);
  draft.report({
    setting: flag,
    value: null,
    remedy: meant === null
      ? "is not an option; --help all lists them"
      : `is not an option; did you mean ${meant}?`,
  });
}

function reportStrayWords(
  draft: SettingsDraft,
  words: readonly string[],
): void {
  draft.report({
    setting: words.join(" "),
    value: null,
    remedy: "is not understood; a worker's command goes after --, as in " +
      "-- node server.js, and --help has the subcommands",
  });
}
