/**
 * The figures of simulations side by side, for a terminal. Pure.
 *
 * @module
 */

import type { Simulation } from "./simulate.ts";

/** A simulation and what it is called. */
export interface NamedSimulation {
  readonly name: string;
  readonly simulation: Simulation;
}

const COLUMNS: readonly {
  readonly heading: string;
  readonly cell: (simulation: Simulation) => string;
}[] = [
  {
    heading: "short of capacity",
    cell: ({ shortOfCapacityS }) => duration(shortOfCapacityS),
  },
  { heading: "waited", cell: ({ waited }) => count(waited) },
  {
    heading: "share",
    cell: ({ waited, requests }) =>
      requests === 0 ? "-" : `${(waited / requests * 100).toFixed(1)} %`,
  },
  { heading: "p99 wait", cell: ({ p99WaitMs }) => duration(p99WaitMs / 1000) },
  {
    heading: "longest",
    cell: ({ longestWaitMs }) => duration(longestWaitMs / 1000),
  },
  {
    heading: "worker-seconds",
    cell: ({ workerSeconds }) => count(workerSeconds),
  },
  { heading: "most", cell: ({ mostWorkers }) => String(mostWorkers) },
  { heading: "changes", cell: ({ decisions }) => String(decisions.length) },
  { heading: "flaps", cell: ({ flaps }) => String(flaps) },
];

/** Returns a table with a row for each simulation. */
export function figuresTable(runs: readonly NamedSimulation[]): string {
  const rows = [
    ["", ...COLUMNS.map(({ heading }) => heading)],
    ...runs.map(({ name, simulation }) => [
      name,
      ...COLUMNS.map(({ cell }) => cell(simulation)),
    ]),
  ];
  return columnsTable(rows);
}

/** Returns rows in columns, the first to the left and the others to the right. */
export function columnsTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) =>
    Math.max(...rows.map((row) => row[column]!.length))
  );
  return rows.map((row) =>
    row.map((cell, column) =>
      column === 0
        ? cell.padEnd(widths[column]!)
        : cell.padStart(widths[column]!)
    ).join("  ").trimEnd()
  ).join("\n");
}

/** What was decided, a line each; the first `most` of them. */
export function decisionLines(simulation: Simulation, most: number): string {
  const { decisions } = simulation;
  const lines = decisions.slice(0, most).map(({ atS, from, to, reason }) =>
    `${duration(atS).padStart(10)}  ${from} -> ${to} workers (${reason})`
  );
  const more = decisions.length - lines.length;
  if (more > 0) lines.push(`${"".padStart(10)}  and ${more} more`);
  return lines.join("\n");
}

/** `2.5 s`, `12 min 5 s`, `3 h 20 min`. */
export function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds * 10) / 10} s`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60)];
  const parts = hours > 0
    ? [`${hours} h`, `${minutes % 60} min`]
    : [`${minutes} min`, `${whole % 60} s`];
  return parts.filter((part) => !part.startsWith("0 ")).join(" ");
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}
