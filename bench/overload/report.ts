/**
 * From measured rounds to tables. Pure.
 *
 * @module
 */

import { aligned, figure, median } from "../support/figures.ts";
import type { Disturbed } from "../support/least_disturbed.ts";
import type { LoadResult } from "../tail/load_result.ts";
import type { FloodResult } from "./flood_result.ts";

/** Resident memory of the balancer, in bytes. */
export interface Memory {
  readonly beforeBytes: number;
  readonly peakBytes: number;
  readonly afterBytes: number;
}

/** One round at twice the capacity. */
export interface OverloadRound extends Memory {
  /** What the clients get through the peer when they wait for their answers, requests a second. */
  readonly capacity: number;
  readonly seconds: number;
  readonly load: LoadResult;
}

/** One flood. */
export interface FloodRound extends Memory {
  readonly flood: FloodResult;
}

/** What came of one peer. */
export interface PeerResult<Round> {
  readonly peer: string;
  readonly rounds: readonly Disturbed<Round>[];
}

const MEBIBYTE = 1024 * 1024;

const LAST_HEADINGS = ["RSS before", "peak", "after MiB", "others' CPU"];

/** The table of the loads at twice the capacity; medians of the rounds. */
export function overloadTable(
  results: readonly PeerResult<OverloadRound>[],
): string {
  const headings = [
    "overload",
    "capacity/s",
    "200/s",
    "of capacity",
    "200 %",
    "503 %",
    "failed %",
    "p50 ms",
    "p99 ms",
    "503 p50 ms",
    "503 p99 ms",
    "sent late, p99 ms",
    ...LAST_HEADINGS,
  ];
  const rows = results.map(({ peer, rounds }) => {
    const middle = middleOf(rounds);
    const share = (of: (load: LoadResult) => number): string =>
      figure(middle(({ load }) => 100 * of(load) / load.arrivals), 1);
    const goodput = ({ load, seconds }: OverloadRound): number =>
      load.succeeded / seconds;
    return [
      peer,
      figure(middle(({ capacity }) => capacity), 0),
      figure(middle(goodput), 0),
      figure(100 * middle((round) => goodput(round) / round.capacity), 0, " %"),
      share(({ succeeded }) => succeeded),
      share(({ rejected }) => rejected),
      share(({ failed }) => failed),
      figure(middle(({ load }) => load.latency.p50), 1),
      figure(middle(({ load }) => load.latency.p99), 1),
      figure(middle(({ load }) => load.rejection.p50), 2),
      figure(middle(({ load }) => load.rejection.p99), 2),
      figure(middle(({ load }) => load.lag.p99), 1),
      ...memory(rounds),
    ];
  });
  return aligned([headings, ...rows]).join("\n");
}

/** The table of the floods; medians of the rounds. */
export function floodTable(
  results: readonly PeerResult<FloodRound>[],
): string {
  const headings = [
    "flood",
    "connections",
    "200",
    "503",
    "failed",
    "half answered by ms",
    "99 %",
    "all",
    ...LAST_HEADINGS,
  ];
  const rows = results.map(({ peer, rounds }) => {
    const middle = middleOf(rounds);
    return [
      peer,
      figure(middle(({ flood }) => flood.clients), 0),
      figure(middle(({ flood }) => flood.succeeded), 0),
      figure(middle(({ flood }) => flood.rejected), 0),
      figure(middle(({ flood }) => flood.failed), 0),
      figure(middle(({ flood }) => flood.answered.p50), 0),
      figure(middle(({ flood }) => flood.answered.p99), 0),
      figure(middle(({ flood }) => flood.answered.max), 0),
      ...memory(rounds),
    ];
  });
  return aligned([headings, ...rows]).join("\n");
}

/** The last columns of both tables. */
function memory(rounds: readonly Disturbed<Memory>[]): string[] {
  const middle = middleOf(rounds);
  return [
    figure(middle(({ beforeBytes }) => beforeBytes / MEBIBYTE), 0),
    figure(middle(({ peakBytes }) => peakBytes / MEBIBYTE), 0),
    figure(middle(({ afterBytes }) => afterBytes / MEBIBYTE), 0),
    figure(100 * median(rounds.map(({ foreignCpu }) => foreignCpu)), 0, " %"),
  ];
}

function middleOf<Round>(
  rounds: readonly Disturbed<Round>[],
): (of: (round: Round) => number | null) => number {
  // A figure that could not be had is null in JSON.
  return (of) => median(rounds.map(({ round }) => of(round) ?? NaN));
}
