/**
 * `prefork-pool health`: for the health checks of containers and monitors.
 *
 * @module
 */

import { AdminClient } from "./admin_client.ts";
import { ADMIN_OPTIONS, ADMIN_OPTIONS_HELP } from "./admin_options.ts";
import { type CliOption, optionsHelp } from "./cli_option.ts";
import { namedPool } from "./named_pool.ts";
import type { Subcommand, SubcommandContext } from "./subcommand.ts";

const OPTIONS: readonly CliOption[] = [
  {
    name: "ready",
    help: "0 only while requests are accepted and a worker is ready",
  },
];

const HELP = `\
Usage: prefork-pool health [options]

Exit code 0 while the pool runs, also while it drains (/_health); else 1.

${optionsHelp(OPTIONS)}
${ADMIN_OPTIONS_HELP}`;

/** `prefork-pool health`. */
export const health: Subcommand = {
  help: HELP,
  options: [...OPTIONS, ...ADMIN_OPTIONS],
  run,
};

async function run(context: SubcommandContext): Promise<number> {
  const { parsed, target } = await namedPool(context, OPTIONS);
  const path = parsed.flags.ready ? "/_ready" : "/_health";
  const status = await new AdminClient(target).statusOf(path);
  context.print(
    `${path.slice(2)}: ${status === 200 ? "yes" : `no (${status})`}`,
  );
  return status === 200 ? 0 : 1;
}
