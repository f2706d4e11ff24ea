/**
 * From measured rounds to a table. Pure.
 *
 * @module
 */

import { aligned, figure, median } from "../support/figures.ts";
import type { Disturbed } from "../support/least_disturbed.ts";
import type { LoadResult } from "./load_result.ts";

/** What came of one peer at one load. */
export interface PeerResult {
  readonly peer: string;
  readonly rounds: readonly Disturbed<LoadResult>[];
}

/** What came of all peers with one application at one load. */
export interface TailResult {
  readonly application: string;
  /** Arrivals as a share of what the workers can do, in percent. */
  readonly percent: number;
  readonly rate: number;
  readonly seconds: number;
  readonly peers: readonly PeerResult[];
}

/**
 * Above this the generator, which shares the cores with the workers, was so
 * late that the tail is partly its own.
 */
const TOLERABLE_LAG_MS = 5;

const HEADINGS = [
  "peer",
  "200 %",
  "503 %",
  "failed %",
  "200/s",
  "p50 ms",
  "p95 ms",
  "p99 ms",
  "min - max of p99",
  "503 p50 ms",
  "503 p99 ms",
  "sent late, p99 ms",
  "others' CPU",
];

/** The table of one application at one load, one line a peer; medians of the rounds. */
export function table(result: TailResult): string {
  const { application, percent, rate, seconds, peers } = result;
  const heading = `${application}, ${percent} % of capacity: ${
    figure(rate, 0)
  } requests a second`;
  const rows = peers.map((peer) => row(peer, seconds));
  return [heading, ...aligned([HEADINGS, ...rows])].join("\n");
}

function row({ peer, rounds }: PeerResult, seconds: number): string[] {
  const middle = (of: (round: LoadResult) => number): number =>
    median(
      // A figure that could not be had is null in JSON.
      rounds.map(({ round }) => of(round) ?? NaN).filter(Number.isFinite),
    );
  const share = (of: (round: LoadResult) => number): string =>
    figure(middle((round) => 100 * of(round) / round.arrivals), 1);
  const p99s = rounds.map(({ round }) => round.latency.p99);
  const lag = middle((round) => round.lag.p99);
  return [
    peer,
    share((round) => round.succeeded),
    share((round) => round.rejected),
    share((round) => round.failed),
    figure(middle((round) => round.succeeded / seconds), 0),
    figure(middle(({ latency }) => latency.p50), 1),
    figure(middle(({ latency }) => latency.p95), 1),
    figure(median(p99s), 1),
    `${figure(Math.min(...p99s), 0)} - ${figure(Math.max(...p99s), 0)}`,
    figure(middle(({ rejection }) => rejection.p50), 2),
    figure(middle(({ rejection }) => rejection.p99), 2),
    figure(lag, 1),
    figure(100 * median(rounds.map(({ foreignCpu }) => foreignCpu)), 0, " %"),
    ...(lag > TOLERABLE_LAG_MS ? ["the generator was LATE"] : []),
  ];
}
