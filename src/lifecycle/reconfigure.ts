/**
 * What a configuration that was read anew changes in a pool that runs. Pure.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import {
  SETTING_NAMES,
  type SettingName,
  settingOf,
  variableOf,
} from "../config/settings.ts";

/** What a reload applies: what the tables say, and what follows from that. */
const APPLIED: ReadonlySet<string> = new Set([
  ...SETTING_NAMES.filter((name) => settingOf(name).reloadable),
  "maxWorkersAuto",
  "startupLimitMs",
  "workerEnvironment",
]);

/** What follows from settings, and is none itself. */
const DERIVED: ReadonlySet<string> = new Set(["healthStrict"]);

/** What a reload makes of a configuration that was read anew. */
export interface Reconfiguration {
  /** What is to hold from now on. */
  readonly config: Config;
  /** Settings that have changed and need a restart, as variables. */
  readonly needRestart: readonly string[];
}

/** Returns what holds when `read` is applied to a pool that runs by `current`. */
export function reconfigure(current: Config, read: Config): Reconfiguration {
  const names = Object.keys(read) as (keyof Config)[];
  const changed = names.filter((name) =>
    JSON.stringify(read[name]) !== JSON.stringify(current[name])
  );
  const applied = changed.filter((name) => APPLIED.has(name));
  return {
    config: Object.freeze({
      ...current,
      ...Object.fromEntries(applied.map((name) => [name, read[name]])),
    }),
    needRestart: changed.filter((name) => !APPLIED.has(name))
      .filter((name) => !DERIVED.has(name))
      .map((name) => variableOf(name as SettingName)),
  };
}
