/**
 * Finds the pool that is meant among those that run: by the records they have
 * left, where these can be read, and else by the settings alone.
 *
 * @module
 */

import {
  endpointUrl,
  type PlaceSettings,
  type PoolRecord,
} from "../registry/pool_record.ts";
import { listPools, RuntimeDirectoryError } from "../registry/pool_registry.ts";
import { socketPathOf } from "../shared/authority.ts";
import type { AdminArguments, AdminTarget } from "./admin_options.ts";
import { CliError, type SubcommandContext } from "./subcommand.ts";

/** The pools that have left a record; or why that is not known. */
type Running =
  | { readonly pools: readonly PoolRecord[]; readonly unknown: null }
  | { readonly pools: readonly []; readonly unknown: string };

/**
 * Says where the pool is that the arguments mean.
 *
 * @throws {CliError} When none is meant, or more than one.
 */
export async function locatePool(
  args: AdminArguments,
  env: SubcommandContext["env"],
): Promise<AdminTarget> {
  const running = await readRunning(env);
  const { selection } = args;
  if (selection.admin !== null) {
    const record = running.pools.find((pool) => isAt(pool, args));
    return record === undefined ? args : targetOf(record, args);
  }
  const chosen = choose(args, running);
  if (chosen !== null) return targetOf(chosen, args);
  // Only the settings are left to go by.
  if (args.url === "") {
    throw new CliError(
      `Cannot tell where the pool is: ${unsaidPort(args)}=0 is any port. ` +
        `${inOtherWords(running)}Name it with --pid, --name or --admin URL.`,
    );
  }
  const { pid, name, place } = selection;
  if (place.unread !== null) {
    // It may name another address than the one that is left without it.
    throw new CliError(
      `Cannot tell where the pool is: ${place.unread}. ` +
        `${inOtherWords(running)}Mend that, or name it with --admin URL.`,
    );
  }
  const others = othersLine(running);
  return {
    ...args,
    expected: {
      ...pid === null ? {} : { pid },
      ...name === null ? {} : { name },
    },
    ...others === null ? {} : { hint: others },
  };
}

/** The pools that can be seen. */
async function readRunning(env: SubcommandContext["env"]): Promise<Running> {
  try {
    return { pools: await listPools(env), unknown: null };
  } catch (error) {
    if (!(error instanceof RuntimeDirectoryError)) throw error;
    return { pools: [], unknown: error.message };
  }
}

/** The record of the pool that is meant; `null` when none is known to be. */
function choose(
  { selection }: AdminArguments,
  running: Running,
): PoolRecord | null {
  const { pid, name, explicit, place } = selection;
  const named = running.pools.filter((pool) =>
    (pid === null || pool.pid === pid) && (name === null || pool.name === name)
  );
  if (explicit || (name !== null && place.given.size === 0)) {
    if (named.length === 0 && running.unknown === null) {
      throw new CliError(
        `Cannot find a pool with ${
          pid === null ? `the name ${name}` : `process id ${pid}`
        }${pid !== null && name !== null ? ` and the name ${name}` : ""}.\n` +
          inOtherWords(running).trimEnd(),
      );
    }
    return onlyOne(named);
  }
  const exact = named.filter((pool) => isPlacedBy(pool, place.settings, null));
  if (exact.length > 0) return onlyOne(exact);
  if (place.given.size === 0) return null;
  return onlyOne(
    named.filter((pool) => isPlacedBy(pool, place.settings, place.given)),
  );
}

function onlyOne(pools: readonly PoolRecord[]): PoolRecord | null {
  if (pools.length <= 1) return pools[0] ?? null;
  throw new CliError(
    "Cannot tell which pool is meant: more than one fits.\n" +
      `${pools.map(describe).join("\n")}\nName it with --pid.`,
  );
}

/**
 * Whether a pool is where settings say, of which only the `given` count.
 * Ports may be those it was given, or those it has.
 */
function isPlacedBy(
  { settings, url, admin }: PoolRecord,
  wanted: PlaceSettings,
  given: ReadonlySet<keyof PlaceSettings> | null,
): boolean {
  const counts = (name: keyof PlaceSettings): boolean =>
    given === null || given.has(name);
  const onSocket = socketPathOf(settings.host) !== null;
  const sameHost = !counts("host") || settings.host === wanted.host ||
    (admin.transport === "unix" && socketPathOf(wanted.host) === admin.path);
  // A port means nothing to a pool on a unix socket, and not that one.
  const samePort = counts("host") && onSocket ||
    !counts("port") && !onSocket ||
    !onSocket && isPort(wanted.port, settings.port, portOf(url));
  const ownPort = admin.transport === "tcp" ? admin.port : null;
  const sameAdmin = !counts("adminPort") ||
    (wanted.adminPort === null
      ? settings.adminPort === null
      : settings.adminPort !== null &&
        isPort(wanted.adminPort, settings.adminPort, ownPort));
  const sameAdminHost = !counts("adminHost") ||
    settings.adminHost === wanted.adminHost;
  return sameHost && samePort && sameAdmin && sameAdminHost;
}

function isPort(
  wanted: number,
  configured: number,
  bound: number | null,
): boolean {
  return wanted === configured || (wanted !== 0 && wanted === bound);
}

function portOf(url: string): number | null {
  return URL.canParse(url) ? Number(new URL(url).port) || null : null;
}

/** Whether the admin pages of a pool are at the address that was given. */
function isAt({ admin }: PoolRecord, { endpoint }: AdminArguments): boolean {
  if (endpoint === null || endpoint === undefined) return false;
  if (admin.transport === "unix" || endpoint.transport === "unix") {
    return admin.transport === endpoint.transport &&
      "path" in admin && "path" in endpoint && admin.path === endpoint.path;
  }
  return admin.port === endpoint.port &&
    ["0.0.0.0", "::", endpoint.host].includes(admin.host);
}

function targetOf(record: PoolRecord, args: AdminArguments): AdminTarget {
  const { admin, key, instance } = record;
  return {
    url: endpointUrl(admin),
    // Not the token, which opens more than this run.
    token: key,
    endpoint: admin,
    expected: { instance },
    record,
    ...args.hint === undefined ? {} : { hint: args.hint },
  };
}

function unsaidPort({ selection }: AdminArguments): string {
  return selection.place.settings.adminPort === 0 ? "ADMIN_PORT" : "PORT";
}

/** What runs, for whoever has named something else; ends with a space or a line, where it says anything. */
function inOtherWords(running: Running): string {
  if (running.unknown !== null) {
    return `Its record cannot be read: ${running.unknown}. `;
  }
  if (running.pools.length === 0) return "No pool of yours has left a record. ";
  return `${othersLine(running)}\n`;
}

function othersLine({ pools }: Running): string | null {
  if (pools.length === 0) return null;
  return ["Running here:", ...pools.map(describe)].join("\n");
}

function describe({ pid, name, url }: PoolRecord): string {
  return `  --pid ${pid}${name === null ? "" : ` --name ${name}`}  ${url}`;
}
