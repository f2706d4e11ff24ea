/**
 * Leaves a record of the pool for the command line, where Deno lets us.
 *
 * Nothing depends on it: without, the subcommands find the pool by its
 * settings.
 *
 * @module
 */

import { resolve } from "node:path";
import type { Config } from "../config/config.ts";
import type { Environment } from "../config/load_config.ts";
import type { AdminEndpoint, PoolRecord } from "../registry/pool_record.ts";
import {
  NotPermittedError,
  registerPool,
  type Registration,
} from "../registry/pool_registry.ts";
import { Alarm } from "../shared/alarm.ts";
import type { Supervisor } from "./supervisor.ts";

/** How often is looked whether the record is still there, in milliseconds: it costs a system call. */
const LOOK_MS = 10_000;

/** The record of a pool that runs. */
export interface KeptRecord {
  /** Takes it away at once, and resolves when nobody looks after it any more. */
  remove(): Promise<void>;
}

/**
 * Writes the record, and sees to it that it stays; resolves to `null` when that
 * cannot be done.
 */
export async function register(
  supervisor: Supervisor,
  config: Config,
  env: Environment,
): Promise<KeptRecord | null> {
  try {
    const record = recordOf(supervisor, config);
    const registration = await registerPool(record, env);
    supervisor.events.subscribe((event) => {
      if (event.type !== "state-changed" || event.to !== "draining") return;
      try {
        registration.update({ ...record, stopping: true });
      } catch (error) {
        warn(supervisor, error);
      }
    });
    return keep(registration, (error) => warn(supervisor, error));
  } catch (error) {
    // Nobody expects a program to write files who does not let it.
    if (error instanceof NotPermittedError) return null;
    warn(supervisor, error);
    return null;
  }
}

/**
 * Writes a record again that is taken away by others.
 *
 * @param warn Told of what is in the way, and of the same once.
 */
export function keep(
  registration: Pick<Registration, "restore" | "remove">,
  warn: (error: unknown) => void,
  lookMs: number = LOOK_MS,
): KeptRecord {
  const alarm = new Alarm();
  let removed = false;
  const run = async (): Promise<void> => {
    let warned = false;
    for (;;) {
      await alarm.sleep(lookMs);
      if (removed) return;
      try {
        await registration.restore();
        warned = false;
      } catch (error) {
        if (!warned) warn(error);
        warned = true;
      }
    }
  };
  const loop = run();
  return {
    remove: async () => {
      removed = true;
      registration.remove();
      alarm.wake();
      await loop;
    },
  };
}

function warn({ events }: Supervisor, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  events.emit({
    type: "notice",
    level: "warning",
    message: `Cannot leave a record of this pool: ${reason}. ` +
      '"prefork-pool list" does not show it; other subcommands find it ' +
      "by its settings.",
  });
}

function recordOf(supervisor: Supervisor, config: Config): PoolRecord {
  const { id, pid, name, version } = supervisor.instance;
  const { host, port, adminHost, adminPort } = config;
  return {
    instance: id,
    pid,
    name,
    version,
    startedAt: Date.now(),
    settings: { host, port, adminHost, adminPort },
    url: supervisor.url,
    admin: absolute(supervisor.adminEndpoint),
    token: config.adminToken !== null,
    key: supervisor.adminKey,
    stopping: supervisor.stopAsked,
  };
}

/** Whoever reads it is in another directory. */
function absolute(endpoint: AdminEndpoint): AdminEndpoint {
  return endpoint.transport === "unix"
    ? { ...endpoint, path: resolve(endpoint.path) }
    : endpoint;
}
