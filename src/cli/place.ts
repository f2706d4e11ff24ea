/**
 * Where a pool is that has the same environment as we have: the few settings
 * that say so, read as the pool reads them, and nothing else of its
 * configuration.
 *
 * @module
 */

import { remedyFor } from "../config/kinds.ts";
import {
  type Environment,
  environmentSource,
  fileSource,
  type Source,
  variablesFor,
} from "../config/read_variables.ts";
import { type SettingName, settingOf, variableOf } from "../config/settings.ts";
import type { AdminEndpoint, PlaceSettings } from "../registry/pool_record.ts";
import { socketPathOf } from "../shared/authority.ts";
import { CliError } from "./subcommand.ts";

/** Where a pool is that reads its settings where we read ours. */
export interface Place {
  /** With the defaults of what is not given. */
  readonly settings: PlaceSettings;
  /** Those that are given. */
  readonly given: ReadonlySet<keyof PlaceSettings>;
  readonly name: string | null;
  readonly token: string | null;
  readonly tls: boolean;
  readonly proxyProtocol: boolean;
  /** Why ENV_FILE could not be read, if so: it might say otherwise. */
  readonly unread: string | null;
}

/** Reads the settings that say where a pool is. @throws {CliError} When one cannot be used. */
export function readPlace(env: Environment): Place {
  const sources = [environmentSource(env)];
  const unread = addFile(sources);
  const host = readSetting<string>("host", sources);
  const port = readSetting<number>("port", sources);
  const adminHost = readSetting<string>("adminHost", sources);
  const adminPort = readSetting<number>("adminPort", sources);
  const found = { host, port, adminHost, adminPort };
  const given = (Object.keys(found) as (keyof PlaceSettings)[])
    .filter((name) => found[name] !== undefined);
  return {
    settings: {
      host: host ?? String(settingOf("host").default),
      port: port ?? Number(settingOf("port").default),
      adminHost: adminHost ?? String(settingOf("adminHost").default),
      adminPort: adminPort ?? null,
    },
    given: new Set(given),
    name: readSetting<string>("poolName", sources) ?? null,
    token: readSetting<string>("adminToken", sources) ?? null,
    tls: readSetting("serverCertPath", sources) !== undefined,
    proxyProtocol: readSetting("proxyProtocol", sources) === true,
    unread,
  };
}

/** How the admin pages of a pool with these settings are reached; `null` when the settings do not say. */
export function endpointOf(
  { settings, tls, proxyProtocol }: Place,
): AdminEndpoint | null {
  const { host, port, adminHost, adminPort } = settings;
  if (adminPort !== null) {
    if (adminPort === 0) return null;
    const plain = { tls: false, proxyProtocol: false };
    return { transport: "tcp", host: adminHost, port: adminPort, ...plain };
  }
  const path = socketPathOf(host);
  if (path !== null) return { transport: "unix", path, tls, proxyProtocol };
  if (port === 0) return null;
  return { transport: "tcp", host, port, tls, proxyProtocol };
}

/** Adds what ENV_FILE has; returns why that cannot be had. */
function addFile(sources: Source[]): string | null {
  const path = readSetting<string>("envFile", sources);
  if (path === undefined) return null;
  try {
    sources.push(fileSource(path).source);
    return null;
  } catch (error) {
    return `${variableOf("envFile")}=${path}: ${(error as Error).message}`;
  }
}

/** The value that counts for a setting; `undefined` when none is given. */
function readSetting<T>(
  name: SettingName,
  sources: readonly Source[],
): T | undefined {
  const { kind, secret } = settingOf(name);
  for (const { variable, text, place } of variablesFor(name, sources)) {
    const given = kind.read(text);
    const value = kind.check(given);
    if (value !== undefined) return value as T;
    const shown = secret ? variable : `${variable}=${text}`;
    const where = place === undefined ? "" : ` (${place})`;
    const remedy = remedyFor(kind, given);
    throw new CliError(`Cannot use ${shown}${where}: ${remedy}`, {
      usage: true,
    });
  }
  return undefined;
}
