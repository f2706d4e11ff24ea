/**
 * Variables from a file, for settings and for the workers.
 *
 * @module
 */

import { parseEnv } from "node:util";

/** Variables by name. */
export type Variables = Readonly<Record<string, string>>;

/**
 * Reads `NAME=value` lines, as Node's and Deno's `--env-file` do: comments,
 * `export`, single and double quotes, values of several lines.
 *
 * @throws {Error} With a sentence part that says why the file cannot be read.
 */
export function readEnvFile(path: string): Variables {
  try {
    return { ...parseEnv(Deno.readTextFileSync(path)) } as Variables;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      throw new Error(`Deno does not permit it; run with --allow-read=${path}`);
    }
    throw error;
  }
}

/** Those that the environment does not have already: what is set there wins, as everywhere with such files. */
export function missingFrom(
  env: { get(name: string): string | undefined },
  file: Variables,
): Variables {
  return Object.fromEntries(
    Object.entries(file).filter(([name]) => env.get(name) === undefined),
  );
}
