/**
 * `prefork-pool stop`: a graceful end.
 *
 * @module
 */

import type { PoolRecord } from "../registry/pool_record.ts";
import { isRunning } from "../registry/pool_registry.ts";
import { AdminClient } from "./admin_client.ts";
import {
  ADMIN_OPTIONS,
  ADMIN_OPTIONS_HELP,
  type AdminTarget,
  parseAdminArguments,
} from "./admin_options.ts";
import { type CliOption, optionsHelp } from "./cli_option.ts";
import { locatePool } from "./locate.ts";
import {
  CliError,
  refusePositionals,
  type Subcommand,
  type SubcommandContext,
} from "./subcommand.ts";

/** Longest wait, in seconds: more than the 30 s of DRAIN_TIMEOUT_MS by default. */
const DEFAULT_TIMEOUT_S = 60;

const OPTIONS: readonly CliOption[] = [
  {
    name: "timeout",
    value: "S",
    help: `how long to wait; the pool goes on ending [${DEFAULT_TIMEOUT_S}]`,
  },
  { name: "no-wait", help: "do not wait" },
];

const HELP = `\
Usage: prefork-pool stop [options]

Ends a pool as SIGTERM does: it accepts no more, lets requests in flight end
(DRAIN_TIMEOUT_MS), and ends its workers. Waits until it has ended. One that
is stopping already is only waited for; another SIGTERM ends it at once.

${optionsHelp(OPTIONS)}
${ADMIN_OPTIONS_HELP}`;

/** Between two looks, in milliseconds. */
const LOOK_MS = 100;

/** `prefork-pool stop`. */
export const stop: Subcommand = {
  help: HELP,
  options: [...OPTIONS, ...ADMIN_OPTIONS],
  run,
};

async function run(context: SubcommandContext): Promise<number> {
  const parsed = parseAdminArguments(context, OPTIONS);
  refusePositionals(parsed.positionals);
  const timeoutMs = readTimeout(parsed.values.timeout) * 1000;
  const target = await locatePool(parsed, context.env);
  const { record } = target;
  const pid = await ask(target);
  const who = `pool ${record?.name ?? ""}`.trimEnd() + ` (pid ${pid})`;
  if (parsed.flags["no-wait"]) {
    context.print(`The ${who} is asked to stop.`);
    return 0;
  }
  const ended = record === undefined
    ? (): Promise<boolean> => isSilent(target)
    : async (): Promise<boolean> => !await isRunning(record, context.env);
  const deadline = performance.now() + timeoutMs;
  while (!await ended()) {
    if (performance.now() > deadline) {
      throw new CliError(
        `Cannot see the end of the ${who} within ${timeoutMs / 1000} s: ` +
          "requests in flight may hold it up for DRAIN_TIMEOUT_MS. It ends " +
          "by itself; a longer --timeout waits for it.",
      );
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  context.print(
    record === undefined
      ? `The ${who} accepts no more requests, and ends when those in flight have.`
      : `The ${who} has stopped.`,
  );
  return 0;
}

/** Asks it to stop, and resolves to its process id. */
async function ask(target: AdminTarget): Promise<number> {
  // The record's lock is held: the process with this id is the pool. A signal
  // reaches one that serves nothing, too; a second one would end it at once.
  const { record } = target;
  if (record !== undefined && (record.stopping || signal(record))) {
    return record.pid;
  }
  return (await new AdminClient(target).stop()).pid;
}

/** Whether the signal was sent. */
function signal({ pid }: PoolRecord): boolean {
  try {
    Deno.kill(pid, "SIGTERM");
    return true;
  } catch (error) {
    // Not ours to signal, or not permitted: then it has to be asked.
    if (
      error instanceof Deno.errors.PermissionDenied ||
      error instanceof Deno.errors.NotCapable
    ) return false;
    // It has ended in the meantime.
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}

/** Whether nobody responds any more where the pool was. */
async function isSilent(target: AdminTarget): Promise<boolean> {
  try {
    await new AdminClient(target).statusOf("/_health");
    return false;
  } catch (error) {
    if (error instanceof CliError) return true;
    throw error;
  }
}

function readTimeout(text: string | undefined): number {
  if (text === undefined) return DEFAULT_TIMEOUT_S;
  if (/^[0-9]{1,6}$/.test(text)) return Number(text);
  throw new CliError(`Cannot use --timeout ${text}: give seconds`, {
    usage: true,
  });
}
