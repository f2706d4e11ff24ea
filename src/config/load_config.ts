/**
 * Reads what the user asked for: the command line, beneath it the
 * environment, and beneath that a file of variables. The only place that reads
 * any of them.
 *
 * @module
 */

import { parseArgs } from "node:util";
import type { Config } from "./config.ts";
import { missingFrom, readEnvFile, type Variables } from "./env_file.ts";
import { toggle } from "./kinds.ts";
import { nearest } from "./nearest.ts";
import {
  flagsOf,
  SETTING_NAMES,
  type SettingName,
  SETTINGS,
  variableOf,
} from "./settings.ts";
import { SettingsDraft } from "./settings_draft.ts";

/** Environment variables; `Deno.env` is one, a `Map` another. */
export interface Environment {
  /** Returns the value of a variable, or `undefined`. */
  get(name: string): string | undefined;
}

/** Where the configuration comes from. */
export interface LoadConfigOptions {
  /** The command line without the program's name, as `Deno.args`. */
  readonly args: readonly string[];
  /** What flags leave unset is read from here. */
  readonly env: Environment;
  /**
   * What `POOL_SIZE=auto` stands for. Deno's own figure honours affinity and
   * cgroup quotas (v1 and v2) without any permission.
   *
   * @default {navigator.hardwareConcurrency}
   */
  readonly availableCpus?: number;
  /**
   * The working directory as the user calls it, links and all: what WORKER_CWD
   * defaults to, and what it is relative to.
   *
   * @default {null: the balancer's own, which its workers inherit}
   */
  readonly directory?: string | null;
}

/** What the user asked for. */
export type Invocation =
  | { readonly action: "run" | "check"; readonly config: Config }
  | { readonly action: "help" | "version" };

type Action = Invocation["action"];

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

/**
 * Reads and checks the whole configuration. A flag wins over its variable, a
 * variable of the environment over the same in ENV_FILE; an empty variable
 * counts as unset.
 *
 * @throws {ConfigError} with all problems, each naming the setting as it was typed.
 */
export function loadConfig(options: LoadConfigOptions): Invocation {
  const { args, env } = options;
  const separator = args.indexOf("--");
  const flags = separator < 0 ? args : args.slice(0, separator);
  const words = separator < 0 ? null : args.slice(separator + 1);

  const draft = new SettingsDraft({
    nameOf: variableOf,
    availableCpus: options.availableCpus ?? navigator.hardwareConcurrency,
  });
  const { action, given } = readFlags(draft, flags);
  if (action === "help" || action === "version") return { action };
  readVariables(draft, env, given);
  const workerEnvironment = missingFrom(env, readFile(draft));
  const file = new Map(Object.entries(workerEnvironment));
  readVariables(draft, file, new Set([...given, ...draft.given]));
  if (words !== null && (words[0] ?? "") === "") {
    draft.report({
      setting: "--",
      value: null,
      remedy: "must be followed by the worker's command",
    });
  }
  const { directory = null } = options;
  const extras = { words, workerEnvironment, directory };
  return { action, config: draft.finish(extras) };
}

/** Fills `draft` from the variables of the settings that are not `given`. */
function readVariables(
  draft: SettingsDraft,
  env: Environment,
  given: ReadonlySet<SettingName>,
): void {
  for (const name of SETTING_NAMES) {
    if (given.has(name)) continue;
    const variable = variableOf(name);
    const text = env.get(variable);
    if (text !== undefined && text !== "") {
      draft.setText(name, text, variable);
    }
  }
}

/** The variables of ENV_FILE, if there is one. */
function readFile(draft: SettingsDraft): Variables {
  const path = draft.textOf("envFile");
  if (path === null) return {};
  try {
    return readEnvFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    draft.reject("envFile", {
      setting: draft.labelOf("envFile"),
      value: path,
      remedy: `cannot be read: ${reason}`,
    });
    return {};
  }
}

/** Fills `draft` from `flags`; returns which settings they gave and what to do. */
function readFlags(
  draft: SettingsDraft,
  flags: readonly string[],
): { action: Action; given: ReadonlySet<SettingName> } {
  let action: Action = "run";
  const given = new Set<SettingName>();
  // Told once per word, though "-xyz" comes as three tokens.
  let unknownAt = -1;
  // After a flag that went wrong, a word is taken for its value: telling the
  // user about it too would be noise, and it might be a secret.
  let skipWord = false;
  for (const token of tokenize(flags)) {
    if (token.kind === "positional") {
      if (!skipWord) reportStrayWord(draft, token.value);
      skipWord = false;
      continue;
    }
    if (token.kind !== "option") continue;
    skipWord = false;
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
  return { action, given };
}

/** Takes the value of one flag; `false` when there was none. */
function readFlag(
  draft: SettingsDraft,
  name: SettingName,
  token: Extract<Token, { kind: "option" }>,
): boolean {
  const { kind } = SETTINGS[name];
  const setting = token.rawName;
  const text = kind === toggle ? token.value ?? "on" : token.value;
  // What looks like the next flag is not meant as a value of this one.
  if (text === undefined || (!token.inlineValue && text.startsWith("-"))) {
    draft.reject(name, {
      setting,
      value: null,
      remedy: `needs a value: ${setting}=${kind.placeholder}`,
    });
    return false;
  }
  draft.setText(name, text, setting);
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
      type: SETTINGS[name].kind === toggle ? "boolean" : "string",
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
      ? "is not an option; --help lists them"
      : `is not an option; did you mean ${meant}?`,
  });
}

function reportStrayWord(draft: SettingsDraft, word: string): void {
  draft.report({
    setting: word,
    value: null,
    remedy: "is not understood; the worker's command goes after --, as in " +
      "-- node server.js",
  });
}
