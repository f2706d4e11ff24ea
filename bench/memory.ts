/**
 * What a balancer holds in memory: after its start, after load, with idle
 * connections of clients, and after these have closed.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { RunningPeer } from "./measure.ts";
import type { Peer } from "./peers/peer.ts";
import type { MemoryResult } from "./results.ts";
import { type Scenario, SCENARIOS } from "./scenarios.ts";
import { type Stand, Stands } from "./stands.ts";
import { LOAD_CORE, pinned } from "./support/cores.ts";
import { messageOf } from "./support/options.ts";
import { descriptorCount, rssBytes } from "./support/proc_stat.ts";
import { Processes } from "./support/processes.ts";
import { waitFor } from "./support/wait_for.ts";
import { runWrk } from "./support/wrk.ts";
import { findFault } from "./verify.ts";

/** How long nothing is done before the memory is looked at: what collects when it is quiet waits for some seconds. */
const SETTLE_MS = 8_000;

/** The same after the connections have closed. Nobody is in a hurry to give memory back. */
const CLOSED_SETTLE_MS = 15_000;

/** Longest that opening all connections may take. */
const OPEN_TIMEOUT_MS = 60_000;

/** The load after which a balancer is as large as it is in use. */
const LOAD: Scenario = SCENARIOS.find(({ name }) => name === "small")!;

/** What is looked at. */
export interface MemoryOptions {
  readonly stand: Stand;
  readonly connections: number;
  /** Length of the load. */
  readonly seconds: number;
  readonly directory: string;
  readonly signal: AbortSignal;
}

/** Looks at each peer by itself, each freshly started. */
export async function measureMemory(
  peers: readonly Peer[],
  options: MemoryOptions,
): Promise<MemoryResult[]> {
  const results: MemoryResult[] = [];
  for (const peer of peers) {
    await using stands = new Stands({ ...options, peers: [peer] });
    const running = (await stands.provide([options.stand])).get(options.stand)!;
    // Without a balancer there is nothing to look at.
    if (running[0]!.started.pids().length === 0) continue;
    results.push(await measureOne(running[0]!, options));
  }
  return results;
}

async function measureOne(
  { peer, started }: RunningPeer,
  { connections, seconds, signal }: MemoryOptions,
): Promise<MemoryResult> {
  const { port } = started;
  const settledRss = async (ms = SETTLE_MS): Promise<number> => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    signal.throwIfAborted();
    return rssBytes(started.pids());
  };
  let result: MemoryResult = {
    peer: peer.name,
    connections,
    startedBytes: await settledRss(),
    loadedBytes: NaN,
    openBytes: NaN,
    closedBytes: NaN,
    fault: await findFault(peer, started, LOAD),
  };
  if (result.fault !== null) return result;
  await runWrk(LOAD, { port, seconds, signal });
  result = { ...result, loadedBytes: await settledRss() };
  await using clients = new Processes();
  try {
    await openIdle(port, connections, clients);
  } catch (error) {
    return { ...result, fault: messageOf(error) };
  }
  result = { ...result, openBytes: await settledRss() };
  const descriptors = descriptorCount(started.pids());
  if (descriptors < connections) {
    const fault = `it has closed idle connections: ${descriptors} are open`;
    return { ...result, openBytes: NaN, fault };
  }
  await clients[Symbol.asyncDispose]();
  return { ...result, closedBytes: await settledRss(CLOSED_SETTLE_MS) };
}

/** Returns when all clients have had an answer. */
async function openIdle(
  port: number,
  count: number,
  processes: Processes,
): Promise<void> {
  const main = fileURLToPath(
    new URL("support/idle_clients_main.ts", import.meta.url),
  );
  const clients = processes.start(
    pinned(LOAD_CORE, [
      Deno.execPath(),
      "run",
      "-A",
      main,
      String(port),
      String(count),
    ]),
  );
  await waitFor(
    () => clients.output.includes("open") || clients.ended,
    () => `${count} connections to open. ${clients.output.trim()}`,
    OPEN_TIMEOUT_MS,
  );
  if (clients.ended) {
    throw new Error(`clients cannot stay connected: ${clients.output.trim()}`);
  }
}
