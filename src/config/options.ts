/**
 * The options of a program that embeds a pool, checked like the settings of
 * the command line. Reads no environment.
 *
 * @module
 */

import { checkPlaces } from "./check_places.ts";
import type { Config } from "./config.ts";
import { nearest } from "./nearest.ts";
import {
  type CommandLineOnly,
  SETTING_NAMES,
  type SettingName,
  settingOf,
  variableOf,
} from "./settings.ts";
import { SettingsDraft, showValue } from "./settings_draft.ts";
import {
  command as commandKind,
  environment as environmentKind,
  type Kind,
} from "./kinds.ts";

/** The settings of {@linkcode Config} that a pool takes as they are; logging is the caller's. */
export type PlainPoolOptions = Partial<
  Omit<
    Config,
    | "poolSize"
    | "maxWorkers"
    | "maxWorkersAuto"
    | "healthStrict"
    | "startupLimitMs"
    | CommandLineOnly
  >
>;

/**
 * What an embedding program may set: each setting of docs/settings.md in camel
 * case, with the unit, the default and the bounds that it has there, such as
 * `drainTimeoutMs` (`DRAIN_TIMEOUT_MS`, milliseconds). Switches are `true` or
 * `false`, networks an array of strings. Events, and errors of the start, name
 * them as they are there.
 */
export interface PoolOptions extends PlainPoolOptions {
  /**
   * Program and arguments of a worker; `{port}`, `{host}` and `{id}` in them
   * are filled in.
   *
   * @default {the embedded demo application}
   */
  readonly command?: readonly string[];
  /** Workers started at first; `"auto"` is one for each CPU available. @default {4} */
  readonly poolSize?: number | "auto";
  /** Most workers scaling makes; `"auto"` is what CPUs and memory allow. @default {max(16, poolSize)} */
  readonly maxWorkers?: number | "auto";
}

const OPTION_NAMES: ReadonlySet<string> = new Set(
  SETTING_NAMES.filter((name) => settingOf(name).embeddable !== false),
);

/**
 * Checks `options` and fills in the defaults.
 *
 * `undefined` and `null` count as not given.
 *
 * @throws {ConfigError} with all problems, each naming the option.
 *
 * @example
 * ```ts
 * import { resolveOptions } from "./options.ts";
 * import assert from "node:assert/strict";
 *
 * const config = resolveOptions({ port: 0, poolSize: 2 });
 * assert.equal(config.maxWorkers, 16);
 * assert.throws(() => resolveOptions({ poolSize: 0 }), /poolSize=0/);
 * ```
 */
export function resolveOptions(options: PoolOptions = {}): Config {
  const draft = new SettingsDraft({
    nameOf: (name) => name,
    availableCpus: navigator.hardwareConcurrency,
  });
  const { command, workerEnvironment, ...settings } = options;
  for (const [name, value] of Object.entries(settings)) {
    if (!isOptionName(name)) {
      const remedy = notAnOption(name);
      draft.report({ setting: name, value: null, remedy });
    } else if (value !== undefined && value !== null) {
      draft.setValue(name, value);
    }
  }
  const words = checked(draft, "command", command, commandKind);
  const variables = checked(
    draft,
    "workerEnvironment",
    workerEnvironment,
    environmentKind,
  );
  checkPlaces(draft);
  // What opens the admin pages is not for the workers, wherever it came from.
  const withheld = settings.adminToken ? { ADMIN_TOKEN: "" } : {};
  return draft.finish({
    words: words ?? null,
    workerEnvironment: { ...withheld, ...variables },
  });
}

/** Returns the value of an option that is no setting, if it is given and usable. */
function checked<T>(
  draft: SettingsDraft,
  setting: string,
  value: unknown,
  kind: Kind<T>,
): T | undefined {
  if (value === undefined || value === null) return undefined;
  const usable = kind.check(value);
  if (usable === undefined) {
    const remedy = `must be ${kind.allowedValue ?? kind.allowed}`;
    draft.report({ setting, value: showValue(value), remedy });
  }
  return usable;
}

/** What to say of a name that is none. */
function notAnOption(name: string): string {
  const named = SETTING_NAMES.find((setting) =>
    setting === name || variableOf(setting) === name
  );
  if (named !== undefined && !isOptionName(named)) {
    return "is the command line's alone";
  }
  const meant = named ?? nearest(name, [...OPTION_NAMES, "command"]);
  return "is not an option" +
    (meant === null ? "" : `; did you mean ${meant}?`);
}

function isOptionName(name: string): name is SettingName {
  return OPTION_NAMES.has(name);
}
