/**
 * A pool whose admin pages are where users may have them: on the public port,
 * or on one of their own.
 *
 * @module
 */

import {
  type PoolProcess,
  startPool,
  type StartPoolOptions,
} from "./pool_process.ts";

/** One that a test gives its pool as ADMIN_TOKEN. */
export const TOKEN = "correct-horse-battery-staple";

/** What a proxy in front adds: who asks is elsewhere. */
export const FORWARDED = "X-Forwarded-For: 203.0.113.9";

/** The setting that says where the pages are. */
export type AdminPlace = "PORT" | "ADMIN_PORT";

/** Starts a pool, and tells the port of its pages. */
export async function startPoolWithPages(
  place: AdminPlace,
  options: StartPoolOptions = {},
): Promise<PoolWithPages> {
  if (place === "PORT") {
    const pool = await startPool(options);
    return new PoolWithPages(pool, pool.port);
  }
  const env = { ...options.env, ADMIN_PORT: "0" };
  const pool = await startPool({ ...options, env });
  const { port } = await pool.waitForEvent("listening", {
    where: ({ role }) => role === "admin",
  });
  return new PoolWithPages(pool, port);
}

/** A pool and its pages. */
export class PoolWithPages implements AsyncDisposable {
  readonly pool: PoolProcess;
  /** Where the pages are. */
  readonly port: number;

  /** Takes over the pool. */
  constructor(pool: PoolProcess, port: number) {
    this.pool = pool;
    this.port = port;
  }

  /** Where the pages are, without a slash at the end. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Sends a command, as JSON. */
  command(path: string, body: unknown = {}): Promise<Response> {
    return fetch(this.url + path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  /** As {@linkcode PoolProcess}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.pool[Symbol.asyncDispose]();
  }
}
