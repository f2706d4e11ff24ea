/**
 * What the command lines of the benchmarks have in common.
 *
 * @module
 */

import { parseArgs, type ParseArgsConfig } from "node:util";

/** A run that cannot be made; the message is for the user. */
export class RunError extends Error {
  override readonly name = "RunError";
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What flags a command line has, as `parseArgs` takes it. */
type FlagTable = NonNullable<ParseArgsConfig["options"]>;

/** Flags and the words beside them. */
type CommandLine<T extends FlagTable> = ReturnType<
  typeof parseArgs<{ args: string[]; options: T; allowPositionals: true }>
>;

/** The values of the flags. @throws {RunError} for one there is not. */
export function parseFlags<T extends FlagTable>(
  args: readonly string[],
  options: T,
): CommandLine<T>["values"] {
  const { values, positionals } = parseCommandLine(args, options);
  if (positionals.length === 0) return values;
  throw new RunError(`Cannot use ${positionals.join(" ")}: it is no flag`);
}

/** Flags and the words beside them. @throws {RunError} for a flag there is not. */
export function parseCommandLine<T extends FlagTable>(
  args: readonly string[],
  options: T,
): CommandLine<T> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new RunError(messageOf(error));
  }
}

/** A whole number above 0. @throws {RunError} when it is not one. */
export function positive(flag: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new RunError(
    `Cannot use ${flag}=${text}: it takes a whole number above 0`,
  );
}

/** Those of `all` that the list names, in the order of `all`; every one without a list. */
export function named<T extends { readonly name: string }>(
  flag: string,
  all: readonly T[],
  list: string | undefined,
): readonly T[] {
  if (list === undefined) return all;
  const names = list.split(",");
  const known = all.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length === 0) {
    return all.filter(({ name }) => names.includes(name));
  }
  throw new RunError(
    `Cannot use ${flag}=${list}: ${unknown.join(", ")} is none of ${
      known.join(", ")
    }`,
  );
}
