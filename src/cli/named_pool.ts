/**
 * The pool that the arguments of a subcommand name, where they are options
 * alone.
 *
 * @module
 */

import {
  type AdminArguments,
  type AdminTarget,
  parseAdminArguments,
} from "./admin_options.ts";
import type { CliOption } from "./cli_option.ts";
import { locatePool } from "./locate.ts";
import { refusePositionals, type SubcommandContext } from "./subcommand.ts";

/** The arguments, and whom they name. */
export interface NamedPool {
  readonly parsed: AdminArguments;
  readonly target: AdminTarget;
}

/**
 * Reads the arguments, and finds the pool; `options` are the subcommand's own.
 *
 * @throws {CliError} When they cannot be used, or there is no such pool.
 */
export async function namedPool(
  context: SubcommandContext,
  options: readonly CliOption[] = [],
): Promise<NamedPool> {
  const parsed = parseAdminArguments(context, options);
  refusePositionals(parsed.positionals);
  return { parsed, target: await locatePool(parsed, context.env) };
}
