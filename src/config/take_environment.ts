/**
 * The environment of the process, taken once: what is the pool's alone is not
 * handed on to the processes it starts.
 *
 * @module
 */

import type { Environment } from "./read_variables.ts";
import { prefixedVariableOf, SETTING_NAMES } from "./settings.ts";

/**
 * What a service manager tells the process it has started, and nobody else
 * (sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3)). A worker that
 * found it would report itself in the pool's place.
 */
const SERVICE_MANAGER_VARIABLES = [
  "NOTIFY_SOCKET",
  "WATCHDOG_USEC",
  "WATCHDOG_PID",
  "LISTEN_FDS",
  "LISTEN_PID",
  "LISTEN_FDNAMES",
] as const;

/** Every variable that the workers do not get. */
const OWN_VARIABLES: readonly string[] = [
  ...SETTING_NAMES.map(prefixedVariableOf),
  ...SERVICE_MANAGER_VARIABLES,
];

/**
 * Returns the environment as it is, and takes the variables out of it that
 * are the pool's alone. Where Deno lets only some variables be read, those are.
 *
 * @throws {Deno.errors.NotCapable} When none may be.
 */
export function takeEnvironment(): Environment {
  const all = readableNames();
  const taken = new Map<string, string | undefined>();
  for (const name of OWN_VARIABLES) {
    const value = readable(name);
    taken.set(name, value);
    if (value !== undefined) Deno.env.delete(name);
  }
  return {
    get: (name) => taken.has(name) ? taken.get(name) : Deno.env.get(name),
    keys: () => all,
  };
}

/** A variable that is ours; not being let to see it is as good as its not being there. */
function readable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

function readableNames(): readonly string[] {
  try {
    return Object.keys(Deno.env.toObject());
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return [];
    throw error;
  }
}
