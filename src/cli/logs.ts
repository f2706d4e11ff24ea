/**
 * `prefork-pool logs`: what the workers write.
 *
 * @module
 */

import {
  ADMIN_OPTIONS,
  ADMIN_OPTIONS_HELP,
  type AdminArguments,
} from "./admin_options.ts";
import { type CliOption, optionsHelp } from "./cli_option.ts";
import type { FeedMessage } from "./event_feed.ts";
import { FEED_OPTIONS, type FeedView, showFeed } from "./feed_command.ts";
import { CliError, type Subcommand } from "./subcommand.ts";

const OPTIONS: readonly CliOption[] = [
  ...FEED_OPTIONS,
  { name: "worker", short: "w", value: "N", help: "of this worker alone" },
];

const HELP = `\
Usage: prefork-pool logs [options]

Shows what the workers have written last, as far as the pool keeps it, a line
each behind the worker's number. What the pool itself does is shown by events.

${optionsHelp(OPTIONS)}
${ADMIN_OPTIONS_HELP}`;

const VIEW: FeedView = {
  options: OPTIONS,
  shows: (parsed) => {
    const worker = readWorker(parsed);
    return ({ type, data }: FeedMessage): boolean =>
      type === "worker-output" &&
      (worker === null || JSON.parse(data).workerId === worker);
  },
  format: (event) =>
    event.type === "worker-output" ? `${event.workerId} | ${event.line}` : "",
};

/** `prefork-pool logs`. */
export const logs: Subcommand = {
  help: HELP,
  options: [...OPTIONS, ...ADMIN_OPTIONS],
  run: (context) => showFeed(context, VIEW),
};

/** The slot that is asked for; `null` for all. */
function readWorker({ values: { worker } }: AdminArguments): number | null {
  if (worker === undefined) return null;
  if (/^[0-9]{1,6}$/.test(worker)) return Number(worker);
  throw new CliError(
    `Cannot use --worker ${worker}: give a worker's number, from 0 on`,
    { usage: true },
  );
}
