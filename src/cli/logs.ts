/**
 * `prefork-pool logs`: what the workers write.
 *
 * @module
 */

import { ADMIN_OPTIONS_HELP } from "./admin_options.ts";
import { FEED_OPTIONS_HELP, type FeedView, showFeed } from "./feed_command.ts";
import type { Subcommand } from "./subcommand.ts";

const HELP = `\
Usage: prefork-pool logs [options]

Shows what the workers have written last, as far as the pool keeps it, a line
each behind the worker's number. What the pool itself does is shown by events.

${FEED_OPTIONS_HELP}
${ADMIN_OPTIONS_HELP}`;

const VIEW: FeedView = {
  shows: ({ type }) => type === "worker-output",
  format: (event) =>
    event.type === "worker-output" ? `${event.workerId} | ${event.line}` : "",
};

/** `prefork-pool logs`. */
export const logs: Subcommand = {
  help: HELP,
  run: (context) => showFeed(context, VIEW),
};
