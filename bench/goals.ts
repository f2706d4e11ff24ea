/**
 * What this project wants to reach, and whether a run has shown it. Pure.
 *
 * @module
 */

import type { MemoryResult, Results, Round } from "./results.ts";
import { median } from "./support/figures.ts";

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;

const OURS = "prefork-pool";

/** The figure of one peer, once for each round; empty when it was not measured. */
type Source = (results: Results, peer: string) => readonly number[];

/** One figure and its limit, which is `most` or `least`. */
export interface Goal {
  readonly what: string;
  readonly source: Source;
  /** Digits after the point in tables. */
  readonly digits: number;
  /** The peer of whose figure the limit is a multiple, or `null` when it is the figure itself. */
  readonly against: string | null;
  readonly most?: number;
  readonly least?: number;
}

/** A goal held against a run. */
export interface Judgement {
  readonly goal: Goal;
  /** The figure of a peer, once for each round. */
  readonly of: (peer: string) => readonly number[];
  /** What is limited, once for each round. */
  readonly values: readonly number[];
  /** Whether their median is within the limit. */
  readonly met: boolean;
}

/** Every goal, in the order of the table. */
export const GOALS: readonly Goal[] = [
  ...["small", "browser", "10k", "chunked"].flatMap((scenario) => [
    { ...cpu(scenario), against: "haproxy", most: 1.0 },
    { ...cpu(scenario), against: "nginx", most: 1.1 },
    { ...machine(scenario), against: "haproxy", most: 1.0 },
  ]),
  { ...cpu("1m"), against: "haproxy", most: 0.6 },
  { ...cpu("upload"), against: "haproxy", most: 0.6 },
  { ...cpu("connect"), against: "haproxy", most: 1.25 },
  { ...percentile("latency", "p50"), against: "haproxy", most: 1.1 },
  { ...percentile("latency", "p99"), against: "haproxy", most: 1.1 },
  { ...percentile("saturation", "p99"), against: "haproxy", most: 1.1 },
  { ...throughput(), against: "haproxy", least: 1.0 },
  { ...throughput(), against: "deno-serve", least: 4 },
  { ...throughput(), against: "caddy", least: 3 },
  { ...growth("workers", "64 workers, x 4"), against: null, most: 1.1 },
  { ...growth("clients", "5,000 clients, x 32"), against: null, most: 1.3 },
  {
    ...memory(
      "RSS after the start, MiB",
      ({ startedBytes }) => startedBytes / MEBIBYTE,
    ),
    against: null,
    most: 75,
  },
  {
    ...memory(
      "idle connection, KiB",
      ({ openBytes, loadedBytes, connections }) =>
        (openBytes - loadedBytes) / connections / KIBIBYTE,
    ),
    against: null,
    most: 2,
  },
  {
    ...memory(
      "RSS after they close, x start",
      (result) => result.closedBytes / result.startedBytes,
    ),
    against: null,
    most: 1.2,
  },
];

/** Holds `goal` against a run; `null` when that has not measured it. */
export function judge(goal: Goal, results: Results): Judgement | null {
  const { source, against, most = Infinity, least = -Infinity } = goal;
  const of = (peer: string): readonly number[] => source(results, peer);
  // Round by round: what disturbs one of them disturbs its neighbours.
  const values = against === null ? of(OURS) : quotients(of(OURS), of(against));
  if (values.length === 0) return null;
  const value = median(values);
  return { goal, of, values, met: value <= most && value >= least };
}

type Figure = Pick<Goal, "what" | "source" | "digits">;

function cpu(scenario: string): Figure {
  return {
    what: `${scenario}, CPU µs`,
    digits: 1,
    source: (results, peer) => cpuMicros(results, scenario, peer),
  };
}

/** Load generator and workers included: a balancer can look cheap by making work for others. */
function machine(scenario: string): Figure {
  return {
    what: `${scenario}, machine µs`,
    digits: 1,
    source: (results, peer) =>
      roundsOf(results, scenario, peer)
        .map(({ machineMicrosPerRequest }) => machineMicrosPerRequest),
  };
}

function throughput(): Figure {
  return {
    what: "saturation, requests a second",
    digits: 0,
    source: (results, peer) =>
      roundsOf(results, "saturation", peer)
        .map(({ requestsPerSecond }) => requestsPerSecond),
  };
}

function percentile(scenario: string, name: "p50" | "p99"): Figure {
  return {
    what: `${scenario}, ${name} µs`,
    digits: 0,
    source: (results, peer) =>
      roundsOf(results, scenario, peer).map((round) => round[`${name}Micros`]),
  };
}

/** CPU per request of a variant as a multiple of what it is a variant of. */
function growth(variant: string, what: string): Figure {
  return {
    what: `${what}, CPU`,
    digits: 2,
    source: (results, peer) =>
      quotients(
        cpuMicros(results, variant, peer),
        cpuMicros(results, "saturation", peer),
      ),
  };
}

function memory(what: string, of: (result: MemoryResult) => number): Figure {
  return {
    what,
    digits: 2,
    source: (results, peer) =>
      results.memory
        .filter((result) => result.peer === peer)
        .map(of)
        .filter((value) => Number.isFinite(value)),
  };
}

function cpuMicros(results: Results, scenario: string, peer: string): number[] {
  return roundsOf(results, scenario, peer)
    .flatMap(({ cpuMicrosPerRequest }) => cpuMicrosPerRequest ?? []);
}

function roundsOf(
  { scenarios }: Results,
  name: string,
  peer: string,
): readonly Round[] {
  return scenarios.find(({ scenario }) => scenario.name === name)
    ?.peers.find((result) => result.peer === peer)?.rounds ?? [];
}

/** Each of one list by the same of the other. */
function quotients(
  dividends: readonly number[],
  divisors: readonly number[],
): number[] {
  return dividends.flatMap((dividend, index) => {
    const divisor = divisors[index];
    return divisor === undefined ? [] : [dividend / divisor];
  });
}
