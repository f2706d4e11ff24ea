/**
 * What `logs` and `events` have in common: what is kept of the past, and with
 * `-f` what comes.
 *
 * @module
 */

import { AdminClient } from "./admin_client.ts";
import { type AdminArguments, parseAdminArguments } from "./admin_options.ts";
import type { CliOption } from "./cli_option.ts";
import { type FeedMessage, readFeed, type TimedEvent } from "./event_feed.ts";
import { locatePool } from "./locate.ts";
import { printable } from "./printable.ts";
import {
  CliError,
  refusePositionals,
  type SubcommandContext,
} from "./subcommand.ts";

/** What is shown of the events, and how. */
export interface FeedView {
  /** The options there are: {@linkcode FEED_OPTIONS} and others. */
  readonly options: readonly CliOption[];
  /** Reads those others, and returns whether an event is shown. */
  readonly shows: (parsed: AdminArguments) => (message: FeedMessage) => boolean;
  /** The event as lines for a person. */
  readonly format: (event: TimedEvent) => string;
}

/** The options of both. */
export const FEED_OPTIONS: readonly CliOption[] = [
  {
    name: "follow",
    short: "f",
    help: "go on with what comes, until the pool ends or Ctrl-C",
  },
  {
    name: "lines",
    short: "n",
    value: "N",
    help: "begin with the last N of what is kept",
  },
  { name: "json", help: "a JSON object a line, as /_events has it" },
];

/** Prints events until there are no more. */
export async function showFeed(
  context: SubcommandContext,
  view: FeedView,
): Promise<number> {
  const parsed = parseAdminArguments(context, view.options);
  refusePositionals(parsed.positionals);
  const limit = readLimit(parsed);
  const shows = view.shows(parsed);
  const client = new AdminClient(await locatePool(parsed, context.env));
  const { follow, json } = parsed.flags;
  const print = ({ data }: FeedMessage): void =>
    context.print(json ? data : printable(view.format(JSON.parse(data))));
  const kept: FeedMessage[] = [];
  let lastId = 0;
  for await (
    const message of readFeed(await client.events({ since: 0, follow: false }))
  ) {
    lastId = Math.max(lastId, message.id);
    if (shows(message)) kept.push(message);
  }
  kept.slice(-limit).forEach(print);
  if (!follow) return 0;
  const stream = await client.events({ since: lastId, follow: true });
  for await (const message of readFeed(stream)) {
    if (message.type === "dropped") {
      throw new CliError(
        "Cannot go on: events come faster than they are read here. Write " +
          "them to a file, or begin anew.",
      );
    }
    if (shows(message)) print(message);
  }
  console.error("The pool has ended, or goes on elsewhere.");
  return 0;
}

function readLimit({ values }: AdminArguments): number {
  const { lines } = values;
  if (lines === undefined) return Infinity;
  if (/^[1-9][0-9]{0,8}$/.test(lines)) return Number(lines);
  throw new CliError(`Cannot use --lines ${lines}: give a number from 1 on`, {
    usage: true,
  });
}
