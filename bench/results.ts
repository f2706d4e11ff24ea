/**
 * What a run has measured.
 *
 * @module
 */

import type { Scenario } from "./scenarios.ts";

/** One measured run of a peer. Its own cost is `null` where there is no balancer. */
export interface Round {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
  readonly errors: number;
  /** User and system time together. */
  readonly cpuMicrosPerRequest: number | null;
  readonly userMicrosPerRequest: number | null;
  /** CPU time of the whole machine, load generator and workers included. */
  readonly machineMicrosPerRequest: number;
  /** Share of its core that the balancer used, 0 to 1. At 1 it was what limited the throughput. */
  readonly coreRatio: number | null;
  /** How long it was ready to run and somebody else had its core, as a share. Above a few percent the machine was not ours. */
  readonly waitRatio: number | null;
  readonly rssBytes: number | null;
}

/** What came of one peer in one scenario. */
export interface PeerResult {
  readonly peer: string;
  readonly rounds: readonly Round[];
  /** Why it was not measured, or `null`. */
  readonly fault: string | null;
}

/** What came of one scenario. */
export interface ScenarioResult {
  readonly scenario: Scenario;
  readonly peers: readonly PeerResult[];
}

/** What one peer holds in memory, each time when nothing had happened for a while. */
export interface MemoryResult {
  readonly peer: string;
  /** After its start. */
  readonly startedBytes: number;
  /** After load. */
  readonly loadedBytes: number;
  /** With idle connections of clients. */
  readonly openBytes: number;
  /** After these have closed. */
  readonly closedBytes: number;
  /** How many there were. */
  readonly connections: number;
  /** Why something is missing, or `null`. */
  readonly fault: string | null;
}

/** Everything of one run. */
export interface Results {
  readonly scenarios: readonly ScenarioResult[];
  readonly memory: readonly MemoryResult[];
}
