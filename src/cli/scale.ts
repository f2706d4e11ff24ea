/**
 * `prefork-pool scale`: another number of workers.
 *
 * @module
 */

import { AMOUNT, type ScaleReport } from "../admin/commands.ts";
import { AdminClient } from "./admin_client.ts";
import {
  ADMIN_OPTIONS,
  ADMIN_OPTIONS_HELP,
  parseAdminArguments,
} from "./admin_options.ts";
import { locatePool } from "./locate.ts";
import {
  CliError,
  type Subcommand,
  type SubcommandContext,
} from "./subcommand.ts";

const HELP = `\
Usage: prefork-pool scale N [options]

Sets the wanted number of workers, within MIN_WORKERS and MAX_WORKERS. +N and
-N change it. Scaling goes on from there.

${ADMIN_OPTIONS_HELP}`;

/** `prefork-pool scale`. */
export const scale: Subcommand = { help: HELP, options: ADMIN_OPTIONS, run };

/** Scales, and prints what is wanted now. */
async function run(context: SubcommandContext): Promise<number> {
  // What begins with a hyphen would be taken for an option.
  const negative = context.args.filter((arg) => /^-\d+$/.test(arg));
  const args = context.args.filter((arg) => !negative.includes(arg));
  const parsed = parseAdminArguments({ ...context, args });
  const [amount, ...others] = [...parsed.positionals, ...negative];
  if (amount === undefined || others.length > 0 || !AMOUNT.test(amount)) {
    throw new CliError(
      "Cannot scale: give one number of workers, such as 6, +1 or -1",
      { usage: true },
    );
  }
  const client = new AdminClient(await locatePool(parsed, context.env));
  context.print(scaleText(await client.scale(amount)));
  return 0;
}

/** Returns what is wanted now, as a sentence or two. */
export function scaleText({ asked, from, to }: ScaleReport): string {
  const change = from === to ? "as before" : `${from} before`;
  const bound = asked === to
    ? ""
    : ` ${to > asked ? "Raised to MIN_WORKERS" : "Capped by MAX_WORKERS"}.`;
  return `${to} workers are wanted now, ${change}.${bound}`;
}
