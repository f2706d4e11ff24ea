/**
 * Draws load and workers over time with the block characters of a terminal.
 * Pure.
 *
 * @module
 */

import type { NamedSimulation } from "./table.ts";
import { duration } from "./table.ts";
import type { SimulatedMoment } from "./simulate.ts";

/** Eighths of a cell, from none to all. */
const BLOCKS = " ▁▂▃▄▅▆▇█";

/** Lines a drawing is high. */
const HEIGHT = 5;

/** Columns left of the drawing, for its greatest value. */
const LABEL_COLUMNS = 8;

/** Fewer show nothing. */
const MIN_COLUMNS = 20;

/** Returns the load, and below it the ready workers of each simulation, `columns` wide. */
export function drawChart(
  runs: readonly NamedSimulation[],
  options: { readonly columns: number; readonly durationS: number },
): string {
  const width = Math.max(MIN_COLUMNS, options.columns - LABEL_COLUMNS - 1);
  const first = runs[0];
  if (first === undefined) return "";
  // One scale for all, so that they can be compared.
  const mostWorkers = Math.max(
    ...runs.map(({ simulation }) => simulation.mostWorkers),
  );
  const load = drawing(first.simulation.course, width, ({ rate }) => rate);
  const axis = timeAxis(options.durationS, width);
  return [
    "requests per second",
    ...load,
    ...runs.flatMap(({ name, simulation: { course } }) => [
      "",
      `workers ready: ${name}`,
      ...drawing(course, width, ({ ready }) => ready, mostWorkers),
    ]),
    axis,
  ].join("\n");
}

function drawing(
  course: readonly SimulatedMoment[],
  width: number,
  value: (moment: SimulatedMoment) => number,
  most?: number,
): string[] {
  const columns = spread(course.map(value), width);
  const top = Math.max(most ?? Math.max(...columns), Number.MIN_VALUE);
  const label = Math.round(top).toLocaleString("en").padStart(LABEL_COLUMNS);
  return Array.from({ length: HEIGHT }, (_, line) => {
    const floor = HEIGHT - 1 - line;
    const cells = columns.map((value) => {
      const eighths = Math.round(value / top * HEIGHT * 8) - floor * 8;
      return BLOCKS[Math.min(Math.max(eighths, 0), 8)];
    });
    const margin = line === 0 ? label : "".padStart(LABEL_COLUMNS);
    return `${margin} ${cells.join("")}`.trimEnd();
  });
}

/** The highest value of each column's share of the time; columns without one take that before. */
function spread(values: readonly number[], width: number): number[] {
  return Array.from({ length: width }, (_, column) => {
    const from = Math.floor(column * values.length / width);
    const to = Math.max(
      from + 1,
      Math.floor((column + 1) * values.length / width),
    );
    return Math.max(...values.slice(from, to));
  });
}

function timeAxis(durationS: number, width: number): string {
  const [begin, end] = ["0", duration(durationS)];
  return "".padStart(LABEL_COLUMNS + 1) + begin +
    end.padStart(width - begin.length);
}
