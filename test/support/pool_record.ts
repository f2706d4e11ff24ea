/**
 * The record of a pool that was never run.
 *
 * @module
 */

import type { PoolRecord } from "../../src/registry/pool_record.ts";

/** A record with the defaults; what differs is given. */
export function poolRecord(record: Partial<PoolRecord> = {}): PoolRecord {
  return {
    instance: crypto.randomUUID(),
    pid: 4711,
    name: null,
    version: "0.0.0",
    startedAt: 1000,
    settings: {
      host: "0.0.0.0",
      port: 8080,
      adminHost: "127.0.0.1",
      adminPort: null,
    },
    url: "http://127.0.0.1:8080",
    admin: {
      transport: "tcp",
      host: "0.0.0.0",
      port: 8080,
      tls: false,
      proxyProtocol: false,
    },
    token: false,
    key: crypto.randomUUID(),
    stopping: false,
    ...record,
  };
}
