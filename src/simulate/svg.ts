/**
 * Draws load and workers over time as an SVG document of its own, in light and
 * dark. Pure.
 *
 * @module
 */

import type { SimulatedMoment } from "./simulate.ts";
import { duration, type NamedSimulation } from "./table.ts";

const WIDTH = 860;
const PANEL_HEIGHT = 180;
const MARGIN = { left: 56, right: 16, top: 40, gap: 48, bottom: 36 } as const;
const LEGEND_LINE = 18;

/** Told apart by those who see colours badly too (Okabe and Ito, https://jfly.uni-koeln.de/color/). */
const COLOURS = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#e69f00",
  "#56b4e9",
] as const;

const STYLE = `
  svg { background: #fff; color: #1a1a1a; font: 12px system-ui, sans-serif; }
  text { fill: currentColor; }
  .title { font-size: 15px; font-weight: 600; }
  .grid { stroke: currentColor; stroke-opacity: .15; }
  .load { fill: currentColor; fill-opacity: .18; }
  .workers { fill: none; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    svg { background: #16181c; color: #e8e8e8; }
  }`;

/** What a panel shows. */
interface Panel {
  readonly top: number;
  readonly most: number;
  readonly durationS: number;
}

/** Returns a whole SVG document. */
export function drawSvg(
  runs: readonly NamedSimulation[],
  options: { readonly title: string; readonly durationS: number },
): string {
  const { title, durationS } = options;
  const course = runs[0]?.simulation.course ?? [];
  const load: Panel = {
    top: MARGIN.top,
    most: course.reduce((most, { rate }) => Math.max(most, rate), 1),
    durationS,
  };
  const workers: Panel = {
    top: MARGIN.top + PANEL_HEIGHT + MARGIN.gap,
    most: runs.reduce(
      (most, { simulation }) => Math.max(most, simulation.mostWorkers),
      1,
    ),
    durationS,
  };
  const legendTop = workers.top + PANEL_HEIGHT + MARGIN.bottom;
  const height = legendTop + runs.length * LEGEND_LINE + 8;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">
<title>${escape(title)}</title>
<style>${STYLE}
</style>
<text class="title" x="${MARGIN.left}" y="20">${escape(title)}</text>
${axes(load, "requests per second")}
<path class="load" d="${area(course, load)}"/>
${axes(workers, "workers ready")}
${
    runs.map(({ simulation }, index) =>
      `<path class="workers" stroke="${colour(index)}" d="${
        steps(simulation.course, workers)
      }"/>`
    ).join("\n")
  }
${runs.map((run, index) => legend(run, index, legendTop)).join("\n")}
</svg>
`;
}

function axes({ top, most, durationS }: Panel, heading: string): string {
  const [left, right] = [MARGIN.left, WIDTH - MARGIN.right];
  const bottom = top + PANEL_HEIGHT;
  const lines = [0, 0.5, 1].map((share) => {
    const y = round(bottom - share * PANEL_HEIGHT);
    const value = Math.round(share * most * 10) / 10;
    return `<path class="grid" d="M${left} ${y}H${right}"/>` +
      `<text x="${left - 8}" y="${y + 4}" text-anchor="end">${value}</text>`;
  });
  const times = [0, 0.25, 0.5, 0.75, 1].map((share) =>
    `<text x="${round(left + share * (right - left))}" y="${
      bottom + 16
    }" text-anchor="${share === 1 ? "end" : "middle"}">${
      duration(share * durationS)
    }</text>`
  );
  return [
    `<text x="${left}" y="${top - 6}">${heading}</text>`,
    ...lines,
    ...times,
  ].join("\n");
}

function legend(
  { name, simulation }: NamedSimulation,
  index: number,
  top: number,
): string {
  const y = top + index * LEGEND_LINE;
  const waited = Math.round(simulation.waited).toLocaleString("en");
  return `<rect x="${MARGIN.left}" y="${y - 9}" width="14" height="10" fill="${
    colour(index)
  }"/>` +
    `<text x="${MARGIN.left + 22}" y="${y}">${escape(name)}: ${waited} ` +
    `requests waited, ${duration(simulation.shortOfCapacityS)} short of ` +
    `capacity</text>`;
}

function area(course: readonly SimulatedMoment[], panel: Panel): string {
  const bottom = panel.top + PANEL_HEIGHT;
  return `M${MARGIN.left} ${bottom}${
    stairs(course, panel, ({ rate }) => rate)
  }V${bottom}Z`;
}

function steps(course: readonly SimulatedMoment[], panel: Panel): string {
  const y = heightOf(panel, course[0]?.ready ?? 0);
  return `M${MARGIN.left} ${y}${stairs(course, panel, ({ ready }) => ready)}`;
}

/** Each value holds until the next; those that are equal need no point. */
function stairs(
  course: readonly SimulatedMoment[],
  panel: Panel,
  value: (moment: SimulatedMoment) => number,
): string {
  const scale = (WIDTH - MARGIN.left - MARGIN.right) / panel.durationS;
  const parts = course.flatMap((moment, index) => {
    const before = course[index - 1];
    if (before !== undefined && value(before) === value(moment)) return [];
    const x = round(MARGIN.left + moment.atS * scale);
    return [`H${x}V${heightOf(panel, value(moment))}`];
  });
  return `${parts.join("")}H${WIDTH - MARGIN.right}`;
}

function heightOf({ top, most }: Panel, value: number): number {
  return round(top + PANEL_HEIGHT * (1 - value / most));
}

function colour(index: number): string {
  return COLOURS[index % COLOURS.length]!;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
