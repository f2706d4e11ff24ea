/**
 * What `--help` and `--version` print, made from the table of settings.
 *
 * @module
 */

import { VERSION } from "../version.ts";
import {
  flagsOf,
  SETTING_GROUPS,
  SETTING_NAMES,
  type SettingName,
  settingOf,
  variableOf,
} from "./settings.ts";

/** The width that every terminal has. */
const COLUMNS = 80;

/** Where the explanations start; the longest flags have a line to themselves. */
const TEXT_COLUMN = 28;

const TITLE =
  `prefork-pool ${VERSION}: a pre-fork process pool and load balancer`;

const HEAD = `\
${TITLE}

Usage: prefork-pool [options] [-- command [args...]]
       prefork-pool subcommand [options]

The command is any HTTP/1.1 server that listens on the port it is given:
{port}, {host} and {id} in it are filled in, and its environment has PORT,
HOST and WORKER_ID. Without one, a demo is served.

Each option can be set by the environment variable in brackets, which also
shows the default, or by the same with PREFORK_ in front, which wins over it
and does not reach the workers: PREFORK_POOL_SIZE. The option wins over both,
and ENV_FILE has what none of them says.
`;

const TAIL = `
Examples:
  prefork-pool                                 the demo, on port 8080
  prefork-pool --pool-size=8 -- node server.js
  prefork-pool -- python3 -m http.server {port}
  POOL_SIZE=auto ZIGTTP_BIN=./zigttp HANDLER_PATH=app.js prefork-pool

Exit codes:
  0  stopped as asked
  1  the pool cannot run: no worker became ready, the port is taken ...
  2  unusable configuration or arguments
`;

/** Where the explanations of the short help start. */
const SHORT_TEXT_COLUMN = 25;

const ACTION_LINES = [
  entry("-h, --help [all]", "print the options most needed, or all"),
  entry("-V, --version", "print the version"),
  entry("--check", "check the configuration and exit"),
];

/** A subcommand, and what it does. */
export interface SubcommandHelp {
  readonly name: string;
  /** How it is written. */
  readonly usage: string;
  /** In a line. */
  readonly summary: string;
  /** In half a line; without, it is in the long help alone. */
  readonly brief?: string;
}

/** Returns the text of `--help`, which fits a screen of 24 lines, and names these subcommands. */
export function shortHelpText(
  subcommands: readonly SubcommandHelp[] = [],
): string {
  return [
    TITLE,
    "Usage: prefork-pool [options] [-- command [args...]], or a subcommand",
    ...SETTING_NAMES.filter((name) => settingOf(name).essential)
      .map(essentialEntry),
    "",
    "Subcommands, each with a --help of its own:",
    ...inTwoColumns(subcommands.filter(({ brief }) => brief !== undefined)),
    "",
    "Options are variables, too: POOL_SIZE, PREFORK_POOL_SIZE. More: --help all",
    "",
  ].join("\n");
}

/** The first half on the left, the second on the right. */
function inTwoColumns(subcommands: readonly SubcommandHelp[]): string[] {
  const lines = Math.ceil(subcommands.length / 2);
  const cell = (entry: SubcommandHelp | undefined): string =>
    entry === undefined ? "" : `  ${entry.name.padEnd(10)}${entry.brief}`;
  return subcommands.slice(0, lines).map((left, i) =>
    (cell(left).padEnd(COLUMNS / 2) + cell(subcommands[lines + i])).trimEnd()
  );
}

/** Returns the text of `--help all`, at most 80 columns wide, which names these subcommands. */
export function helpText(subcommands: readonly SubcommandHelp[] = []): string {
  const lines = Object.entries(SETTING_GROUPS).flatMap(([group, settings]) => [
    "",
    `${group}:`,
    ...Object.keys(settings).map((name) => settingEntry(name as SettingName)),
  ]);
  lines.push("", "Other:", ...ACTION_LINES);
  lines.push(
    "",
    "Subcommands, each with a --help of its own:",
    ...subcommands.map(({ usage, summary }) => entry(usage, summary)),
  );
  return `${HEAD}${lines.join("\n")}\n${TAIL}`;
}

/** Returns the text of `--version`. */
export function versionText(): string {
  const { deno, v8, typescript } = Deno.version;
  return `prefork-pool ${VERSION} (deno ${deno}, v8 ${v8}, ` +
    `typescript ${typescript})\n`;
}

function settingEntry(name: SettingName): string {
  const { kind, help } = settingOf(name);
  const flags = flagsOf(name).map((flag) => `--${flag}`).join(", ");
  const flag = `${flags} ${kind.placeholder}`.trimEnd();
  return entry(flag, `${help} [${variableOf(name)}${defaultText(name)}]`);
}

/** One line: the shortest flag, as much as there is room for, and the default. */
function essentialEntry(name: SettingName): string {
  const { kind, help, default: value, derived } = settingOf(name);
  const flag = `  --${flagsOf(name).at(-1)} ${kind.placeholder}`;
  const shown = derived ?? value;
  const suffix = shown === null ? "" : ` [${shown}]`;
  const room = COLUMNS - SHORT_TEXT_COLUMN - suffix.length;
  const text = [help, ...help.split("; ", 1), ...help.split(": ", 1)]
    .find(({ length }) => length <= room);
  return flag.padEnd(SHORT_TEXT_COLUMN) + (text ?? help) + suffix;
}

function defaultText(name: SettingName): string {
  const { default: value, derived } = settingOf(name);
  if (derived !== undefined) return `, default ${derived}`;
  if (value === null || (Array.isArray(value) && value.length === 0)) return "";
  if (typeof value === "boolean") return value ? "=on" : "=off";
  return `=${value}`;
}

/** A flag and its explanation, wrapped and aligned. */
function entry(flag: string, text: string): string {
  const first = `  ${flag}`;
  const indent = " ".repeat(TEXT_COLUMN);
  const lines = wrap(text, COLUMNS - TEXT_COLUMN);
  return first.length >= TEXT_COLUMN
    ? [first, ...lines.map((line) => indent + line)].join("\n")
    : first.padEnd(TEXT_COLUMN) + lines.join(`\n${indent}`);
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
