/**
 * Reads what the user asked for: the command line, beneath it the
 * environment, and beneath that a file of variables. The only place that reads
 * any of them.
 *
 * @module
 */

import { checkPlaces } from "./check_places.ts";
import type { Config } from "./config.ts";
import type { Variables } from "./env_file.ts";
import { readFlags } from "./read_flags.ts";
import {
  type Environment,
  environmentSource,
  fileSource,
  readVariables,
  unknownVariables,
  type VariableFile,
} from "./read_variables.ts";
import { prefixedVariableOf, SETTING_NAMES, variableOf } from "./settings.ts";
import { SettingsDraft } from "./settings_draft.ts";

export type { Environment } from "./read_variables.ts";

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
  /**
   * Whether the settings are another machine's: what they name is not looked
   * for on this one.
   *
   * @default {false}
   */
  readonly elsewhere?: boolean;
}

/** Something to be said once, at the start. */
export interface Remark {
  readonly level: "info" | "warning";
  readonly message: string;
}

/** What the user asked for. */
export type Invocation =
  | {
    readonly action: "run" | "check";
    readonly config: Config;
    /** What is worth knowing of how it was given, as whole sentences. */
    readonly remarks: readonly Remark[];
  }
  | { readonly action: "version" }
  | {
    readonly action: "help";
    /** Whether every setting is asked for, and not only those most needed. */
    readonly all: boolean;
  };

const NO_FILE: VariableFile = { source: () => undefined, variables: {} };

/** Variables that are the pool's alone, and reach no worker. */
const OWN_VARIABLES: ReadonlySet<string> = new Set(
  SETTING_NAMES.map((name) => prefixedVariableOf(name)),
);

/** The pool's secret, in the variable that an application may have too. */
const TOKEN_VARIABLE = variableOf("adminToken");

/** How an application gets a token of its own. */
const SHARED_TOKEN: Remark = {
  level: "info",
  message:
    `${TOKEN_VARIABLE} opens the admin pages, and is withheld from the ` +
    "workers. If the application has one of its own, give the pool's as " +
    `${prefixedVariableOf("adminToken")}: then both get theirs.`,
};

/**
 * Reads and checks the whole configuration. A flag wins over a variable, a
 * variable of the environment over one in ENV_FILE, and in both of them
 * `PREFORK_PORT` over `PORT`; an empty variable counts as unset.
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
  const { action, allHelp, given } = readFlags(draft, flags);
  if (action === "help") return { action, all: allHelp };
  if (action === "version") return { action };
  const environment = environmentSource(env);
  // The file's own name comes first: it decides what else there is.
  if (!given.has("envFile")) readVariables(draft, [environment], ["envFile"]);
  const file = readFile(draft);
  const warnings = [
    ...readVariables(
      draft,
      [environment, file.source],
      SETTING_NAMES.filter((name) => name !== "envFile" && !given.has(name)),
    ),
    ...unknownVariables([
      ...env.keys?.() ?? [],
      ...Object.keys(file.variables),
    ]),
  ];
  if (words !== null && (words[0] ?? "") === "") {
    draft.report({
      setting: "--",
      value: null,
      remedy: "must be followed by the worker's command",
    });
  }
  const sharesToken = draft.given.includes("adminToken") &&
    draft.labelOf("adminToken") === TOKEN_VARIABLE;
  const workerEnvironment = environmentOfWorkers(env, {
    variables: file.variables,
    sharesToken,
  });
  const remarks: readonly Remark[] = [
    ...warnings.map((message) => ({ level: "warning" as const, message })),
    ...sharesToken ? [SHARED_TOKEN] : [],
  ];
  const { directory = null, elsewhere = false } = options;
  if (!elsewhere) checkPlaces(draft, directory);
  const config = draft.finish({ words, workerEnvironment, directory });
  return { action, config, remarks };
}

/** The variables of ENV_FILE, if there is one. */
function readFile(draft: SettingsDraft): VariableFile {
  const path = draft.textOf("envFile");
  if (path === null) return NO_FILE;
  try {
    return fileSource(path);
  } catch (error) {
    draft.reject("envFile", {
      setting: draft.labelOf("envFile"),
      value: path,
      remedy: (error as Error).message,
    });
    return NO_FILE;
  }
}

/**
 * The token in the variable that is anybody's is withheld where it is the
 * pool's: emptied, because an entry cannot be taken out without the permission
 * to read the whole environment.
 */
function tokenOfWorkers(
  token: string | undefined,
  sharesToken: boolean,
): Variables {
  if (!token) return {};
  return { [TOKEN_VARIABLE]: sharesToken ? "" : token };
}

/**
 * What the workers' environment has beyond the balancer's: the file, but for
 * what the environment has already (which wins, as everywhere with such files)
 * and for what is the pool's alone.
 */
function environmentOfWorkers(
  env: Environment,
  { variables, sharesToken }: {
    readonly variables: Variables;
    /** Whether the pool's token is in the variable that is anybody's. */
    readonly sharesToken: boolean;
  },
): Variables {
  const token = env.get(TOKEN_VARIABLE);
  return {
    ...Object.fromEntries(
      Object.entries(variables).filter(([name]) =>
        env.get(name) === undefined && !OWN_VARIABLES.has(name) &&
        !(sharesToken && name === TOKEN_VARIABLE)
      ),
    ),
    ...tokenOfWorkers(token, sharesToken),
  };
}
