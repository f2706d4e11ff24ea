/**
 * What a subcommand of the command line is.
 *
 * @module
 */

import type { Environment } from "../config/load_config.ts";

/** What a subcommand works with. */
export interface SubcommandContext {
  /** The arguments behind its name. */
  readonly args: readonly string[];
  /** The environment. */
  readonly env: Environment;
  /** Prints a text, and ends the line. */
  readonly print: (text: string) => void;
}

/** Something the command line does besides starting a pool. */
export interface Subcommand {
  /** What `--help` behind its name prints. */
  readonly help: string;
  /**
   * Does it; resolves to the exit code.
   *
   * @throws {CliError} When it cannot be done.
   */
  readonly run: (context: SubcommandContext) => Promise<number>;
}

/**
 * Something that the person at the command line has to know or to change. The
 * message says all of it.
 */
export class CliError extends Error {
  override readonly name = "CliError";
  /** Whether the arguments are to blame. */
  readonly usage: boolean;

  /** Creates the error. */
  constructor(
    message: string,
    options: { readonly usage?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.usage = options.usage ?? false;
  }
}

/**
 * Reads the arguments of a subcommand that has nothing but switches.
 *
 * @throws {CliError} When there is one it does not know.
 */
export function parseOwnArguments(
  args: readonly string[],
  flags: readonly string[],
): Readonly<Record<string, boolean>> {
  const unknown = args.find((arg) =>
    !flags.some((flag) => arg === `--${flag}`)
  );
  if (unknown?.startsWith("-")) {
    const known = flags.map((flag) => `--${flag}`).join(", ");
    throw new CliError(
      `Cannot read the arguments: ${unknown} is not an option; there is ${known}`,
      { usage: true },
    );
  }
  refusePositionals(unknown === undefined ? [] : [unknown]);
  return Object.fromEntries(
    flags.map((flag) => [flag, args.includes(`--${flag}`)]),
  );
}

/**
 * Refuses arguments of a subcommand that takes none.
 *
 * @throws {CliError} When there are any.
 */
export function refusePositionals(positionals: readonly string[]): void {
  const [first] = positionals;
  if (first === undefined) return;
  throw new CliError(`Cannot read the arguments: what is "${first}"?`, {
    usage: true,
  });
}
