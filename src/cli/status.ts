/**
 * `prefork-pool status`: what a running pool and its workers do.
 *
 * @module
 */

import { AdminClient } from "./admin_client.ts";
import { ADMIN_OPTIONS_HELP, parseAdminArguments } from "./admin_options.ts";
import { locatePool } from "./locate.ts";
import { statusText } from "./status_text.ts";
import {
  refusePositionals,
  type Subcommand,
  type SubcommandContext,
} from "./subcommand.ts";

const HELP = `\
Usage: prefork-pool status [options]

Shows what a running pool does, with a line for each worker.

  --json        print all figures, as /_metrics has them

${ADMIN_OPTIONS_HELP}`;

/** `prefork-pool status`. */
export const status: Subcommand = { help: HELP, run };

/** Prints the figures once. */
async function run(context: SubcommandContext): Promise<number> {
  const parsed = parseAdminArguments(context, ["json"]);
  refusePositionals(parsed.positionals);
  const target = await locatePool(parsed, context.env);
  const metrics = await new AdminClient(target).metrics();
  context.print(
    parsed.flags.json
      ? JSON.stringify(metrics, null, 2)
      : statusText(metrics, target.url),
  );
  return 0;
}
