/**
 * `prefork-pool top`: the status of a pool, refreshed until somebody leaves.
 *
 * @module
 */

import { Alarm } from "../shared/alarm.ts";
import { AdminClient } from "./admin_client.ts";
import {
  ADMIN_OPTIONS_HELP,
  type AdminTarget,
  parseAdminArguments,
} from "./admin_options.ts";
import { locatePool } from "./locate.ts";
import { statusText } from "./status_text.ts";
import {
  CliError,
  refusePositionals,
  type Subcommand,
  type SubcommandContext,
} from "./subcommand.ts";

const HELP = `\
Usage: prefork-pool top [options]

Shows what a running pool does, refreshed every second. q and Ctrl-C leave.
Where the output is no terminal, it is printed once.

${ADMIN_OPTIONS_HELP}`;

/** Between two looks, in milliseconds. */
const REFRESH_MS = 1000;

/** A screen of our own, without a cursor: what was there before is there again afterwards. */
const ENTER_SCREEN = "\x1b[?1049h\x1b[?25l";
const LEAVE_SCREEN = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

/** What every terminal has. */
const DEFAULT_SIZE = { columns: 80, rows: 24 };

/** What leaves: q, and what Ctrl-C and Ctrl-D send while the terminal is raw. */
const LEAVING_KEYS: ReadonlySet<number> = new Set([0x71, 0x51, 3, 4]);

const LEAVING_SIGNALS: readonly Deno.Signal[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** `prefork-pool top`. */
export const top: Subcommand = { help: HELP, run };

/** Shows the figures until somebody leaves. */
async function run(context: SubcommandContext): Promise<number> {
  const parsed = parseAdminArguments(context);
  refusePositionals(parsed.positionals);
  const target = await locatePool(parsed, context.env);
  const client = new AdminClient(target);
  if (!Deno.stdout.isTerminal()) {
    context.print(statusText(await client.metrics(), target.url));
    return 0;
  }
  // Not before the pool has answered once: an error is better read on the
  // screen that stays.
  await client.metrics();
  await showUntilLeft(client, target);
  return 0;
}

async function showUntilLeft(
  client: AdminClient,
  target: AdminTarget,
): Promise<void> {
  const alarm = new Alarm();
  let left = false;
  const leave = (): void => {
    left = true;
    alarm.wake();
  };
  for (const signal of LEAVING_SIGNALS) Deno.addSignalListener(signal, leave);
  await write(ENTER_SCREEN);
  const raw = Deno.stdin.isTerminal();
  if (raw) {
    Deno.stdin.setRaw(true);
    readKeys(leave);
  }
  try {
    while (!left) {
      await write(frame(await lookAt(client, target)));
      await alarm.sleep(REFRESH_MS);
    }
  } finally {
    if (raw) Deno.stdin.setRaw(false);
    await write(LEAVE_SCREEN);
    for (const signal of LEAVING_SIGNALS) {
      Deno.removeSignalListener(signal, leave);
    }
  }
}

/** The figures, or why there are none: the pool may come back. */
async function lookAt(
  client: AdminClient,
  target: AdminTarget,
): Promise<string> {
  try {
    return statusText(await client.metrics(), target.url);
  } catch (error) {
    if (error instanceof CliError) return error.message;
    throw error;
  }
}

/** Writes over what is there, so that nothing flickers, and not beyond the screen. */
function frame(text: string): string {
  const size = Deno.consoleSize();
  // A terminal that was not told its size says 0.
  const columns = size.columns || DEFAULT_SIZE.columns;
  const rows = size.rows || DEFAULT_SIZE.rows;
  const lines = [...text.split("\n").slice(0, rows - 2), "", "q leaves"]
    .map((line) => line.slice(0, columns) + CLEAR_LINE);
  return HOME + lines.join("\n") + CLEAR_BELOW;
}

/** Calls `leave` when one of its keys is pressed. Ends with the process: nobody waits for a key. */
function readKeys(leave: () => void): void {
  const keys = new Uint8Array(16);
  const next = (count: number | null): void => {
    if (count === null || keys.subarray(0, count).some(isLeaving)) leave();
    else Deno.stdin.read(keys).then(next, leave);
  };
  Deno.stdin.read(keys).then(next, leave);
}

function isLeaving(key: number): boolean {
  return LEAVING_KEYS.has(key);
}

async function write(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    at += await Deno.stdout.write(bytes.subarray(at));
  }
}
