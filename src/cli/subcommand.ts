/**
 * What a subcommand of the command line is.
 *
 * @module
 */

import type { Environment } from "../config/load_config.ts";
import type { CliOption } from "./cli_option.ts";

/** What a subcommand works with. */
export interface SubcommandContext {
  /** The arguments behind its name. */
  readonly args: readonly string[];
  /** The environment. */
  readonly env: Environment;
  /** Prints a text, and ends the line. */
  readonly print: (text: string) => void;
  /** All subcommands, for the one that has them completed. */
  readonly subcommands: SubcommandTable;
}

/** The subcommands by name. */
export type SubcommandTable = Readonly<Record<string, SubcommandEntry>>;

/** A subcommand that has not been loaded. */
export interface SubcommandEntry {
  /** What may follow the name. */
  readonly synopsis: string;
  /** What it does, in half a line; without, the short help leaves it out. */
  readonly brief?: string;
  /** What it does, as one line of the help. */
  readonly summary: string;
  /** Loads it: who starts a pool needs none of them. */
  readonly load: () => Promise<Subcommand>;
}

/** Something the command line does besides starting a pool. */
export interface Subcommand {
  /** What `--help` behind its name prints. */
  readonly help: string;
  /** Every option it has. */
  readonly options: readonly CliOption[];
  /** What its first word may be, where that is known. */
  readonly words?: readonly string[];
  /** Whether it takes the settings of a pool, too. */
  readonly takesSettings?: boolean;
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
  options: readonly CliOption[],
): Readonly<Record<string, boolean>> {
  const flags = options.map(({ name }) => `--${name}`);
  const unknown = args.find((arg) => !flags.includes(arg));
  if (unknown?.startsWith("-")) {
    throw new CliError(
      `Cannot read the arguments: ${unknown} is not an option; there is ${
        flags.join(", ")
      }`,
      { usage: true },
    );
  }
  refusePositionals(unknown === undefined ? [] : [unknown]);
  return Object.fromEntries(
    options.map(({ name }) => [name, args.includes(`--${name}`)]),
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
