/**
 * Every setting, once: from these tables come the environment variables, the
 * flags, the help, the library's options, what a reload takes, and the type of
 * the configuration. A new setting is one entry in one of them.
 *
 * What follows from several settings together (derived defaults, rules across
 * settings) is in `settings_draft.ts`.
 *
 * @module
 */

import { ADMIN_SETTINGS } from "./settings/admin_settings.ts";
import { CLIENT_SETTINGS } from "./settings/client_settings.ts";
import { HEALTH_SETTINGS } from "./settings/health_settings.ts";
import { LOG_SETTINGS } from "./settings/log_settings.ts";
import { REQUEST_SETTINGS } from "./settings/request_settings.ts";
import { SCALING_SETTINGS } from "./settings/scaling_settings.ts";
import { WORKER_SETTINGS } from "./settings/worker_settings.ts";
import { TRACE_SETTINGS } from "./settings/trace_settings.ts";
import type { Setting, ValueOf } from "./settings/setting.ts";

export { MAX_PORT } from "./settings/setting.ts";

/** Every setting by the heading it stands under in the help. */
export const SETTING_GROUPS = {
  Clients: CLIENT_SETTINGS,
  Workers: WORKER_SETTINGS,
  Requests: REQUEST_SETTINGS,
  Health: HEALTH_SETTINGS,
  Scaling: SCALING_SETTINGS,
  Administration: ADMIN_SETTINGS,
  Log: LOG_SETTINGS,
  Traces: TRACE_SETTINGS,
} as const;

/** Every setting by its name in {@linkcode "./config.ts".Config}, in the order of the help. */
export const SETTINGS = {
  ...CLIENT_SETTINGS,
  ...WORKER_SETTINGS,
  ...REQUEST_SETTINGS,
  ...HEALTH_SETTINGS,
  ...SCALING_SETTINGS,
  ...ADMIN_SETTINGS,
  ...LOG_SETTINGS,
  ...TRACE_SETTINGS,
} as const;

/**
 * The type of that table: the exact type of each entry.
 *
 * @internal
 */
export type SettingsTable = typeof SETTINGS;

/** The name of a setting, in camel case. */
export type SettingName = keyof SettingsTable;

/** The value of each setting. */
export type SettingValues = {
  readonly [K in SettingName]: ValueOf<SettingsTable[K]>;
};

/** The settings that are the command line's alone, and no options of the library. */
export type CommandLineOnly = {
  [K in SettingName]: SettingsTable[K] extends { readonly embeddable: false }
    ? K
    : never;
}[SettingName];

/** The names of all settings, in the order of the help. */
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** What the table says of a setting. */
export function settingOf(name: SettingName): Setting<unknown> {
  return SETTINGS[name];
}

/** The environment variable of a setting: `POOL_SIZE` for `poolSize`. */
export function variableOf(name: SettingName): string {
  return name.replace(/[A-Z]/g, "_$&").toUpperCase();
}

/** What may stand before each variable: such a one wins, and does not reach the workers. */
export const VARIABLE_PREFIX = "PREFORK_";

/** The variable of a setting that is nobody else's: `PREFORK_POOL_SIZE` for `poolSize`. */
export function prefixedVariableOf(name: SettingName): string {
  return VARIABLE_PREFIX + variableOf(name);
}

/** The flag of a setting, without its dashes: `pool-size` for `poolSize`. */
export function flagOf(name: SettingName): string {
  return name.replace(/[A-Z]/g, "-$&").toLowerCase();
}

/** All flags of a setting, without their dashes. */
export function flagsOf(name: SettingName): readonly string[] {
  const { shortFlag } = settingOf(name);
  return shortFlag === undefined ? [flagOf(name)] : [flagOf(name), shortFlag];
}
