/**
 * Reads variables into a configuration in the making: those of the
 * environment, and beneath them those of a file.
 *
 * Each setting has two: `PREFORK_POOL_SIZE`, which is nobody else's, and
 * `POOL_SIZE`, which the application may understand in its own way.
 *
 * @module
 */

import { EnvFileError, readEnvFile, type Variables } from "./env_file.ts";
import { nearest } from "./nearest.ts";
import {
  prefixedVariableOf,
  SETTING_NAMES,
  type SettingName,
  settingOf,
  VARIABLE_PREFIX,
  variableOf,
} from "./settings.ts";
import type { SettingsDraft } from "./settings_draft.ts";

/** Environment variables; `Deno.env` is one, a `Map` another. */
export interface Environment {
  /** Returns the value of a variable, or `undefined`. */
  get(name: string): string | undefined;
  /** Returns the names of all variables, where they may be known. */
  keys?(): Iterable<string>;
}

/** A variable with a value, and where it stands. */
export interface FoundVariable {
  readonly variable: string;
  readonly text: string;
  /** Where it stands if not in the environment: `".env, line 3"`. */
  readonly place?: string;
}

/** Variables, by name. */
export type Source = (variable: string) => FoundVariable | undefined;

/** What Kubernetes makes of the names of services: variables that are nobody's mistake. */
const SERVICE_LINK =
  /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)$/;

/** Variables with our prefix that are no settings: the marks of a pool's processes, and of a worker's. */
const NO_SETTING = /^PREFORK_(POOL_(ID|CI_RUN)|WORKER)$/;

const VARIABLES: ReadonlySet<string> = new Set(
  SETTING_NAMES.flatMap((name) => [variableOf(name), prefixedVariableOf(name)]),
);

/** The variables of the environment; an empty one counts as unset. */
export function environmentSource(env: Environment): Source {
  return (variable) => {
    const text = env.get(variable);
    return text === undefined || text === "" ? undefined : { variable, text };
  };
}

/** What a file of variables has. */
export interface VariableFile {
  readonly source: Source;
  readonly variables: Variables;
}

/** The variables of the file at `path`. @throws {Error} With a sentence part that says what is wrong. */
export function fileSource(path: string): VariableFile {
  try {
    const found = new Map<string, FoundVariable>();
    for (const { name, value, line } of readEnvFile(path)) {
      found.set(name, {
        variable: name,
        text: value,
        place: `${path}, line ${line}`,
      });
    }
    return {
      source: (variable) => {
        const entry = found.get(variable);
        return entry?.text === "" ? undefined : entry;
      },
      variables: Object.fromEntries(
        [...found].map(([name, { text }]) => [name, text]),
      ),
    };
  } catch (error) {
    if (error instanceof EnvFileError) {
      throw new Error(`line ${error.line}: ${error.message}`);
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot be read: ${reason}`);
  }
}

/**
 * The variables that are set for a setting, the one that counts first: ours
 * before the common one, the environment before a file.
 */
export function* variablesFor(
  name: SettingName,
  sources: readonly Source[],
): Generator<FoundVariable> {
  for (const source of sources) {
    for (const variable of [prefixedVariableOf(name), variableOf(name)]) {
      const found = source(variable);
      if (found !== undefined) yield found;
    }
  }
}

/**
 * Fills `draft` with the settings `names`, as far as `sources` have them.
 *
 * @returns What was passed over, as whole sentences.
 */
export function readVariables(
  draft: SettingsDraft,
  sources: readonly Source[],
  names: readonly SettingName[],
): readonly string[] {
  const warnings: string[] = [];
  for (const name of names) {
    for (const { variable, text, place } of variablesFor(name, sources)) {
      if (isTheApplications(draft, name, variable, text)) {
        warnings.push(foreignValue(name, variable, text, place));
        continue;
      }
      draft.setText(name, { text, label: variable, place });
      break;
    }
  }
  return warnings;
}

/** Says which variables with our prefix are no settings, and what was meant. */
export function unknownVariables(names: Iterable<string>): readonly string[] {
  return [...names].filter((name) =>
    name.startsWith(VARIABLE_PREFIX) && !VARIABLES.has(name) &&
    !NO_SETTING.test(name) && !SERVICE_LINK.test(name)
  ).map((name) => {
    const meant = nearest(
      name,
      SETTING_NAMES.map((setting) => prefixedVariableOf(setting)),
    );
    return `${name} is no setting, and does nothing; ` +
      (meant === null ? "--help all lists them." : `did you mean ${meant}?`);
  });
}

/** Whether a variable that is common has a value which is none of ours. */
function isTheApplications(
  draft: SettingsDraft,
  name: SettingName,
  variable: string,
  text: string,
): boolean {
  return settingOf(name).generic === true && variable === variableOf(name) &&
    !draft.accepts(name, text);
}

function foreignValue(
  name: SettingName,
  variable: string,
  text: string,
  place?: string,
): string {
  const { kind } = settingOf(name);
  return `${variable}=${text}${place === undefined ? "" : ` (${place})`} is ` +
    `left to the application: as a setting of the pool it must be ` +
    `${kind.allowed}. Set ${prefixedVariableOf(name)} for the pool alone.`;
}
