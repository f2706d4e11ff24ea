/**
 * The columns of `top`: what each shows, and by what it sorts. Pure.
 *
 * @module
 */

import type { WorkerMetrics } from "../../metrics/metrics_snapshot.ts";
import { durationText } from "../../shared/duration.ts";
import { MIB, stateText, tenths, UNKNOWN } from "../status_text.ts";
import type { WorkerHistory } from "./history.ts";
import type { Style } from "./styled_line.ts";

/** A worker, and what has been seen of it. */
export interface TopRow {
  readonly worker: WorkerMetrics;
  readonly history: WorkerHistory;
}

/** One column. */
export interface TopColumn {
  readonly heading: string;
  /** Where the screen is too narrow, the columns of the greatest number go first. */
  readonly rank: number;
  readonly cell: (row: TopRow) => string;
  /** What it is sorted by; `null` is the least. */
  readonly value: (row: TopRow) => number | null;
  /** Whether the greatest comes first. */
  readonly descending: boolean;
}

/** States, those to be looked at first, and how they look. */
const STATES: Readonly<Record<string, Style>> = {
  unhealthy: "red",
  exited: "red",
  waiting: "red",
  starting: "cyan",
  terminating: "yellow",
  draining: "yellow",
  former: "magenta",
  spare: "blue",
  ready: "green",
};

const STATE_ORDER = Object.keys(STATES);

/** The columns from left to right; the chart of the requests comes after them. */
export const TOP_COLUMNS: readonly TopColumn[] = [
  column("ID", { rank: 0, descending: false }, ({ worker }) => worker.id),
  {
    heading: "STATE",
    rank: 0,
    cell: ({ worker }) => stateText(worker),
    value: ({ worker }) => STATE_ORDER.indexOf(stateText(worker)),
    descending: false,
  },
  column("PID", { rank: 2, descending: false }, ({ worker }) => worker.pid),
  column("GEN", { rank: 5 }, ({ worker }) => worker.generation),
  column(
    "UP",
    { rank: 6, text: durationText },
    ({ worker }) => worker.uptimeSeconds,
  ),
  column("FLY", { rank: 1 }, ({ worker }) => worker.inFlight),
  column(
    "REQ/S",
    { rank: 1, text: tenths },
    ({ worker }) => worker.requestsPerSecond,
  ),
  column(
    "AVG MS",
    { rank: 1, text: tenths },
    ({ worker }) => worker.averageLatency,
  ),
  column("FAIL", { rank: 3 }, ({ worker }) => worker.failures),
  column("RST", { rank: 3 }, ({ worker }) => worker.restarts),
  column(
    "MIB",
    { rank: 4, text: (bytes) => (bytes / MIB).toFixed(0) },
    ({ worker }) => worker.rssBytes,
  ),
  column(
    "CPU%",
    { rank: 4, text: (ratio) => (100 * ratio).toFixed(0) },
    ({ history }) => history.cpuRatio,
  ),
];

/** How a worker in this state looks. */
export function stateStyle(worker: WorkerMetrics): Style {
  return STATES[stateText(worker)] ?? "plain";
}

function column(
  heading: string,
  { rank, descending = true, text = String }: {
    readonly rank: number;
    readonly descending?: boolean;
    readonly text?: (value: number) => string;
  },
  value: (row: TopRow) => number | null,
): TopColumn {
  const cell = (row: TopRow): string => {
    const found = value(row);
    return found === null ? UNKNOWN : text(found);
  };
  return { heading, rank, cell, value, descending };
}
