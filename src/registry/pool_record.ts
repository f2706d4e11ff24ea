/**
 * What a pool leaves behind for the command line: where it can be reached, and
 * how it is told from others. Pure.
 *
 * @module
 */

import { reachableAuthority } from "../shared/authority.ts";

/** How the admin pages of a pool are reached. */
export type AdminEndpoint =
  & (
    | {
      readonly transport: "tcp";
      readonly host: string;
      readonly port: number;
    }
    | { readonly transport: "unix"; readonly path: string }
  )
  & {
    readonly tls: boolean;
    /** Whether each connection begins with a PROXY header. */
    readonly proxyProtocol: boolean;
  };

/** The settings by which a pool is found again by those who have the same. */
export interface PlaceSettings {
  readonly host: string;
  readonly port: number;
  readonly adminHost: string;
  readonly adminPort: number | null;
}

/** One pool that runs. */
export interface PoolRecord {
  /** Which run of which pool: no other ever has the same. */
  readonly instance: string;
  readonly pid: number;
  /** POOL_NAME, or `null`. */
  readonly name: string | null;
  /** The version of the program. */
  readonly version: string;
  /** When it was started, in milliseconds since the Unix epoch. */
  readonly startedAt: number;
  /** As the pool was given them. */
  readonly settings: PlaceSettings;
  /** Where clients connect: `http://127.0.0.1:8080`, `unix:/path`. */
  readonly url: string;
  readonly admin: AdminEndpoint;
  /** Whether the pool has a token (which is not in here). */
  readonly token: boolean;
  /**
   * Opens the admin pages of this run, to whoever may read this: where the
   * pool cannot see who calls, behind a PROXY header or on a unix socket.
   */
  readonly key: string;
  /** Whether it has been asked to stop: it may listen no more. */
  readonly stopping: boolean;
}

/** How an endpoint is written, without a slash at the end; `0.0.0.0` and `::` as the loopback address, so that it can be opened. */
export function endpointUrl(endpoint: AdminEndpoint): string {
  if (endpoint.transport === "unix") return `unix:${endpoint.path}`;
  const { host, port, tls } = endpoint;
  return `${tls ? "https" : "http"}://${
    reachableAuthority({ hostname: host, port })
  }`;
}

/** Writes a record as the text of a file. */
export function formatRecord(record: PoolRecord): string {
  return JSON.stringify(record, null, 2) + "\n";
}

/** Reads the text of a file; `null` when that is no record of ours. */
export function parseRecord(text: string): PoolRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Not ours, or cut short by a full disk.
    return null;
  }
  return isRecord(value) ? value : null;
}

/** Any object, asked for what a record has. */
type Shape = Readonly<
  Partial<
    Record<
      | keyof PoolRecord
      | keyof PlaceSettings
      | keyof Extract<AdminEndpoint, { readonly transport: "tcp" }>
      | keyof Extract<AdminEndpoint, { readonly transport: "unix" }>,
      unknown
    >
  >
>;

function isRecord(value: unknown): value is PoolRecord {
  return isShape(value) && isText(value.instance) &&
    Number.isInteger(value.pid) && isTextOrNull(value.name) &&
    isText(value.version) && Number.isFinite(value.startedAt) &&
    isText(value.url) && isText(value.key) &&
    typeof value.token === "boolean" &&
    typeof value.stopping === "boolean" && isEndpoint(value.admin) &&
    isPlace(value.settings);
}

function isEndpoint(value: unknown): value is AdminEndpoint {
  return isShape(value) && typeof value.tls === "boolean" &&
    typeof value.proxyProtocol === "boolean" &&
    (value.transport === "unix"
      ? isText(value.path)
      : value.transport === "tcp" && isText(value.host) &&
        Number.isInteger(value.port));
}

function isPlace(value: unknown): value is PlaceSettings {
  return isShape(value) && isText(value.host) && isText(value.adminHost) &&
    Number.isInteger(value.port) &&
    (value.adminPort === null || Number.isInteger(value.adminPort));
}

function isShape(value: unknown): value is Shape {
  return typeof value === "object" && value !== null;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || isText(value);
}
