/**
 * Reading configurations in tests.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Config } from "../../src/config/config.ts";
import { ConfigError } from "../../src/config/config_error.ts";
import { loadConfig } from "../../src/config/load_config.ts";

/** Environment variables by name. */
export type Variables = Readonly<Record<string, string>>;

/** The configuration that these arguments and variables make, on a machine with six CPUs. */
export function load(
  args: readonly string[],
  variables: Variables = {},
): Config {
  const env = new Map(Object.entries(variables));
  const invocation = loadConfig({ args, env, availableCpus: 6 });
  assert(invocation.action === "run" || invocation.action === "check");
  return invocation.config;
}

/** The problems as lines, as the message shows them. */
export function problems(
  args: readonly string[],
  variables: Variables = {},
): readonly string[] {
  try {
    load(args, variables);
  } catch (error) {
    assert(error instanceof ConfigError, String(error));
    const lines = error.message.split("\n  ").slice(1);
    assert.equal(lines.length, error.problems.length);
    return lines;
  }
  return [];
}
