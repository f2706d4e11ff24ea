/**
 * `prefork-pool status`: what a running pool and its workers do.
 *
 * @module
 */

import { AdminClient } from "./admin_client.ts";
import { ADMIN_OPTIONS, ADMIN_OPTIONS_HELP } from "./admin_options.ts";
import { type CliOption, optionsHelp } from "./cli_option.ts";
import { namedPool } from "./named_pool.ts";
import { statusText } from "./status_text.ts";
import type { Subcommand, SubcommandContext } from "./subcommand.ts";

const OPTIONS: readonly CliOption[] = [
  { name: "json", help: "print all figures, as /_metrics has them" },
];

const HELP = `\
Usage: prefork-pool status [options]

Shows what a running pool does, with a line for each worker.

${optionsHelp(OPTIONS)}
${ADMIN_OPTIONS_HELP}`;

/** `prefork-pool status`. */
export const status: Subcommand = {
  help: HELP,
  options: [...OPTIONS, ...ADMIN_OPTIONS],
  run,
};

/** Prints the figures once. */
async function run(context: SubcommandContext): Promise<number> {
  const { parsed, target } = await namedPool(context, OPTIONS);
  const metrics = await new AdminClient(target).metrics();
  context.print(
    parsed.flags.json
      ? JSON.stringify(metrics, null, 2)
      : statusText(metrics, target.url),
  );
  return 0;
}
