/**
 * `prefork-pool health`: for the health checks of containers and monitors.
 *
 * @module
 */

import { AdminClient } from "./admin_client.ts";
import { ADMIN_OPTIONS_HELP, parseAdminArguments } from "./admin_options.ts";
import { locatePool } from "./locate.ts";
import {
  refusePositionals,
  type Subcommand,
  type SubcommandContext,
} from "./subcommand.ts";

const HELP = `\
Usage: prefork-pool health [options]

Exit code 0 while the pool runs, also while it drains (/_health); else 1.

  --ready       0 only while requests are accepted and a worker is ready

${ADMIN_OPTIONS_HELP}`;

/** `prefork-pool health`. */
export const health: Subcommand = { help: HELP, run };

async function run(context: SubcommandContext): Promise<number> {
  const parsed = parseAdminArguments(context, ["ready"]);
  refusePositionals(parsed.positionals);
  const target = await locatePool(parsed, context.env);
  const path = parsed.flags.ready ? "/_ready" : "/_health";
  const status = await new AdminClient(target).statusOf(path);
  context.print(
    `${path.slice(2)}: ${status === 200 ? "yes" : `no (${status})`}`,
  );
  return status === 200 ? 0 : 1;
}
