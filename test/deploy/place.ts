/**
 * A pool in a container on the host's network: where it is reached, and what it
 * says there.
 *
 * @module
 */

import assert from "node:assert/strict";
import { DEFAULT_DEADLINE_MS, eventually } from "../support/deadline.ts";
import { freePort } from "../support/free_port.ts";
import type { PoolMetrics } from "../support/pool_metrics.ts";

/** Where a container is reached, and what it is told of it. */
export interface Place {
  /** Where clients connect. */
  readonly port: number;
  /** URL of the admin pages. */
  readonly admin: string;
  /** The settings that say so. */
  readonly env: Readonly<Record<string, string>>;
}

/** On the host's network, where other tests are too. */
export function newPlace(): Place {
  const [port, adminPort] = [freePort(), freePort()];
  const env = {
    PORT: `${port}`,
    ADMIN_PORT: `${adminPort}`,
    ADMIN_HOST: "127.0.0.1",
    WORKER_PORT: "0",
    POOL_SIZE: "2",
    MAX_WORKERS: "2",
    LOG_FORMAT: "json",
  };
  return { port, admin: `http://127.0.0.1:${adminPort}`, env };
}

/** The text of a response that must be 200. */
export async function textOf(
  url: string,
  init: RequestInit = {},
): Promise<string> {
  const signal = AbortSignal.timeout(DEFAULT_DEADLINE_MS);
  const response = await fetch(url, { ...init, signal });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return text;
}

/** What the pool says of itself. */
export async function metricsOf({ admin }: Place): Promise<PoolMetrics> {
  return JSON.parse(await textOf(`${admin}/_metrics`));
}

/** Resolves when all workers are ready, and the pool serves. */
export async function untilServing(place: Place): Promise<void> {
  await eventually(async () => {
    const { state, pool } = await metricsOf(place);
    assert.deepEqual([state, pool.ready], ["serving", 2]);
  });
}

/** Resolves when workers have been replaced. */
export async function untilReplaced(place: Place): Promise<PoolMetrics> {
  return await eventually(async () => {
    const metrics = await metricsOf(place);
    assert.ok(metrics.pool.restarts > 0, "nothing was replaced");
    assert.equal(metrics.pool.ready, 2);
    return metrics;
  });
}
