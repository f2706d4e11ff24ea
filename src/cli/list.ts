/**
 * `prefork-pool list`: the pools of this user on this machine.
 *
 * @module
 */

import type { MetricsSnapshot } from "../metrics/metrics_snapshot.ts";
import { endpointUrl, type PoolRecord } from "../registry/pool_record.ts";
import { listPools, RuntimeDirectoryError } from "../registry/pool_registry.ts";
import { durationText } from "../shared/duration.ts";
import { AdminClient } from "./admin_client.ts";
import {
  type CliOption,
  EXIT_CODES_HELP,
  HELP_OPTION,
  optionsHelp,
} from "./cli_option.ts";
import { tableText, UNKNOWN } from "./status_text.ts";
import {
  CliError,
  parseOwnArguments,
  type Subcommand,
  type SubcommandContext,
} from "./subcommand.ts";

/** Its own, but for what every subcommand accepts. */
const OPTIONS: readonly CliOption[] = [
  { name: "json", help: "an array of objects" },
];

const HELP = `\
Usage: prefork-pool list [--json]

Shows the pools of this user on this machine that have left a record: those
that were started with --allow-read and --allow-write, or -A. What a pool is
called is set by POOL_NAME.

${optionsHelp([...OPTIONS, HELP_OPTION])}
${EXIT_CODES_HELP}`;

/** A pool that hangs does not hold up the list of the others, in milliseconds. */
const LOOK_TIMEOUT_MS = 2000;

/** What is shown of a pool. The key of its record is nobody else's. */
interface ListedPool extends Omit<PoolRecord, "key" | "admin"> {
  readonly admin: string;
  /** `null` when the pool does not respond. */
  readonly state: string | null;
  readonly ready: number | null;
  readonly desired: number | null;
}

/** `prefork-pool list`. */
export const list: Subcommand = {
  help: HELP,
  options: [...OPTIONS, HELP_OPTION],
  run,
};

async function run(context: SubcommandContext): Promise<number> {
  const { json } = parseOwnArguments(context.args, OPTIONS);
  let records: readonly PoolRecord[];
  try {
    records = await listPools(context.env);
  } catch (error) {
    if (!(error instanceof RuntimeDirectoryError)) throw error;
    throw new CliError(`Cannot list the pools: ${error.message}.`);
  }
  const pools = await Promise.all(records.map(look));
  if (json) context.print(JSON.stringify(pools, null, 2));
  else context.print(pools.length === 0 ? NONE : listText(pools));
  return 0;
}

const NONE = "No pool of this user has left a record on this machine.";

async function look({ key, ...record }: PoolRecord): Promise<ListedPool> {
  const { admin: endpoint, instance } = record;
  const url = endpointUrl(endpoint);
  const client = new AdminClient({
    url,
    token: key,
    endpoint,
    expected: { instance },
  });
  const metrics = await figures(client);
  return {
    ...record,
    admin: url,
    state: metrics?.state ?? (record.stopping ? "draining" : null),
    ready: metrics?.pool.ready ?? null,
    desired: metrics?.pool.desired ?? null,
  };
}

async function figures(client: AdminClient): Promise<MetricsSnapshot | null> {
  try {
    return await client.metrics({ timeoutMs: LOOK_TIMEOUT_MS });
  } catch (error) {
    if (error instanceof CliError) return null;
    throw error;
  }
}

function listText(pools: readonly ListedPool[]): string {
  return tableText([
    ["PID", "NAME", "STATE", "READY", "UP", "URL"],
    ...pools.map((pool) => [
      `${pool.pid}`,
      pool.name ?? UNKNOWN,
      pool.state ?? "no response",
      pool.ready === null ? UNKNOWN : `${pool.ready}/${pool.desired}`,
      durationText((Date.now() - pool.startedAt) / 1000),
      pool.url,
    ]),
  ]);
}
