/**
 * What `logs` and `events` have in common: what is kept of the past, and with
 * `-f` what comes.
 *
 * @module
 */

import { AdminClient } from "./admin_client.ts";
import { type AdminArguments, parseAdminArguments } from "./admin_options.ts";
import { type FeedMessage, readFeed, type TimedEvent } from "./event_feed.ts";
import { locatePool } from "./locate.ts";
import {
  CliError,
  refusePositionals,
  type SubcommandContext,
} from "./subcommand.ts";

/** What is shown of the events, and how. */
export interface FeedView {
  /** Whether an event is shown; `all` says whether everything was asked for. */
  readonly shows: (message: FeedMessage, all: boolean) => boolean;
  /** The event as lines for a person. */
  readonly format: (event: TimedEvent) => string;
}

/** The options of both. */
export const FEED_OPTIONS_HELP = `\
  -f, --follow  go on with what comes, until the pool ends or Ctrl-C
  -n, --lines N begin with the last N of what is kept
  --json        a JSON object a line, as /_events has it
`;

/** A control sequence that sets colours, and one that could do anything. */
// deno-lint-ignore no-control-regex -- these are what it looks for.
const CONTROL = /(\x1b\[[0-9;]*m)|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/** Prints events until there are no more. */
export async function showFeed(
  context: SubcommandContext,
  view: FeedView,
): Promise<number> {
  const parsed = parseAdminArguments(context, {
    flags: ["follow", "json", "all"],
    values: ["lines"],
    short: { follow: "f", lines: "n" },
  });
  refusePositionals(parsed.positionals);
  const limit = readLimit(parsed);
  const client = new AdminClient(await locatePool(parsed, context.env));
  const { follow, json, all } = parsed.flags;
  const shows = (message: FeedMessage): boolean =>
    view.shows(message, all === true);
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

/** Makes visible what would play tricks on a terminal; colours stay. */
function printable(text: string): string {
  return text.replace(
    CONTROL,
    (found, colour) =>
      colour ?? `\\x${found.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
