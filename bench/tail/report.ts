/**
 * From measured rounds to a table. Pure.
 *
 * @module
 */

import { aligned, figure, median } from "../support/figures.ts";
import type { Disturbed } from "../support/least_disturbed.ts";
import type { Table } from "../support/table.ts";
import type { LoadResult } from "./load_result.ts";

/** What came of one round. */
export interface TailRound extends LoadResult {
  /** CPU time that the peer and its workers used, in milliseconds. */
  readonly cpuMs?: number;
  /** Requests in flight for each worker beyond which others waited at the end, where the peer finds that out by itself. */
  readonly limit?: number | undefined;
}

/** What came of one peer at one load. */
export interface PeerResult {
  readonly peer: string;
  readonly rounds: readonly Disturbed<TailRound>[];
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

/** From here on it is said that not all got 200. */
const ALL_PERCENT = 99.95;

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
  "CPU ms",
  "limit",
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
  const middle = (of: (round: TailRound) => number): number =>
    middleOf(rounds, of);
  const share = (of: (round: TailRound) => number): string =>
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
    figure(middle(({ cpuMs = NaN, succeeded }) => cpuMs / succeeded), 2),
    figure(rounds.at(-1)?.round.limit ?? NaN, 0),
    figure(100 * median(rounds.map(({ foreignCpu }) => foreignCpu)), 0, " %"),
    ...(lag > TOLERABLE_LAG_MS ? ["the generator was LATE"] : []),
  ];
}

/**
 * All peers by all applications, a table for each load: p50 / p99 in
 * milliseconds, and how many percent got 200 where not all did; in brackets the
 * limit that a peer had found at the end.
 */
export function summaries(results: readonly TailResult[]): readonly Table[] {
  const percents = [...new Set(results.map(({ percent }) => percent))];
  return percents.map((percent) => {
    const columns = results.filter((result) => result.percent === percent);
    const peers = new Set(
      columns.flatMap((result) => result.peers.map(({ peer }) => peer)),
    );
    return {
      title: `p50 / p99 at ${percent} %, in milliseconds`,
      rows: [
        ["peer", ...columns.map(({ application }) => application)],
        ...[...peers].map((name) => [
          name,
          ...columns.map((result) => summary(result, name)),
        ]),
      ],
    };
  });
}

function summary({ peers }: TailResult, name: string): string {
  const rounds = peers.find(({ peer }) => peer === name)?.rounds;
  if (rounds === undefined) return "-";
  const p50 = middleOf(rounds, ({ latency }) => latency.p50);
  const p99 = middleOf(rounds, ({ latency }) => latency.p99);
  const share = middleOf(
    rounds,
    ({ succeeded, arrivals }) => 100 * succeeded / arrivals,
  );
  const limit = rounds.at(-1)?.round.limit;
  return `${figure(p50, 1)} / ${figure(p99, 1)}` +
    (share > ALL_PERCENT ? "" : `, ${figure(share, 1)} %`) +
    (limit === undefined ? "" : ` [${limit}]`);
}

/** The median of the rounds; a figure that could not be had is null in JSON. */
function middleOf(
  rounds: PeerResult["rounds"],
  of: (round: TailRound) => number,
): number {
  return median(
    rounds.map(({ round }) => of(round) ?? NaN).filter(Number.isFinite),
  );
}
