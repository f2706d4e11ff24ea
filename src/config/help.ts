/**
 * What `--help` and `--version` print, made from the table of settings.
 *
 * @module
 */

import { VERSION } from "../version.ts";
import {
  flagsOf,
  SETTING_GROUPS,
  type SettingName,
  SETTINGS,
  variableOf,
} from "./settings.ts";
import type { Setting } from "./settings/setting.ts";

/** The width that every terminal has. */
const COLUMNS = 80;

/** Where the explanations start; the longest flags have a line to themselves. */
const TEXT_COLUMN = 28;

const HEAD = `\
prefork-pool ${VERSION}: a pre-fork process pool and load balancer

Usage: prefork-pool [options] [-- command [args...]]
       prefork-pool subcommand [options]

The command is any HTTP/1.1 server that listens on the port it is given:
{port}, {host} and {id} in it are filled in, and its environment has PORT,
HOST and WORKER_ID. Without one, a demo is served.

Each option can be set by the environment variable in brackets, which also
shows the default. The option wins.
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

const ACTION_LINES = [
  entry("-h, --help", "print this"),
  entry("-V, --version", "print the version"),
  entry("--check", "check the configuration and exit"),
];

/** How something is written, and what it does. */
export type HelpEntry = readonly [usage: string, summary: string];

/** Returns the text of `--help`, at most 80 columns wide, which names these subcommands. */
export function helpText(subcommands: readonly HelpEntry[] = []): string {
  const lines = Object.entries(SETTING_GROUPS).flatMap(([group, settings]) => [
    "",
    `${group}:`,
    ...Object.keys(settings).map((name) => settingEntry(name as SettingName)),
  ]);
  lines.push("", "Other:", ...ACTION_LINES);
  lines.push(
    "",
    "Subcommands, each with a --help of its own:",
    ...subcommands.map(([usage, summary]) => entry(usage, summary)),
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
  const { kind, help } = SETTINGS[name];
  const flags = flagsOf(name).map((flag) => `--${flag}`).join(", ");
  const flag = `${flags} ${kind.placeholder}`.trimEnd();
  return entry(flag, `${help} [${variableOf(name)}${defaultText(name)}]`);
}

function defaultText(name: SettingName): string {
  const { default: value, derived } = SETTINGS[name] as Setting<unknown>;
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
