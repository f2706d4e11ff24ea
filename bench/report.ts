/**
 * From measured rounds to a table. Pure.
 *
 * @module
 */

import type { Scenario } from "./scenarios.ts";
import { aligned, figure, median } from "./support/figures.ts";

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
  /** Share of its core that the balancer used, 0 to 1. At 1 it was what limited the throughput. */
  readonly coreRatio: number | null;
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

/** The peers that all others are given as a ratio of. */
const REFERENCES = ["haproxy", "nginx"] as const;

const MEBIBYTE = 1024 * 1024;

const HEADINGS = [
  "peer",
  "CPU µs/req",
  "min - max",
  ...REFERENCES.map((name) => `x ${name}`),
  "req/s",
  "core",
  "p50 µs",
  "p99 µs",
  "RSS MiB",
];

/** The table of one scenario, one line a peer. */
export function table({ scenario, peers }: ScenarioResult): string {
  const cpus = new Map(
    peers.map(({ peer, rounds }) => [peer, cpuMicros(rounds)]),
  );
  const rows = peers.map((result) => row(result, cpus));
  const { name, description, connections } = scenario;
  const clients = connections === 1 ? "one client" : `${connections} clients`;
  const heading = `${name}: ${description}, ${clients}`;
  const lines = [heading, ...aligned([HEADINGS, ...rows])];
  if (connections === 1) lines.push(...addedLatency(peers));
  return lines.join("\n");
}

function row(
  { peer, rounds, fault }: PeerResult,
  cpus: ReadonlyMap<string, readonly number[]>,
): string[] {
  if (fault !== null) return [peer, `not measured: ${fault}`];
  const cpu = cpus.get(peer) ?? [];
  const errors = rounds.reduce((sum, round) => sum + round.errors, 0);
  const middle = (of: (round: Round) => number | null): number =>
    median(rounds.map((round) => of(round) ?? NaN));
  return [
    peer,
    figure(median(cpu), 1),
    cpu.length === 0
      ? "-"
      : `${figure(Math.min(...cpu), 1)} - ${figure(Math.max(...cpu), 1)}`,
    ...REFERENCES.map((name) =>
      figure(median(cpu) / median(cpus.get(name) ?? []), 2)
    ),
    figure(middle((round) => round.requestsPerSecond), 0),
    figure(100 * middle((round) => round.coreRatio), 0, " %"),
    figure(middle((round) => round.p50Micros), 0),
    figure(middle((round) => round.p99Micros), 0),
    figure(middle((round) => round.rssBytes) / MEBIBYTE, 1),
    ...(errors > 0 ? [`${errors} requests FAILED`] : []),
  ];
}

/** With one client a percentile less that without a balancer is what the balancer adds. */
function addedLatency(peers: readonly PeerResult[]): string[] {
  const direct = peers.find(({ peer }) => peer === "direct");
  if (direct === undefined) return [];
  const rows = peers
    .filter(({ peer, rounds }) => peer !== "direct" && rounds.length > 0)
    .map(({ peer, rounds }) => [
      peer,
      ...(["p50Micros", "p99Micros"] as const).map((key) =>
        figure(
          median(rounds.map((round) => round[key])) -
            median(direct.rounds.map((round) => round[key])),
          0,
        )
      ),
    ]);
  return aligned([["added to direct", "p50 µs", "p99 µs"], ...rows]);
}

function cpuMicros(rounds: readonly Round[]): number[] {
  return rounds.flatMap(({ cpuMicrosPerRequest }) => cpuMicrosPerRequest ?? []);
}
