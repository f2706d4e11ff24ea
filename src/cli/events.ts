/**
 * `prefork-pool events`: what happens to the pool.
 *
 * @module
 */

import { eventMessage } from "../log/event_message.ts";
import { ADMIN_OPTIONS_HELP } from "./admin_options.ts";
import { FEED_OPTIONS_HELP, type FeedView, showFeed } from "./feed_command.ts";
import type { Subcommand } from "./subcommand.ts";

const HELP = `\
Usage: prefork-pool events [options]

Shows what has happened to the pool last, as far as it is kept, a line each.
What the workers write is shown by logs.

${FEED_OPTIONS_HELP}\
  --all         with what the workers write

${ADMIN_OPTIONS_HELP}`;

const VIEW: FeedView = {
  shows: ({ type }, all) => all || type !== "worker-output",
  format: (event) => {
    const { level, text, details } = eventMessage(event);
    return [`${event.time} ${level} ${text}`, ...details].join("\n    ");
  },
};

/** `prefork-pool events`. */
export const events: Subcommand = {
  help: HELP,
  run: (context) => showFeed(context, VIEW),
};
