/**
 * `prefork-pool top`: a pool and its workers, refreshed until somebody leaves.
 *
 * @module
 */

import { AdminClient } from "./admin_client.ts";
import {
  ADMIN_OPTIONS,
  ADMIN_OPTIONS_HELP,
  parseAdminArguments,
} from "./admin_options.ts";
import { locatePool } from "./locate.ts";
import { statusText } from "./status_text.ts";
import {
  refusePositionals,
  type Subcommand,
  type SubcommandContext,
} from "./subcommand.ts";
import { TopSession } from "./top/session.ts";

const HELP = `\
Usage: prefork-pool top [options]

Shows what a running pool does, refreshed every second. Where the output is no
terminal, it is printed once, as plain lines.

Keys:
  q, Ctrl-C     leave
  r             reload, and show the verdict
  + -           one worker more or fewer
  < >           sort by the column on the left or right; the arrows, too
  o             the other order
  up, down, page up, page down, home, end (k, j, b, space, g, G)
                scroll

NO_COLOR is respected.

${ADMIN_OPTIONS_HELP}`;

/** `prefork-pool top`. */
export const top: Subcommand = { help: HELP, options: ADMIN_OPTIONS, run };

/** Shows the figures until somebody leaves. */
async function run(context: SubcommandContext): Promise<number> {
  const parsed = parseAdminArguments(context);
  refusePositionals(parsed.positionals);
  const { url, ...target } = await locatePool(parsed, context.env);
  const client = new AdminClient({ url, ...target });
  // An error is better read on the screen that stays, before it is taken.
  const metrics = await client.metrics();
  if (!Deno.stdout.isTerminal() || context.env.get("TERM") === "dumb") {
    context.print(statusText(metrics, url));
    return 0;
  }
  await new TopSession({
    client,
    url,
    colours: !Deno.noColor,
    ascii: !isUnicode(context.env),
  }).run();
  return 0;
}

/** Whether the locale has more than ASCII; where none is set, today's terminals do. */
function isUnicode(env: SubcommandContext["env"]): boolean {
  const locale = ["LC_ALL", "LC_CTYPE", "LANG"]
    .map((name) => env.get(name) ?? "")
    .find((value) => value !== "");
  return locale === undefined || /utf-?8/i.test(locale);
}
