/**
 * `prefork-pool events`: what happens to the pool.
 *
 * @module
 */

import { eventMessage } from "../log/event_message.ts";
import { ADMIN_OPTIONS, ADMIN_OPTIONS_HELP } from "./admin_options.ts";
import { type CliOption, optionsHelp } from "./cli_option.ts";
import { FEED_OPTIONS, type FeedView, showFeed } from "./feed_command.ts";
import type { Subcommand } from "./subcommand.ts";

const OPTIONS: readonly CliOption[] = [
  ...FEED_OPTIONS,
  { name: "all", help: "with what the workers write" },
];

const HELP = `\
Usage: prefork-pool events [options]

Shows what has happened to the pool last, as far as it is kept, a line each.
What the workers write is shown by logs.

${optionsHelp(OPTIONS)}
${ADMIN_OPTIONS_HELP}`;

const VIEW: FeedView = {
  options: OPTIONS,
  shows: ({ flags: { all } }) => ({ type }) => all || type !== "worker-output",
  format: (event) => {
    const { level, text, details } = eventMessage(event);
    return [`${event.time} ${level} ${text}`, ...details].join("\n    ");
  },
};

/** `prefork-pool events`. */
export const events: Subcommand = {
  help: HELP,
  options: [...OPTIONS, ...ADMIN_OPTIONS],
  run: (context) => showFeed(context, VIEW),
};
