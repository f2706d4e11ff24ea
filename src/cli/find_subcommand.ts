/**
 * Whether a command line is for a subcommand, and for which: it need not come
 * first, as in `prefork-pool --name web status`.
 *
 * @module
 */

import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { nearest } from "../config/nearest.ts";
import { flagsOf, SETTING_NAMES, settingOf } from "../config/settings.ts";
import { ADMIN_OPTIONS } from "./cli_option.ts";
import { CliError } from "./subcommand.ts";
import { SUBCOMMANDS } from "./subcommands.ts";

/** A subcommand that is asked for. */
export interface FoundSubcommand {
  readonly name: string;
  /** All other words. */
  readonly args: readonly string[];
}

/** What asks something of the pool's own command line. */
const OWN_ACTIONS: ReadonlySet<string> = new Set(["version", "V", "check"]);

const SETTING_FLAGS: ReadonlyMap<string, "boolean" | "string"> = new Map(
  SETTING_NAMES.flatMap((name) =>
    flagsOf(name).map((flag) =>
      [
        flag,
        settingOf(name).kind.bare === undefined ? "string" : "boolean",
      ] as const
    )
  ),
);

const OPTIONS: ParseArgsOptionsConfig = {
  ...Object.fromEntries([...SETTING_FLAGS].map(([flag, type]) => [
    flag,
    { type },
  ])),
  ...Object.fromEntries(
    ADMIN_OPTIONS.map(({ name, value, short }) => [name, {
      type: value === undefined ? "boolean" : "string",
      ...short === undefined ? {} : { short },
    }]),
  ),
};

/**
 * Returns the subcommand that is asked for; `null` when a pool is to be
 * started.
 *
 * @throws {CliError} When a setting of the pool stands before it, or its name is nearly one.
 */
export function findSubcommand(
  args: readonly string[],
): FoundSubcommand | null {
  const [first, ...rest] = args;
  if (first === undefined) return null;
  if (Object.hasOwn(SUBCOMMANDS, first)) return { name: first, args: rest };
  if (!first.startsWith("-")) {
    refuseMistyped(first);
    return null;
  }
  const { tokens } = parseArgs({
    args: [...args],
    options: OPTIONS,
    strict: false,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind === "option-terminator") return null;
    if (token.kind === "option") {
      if (OWN_ACTIONS.has(token.name)) return null;
      continue;
    }
    const name = token.value;
    if (!Object.hasOwn(SUBCOMMANDS, name)) return null;
    refuseSettings(name, args.slice(0, token.index));
    return { name, args: args.filter((_, index) => index !== token.index) };
  }
  return null;
}

/** Anything else is told by who reads the settings. */
function refuseMistyped(word: string): void {
  const meant = nearest(word, Object.keys(SUBCOMMANDS));
  if (meant === null) return;
  throw new CliError(
    `Cannot run ${word}: it is no subcommand; did you mean ${meant}? ` +
      "A command to be run goes after --.",
    { usage: true },
  );
}

/** Of what stands before its name, a subcommand only knows its own options. */
function refuseSettings(name: string, before: readonly string[]): void {
  const known = ADMIN_OPTIONS.map((option) => option.name);
  const setting = before.find((arg) => {
    const flag = /^--([^=]+)/.exec(arg)?.[1];
    return flag !== undefined && SETTING_FLAGS.has(flag) &&
      !known.includes(flag);
  });
  if (setting === undefined) return;
  throw new CliError(
    `Cannot run ${name}: ${setting.split("=", 1)[0]} is a setting of a pool ` +
      `that is to be started. Name the pool that runs with ${
        known.slice(0, 3).map((flag) => `--${flag}`).join(", ")
      }, or with a variable such as PORT; a command to be run goes after --.`,
    { usage: true },
  );
}
