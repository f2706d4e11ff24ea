// deno-lint-ignore-file no-undef -- what a browser has is not known here
/** How uPlot is to draw: in the colours and the text of the style sheet. */

import { make } from "./dom.js";
import { compact, minuteOfDay, timeOfDay } from "./format.js";
import { drawMarks } from "./marks.js";
import { shownRange } from "./pool_history.js";

/** Of `uPlot`, which an own script brings. */
const { uPlot } = globalThis;

/** So that lines that cover each other, or colours, do not matter. */
const DASH = [5, 4];

/** What a colour of the style sheet is where `element` is: a canvas knows no variables. */
export function colorOf(element, name) {
  const probe = make("i");
  probe.style.color = `var(${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** The same colour, so much of it. */
const tinted = (color, alpha) =>
  color.replace(/^rgba?\(([^)]+)\)$/, (_, channels) => {
    const [red, green, blue] = channels.split(/[ ,/]+/);
    return `rgba(${red}, ${green}, ${blue}, ${alpha})`;
  });

/** Options for a chart in the element `plot`; `onPoint` is told the sample that is pointed at, or `null`. */
export function chartOptions(plot, definition, onPoint) {
  const { stepped, logarithmic } = definition;
  const { fontSize, fontFamily } = getComputedStyle(plot);
  const scale = parseFloat(fontSize) / 12;
  const axis = {
    stroke: colorOf(plot, "--quiet"),
    // uPlot understands whole pixels alone.
    font: `${Math.round(parseFloat(fontSize))}px ${fontFamily}`,
    ticks: { show: false },
  };
  return {
    padding: [8 * scale, 4 * scale, 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: "pool" },
      y: false,
      drag: { x: false, y: false },
      points: { size: 7 },
    },
    axes: [
      {
        ...axis,
        space: 56 * scale,
        size: 22 * scale,
        gap: 4,
        grid: { show: false },
        values: timeLabels,
      },
      {
        ...axis,
        space: 20 * scale,
        size: 40 * scale,
        gap: 6,
        grid: { stroke: colorOf(plot, "--line"), width: 1 },
        values: (_, values) => values.map(compact),
        ...(logarithmic
          ? { splits: logarithmicSplits, filter: (_, splits) => splits }
          : { incrs: INCREMENTS }),
      },
    ],
    scales: {
      x: { range: shownRange },
      y: logarithmic
        ? { distr: 3, range: (_, least, most) => [least * 0.7, most * 1.4] }
        : { range: (_, __, most) => [0, most > 0 ? most * 1.12 : 1] },
    },
    series: [
      {},
      ...definition.series.map(({ label, color }, index) => {
        const stroke = colorOf(plot, color);
        return {
          label,
          stroke,
          width: 1.75,
          points: { show: false },
          ...(stepped ? { paths: uPlot.paths.stepped({ align: -1 }) } : {}),
          ...(index === 0
            ? { fill: tinted(stroke, 0.1) }
            : { dash: DASH, fill: tinted(stroke, 0.06) }),
        };
      }),
    ],
    hooks: {
      drawClear: [(chart) => drawMarks(chart, (name) => colorOf(plot, name))],
      setCursor: [({ cursor }) => onPoint(cursor.idx ?? null)],
    },
  };
}

/** Steps of an axis: whole numbers, but where all is below one. */
const INCREMENTS = [
  0.1,
  0.2,
  0.5,
  ...[1, 10, 100, 1e3, 1e4, 1e5].flatMap(
    (unit) => [unit, 2 * unit, 5 * unit],
  ),
];

/** Values of a logarithmic axis that are labelled, at most. */
const MOST_SPLITS = 5;

/** Round numbers: 1, 2, 5, 10 ... or fewer of them. */
function logarithmicSplits(_chart, _axis, least, most) {
  for (const steps of [[1, 2, 5], [1, 3], [1]]) {
    const splits = [];
    for (let unit = 1e-3; unit <= most; unit *= 10) {
      splits.push(
        ...steps.map((step) => step * unit)
          .filter((value) => value >= least && value <= most),
      );
    }
    if (splits.length <= MOST_SPLITS) return splits;
  }
  return [least, most].map((value) => 10 ** Math.round(Math.log10(value)));
}

/** Seconds only where minutes would be said twice. */
function timeLabels(chart, times, _axis, _space, step) {
  const write = step < 60 ? timeOfDay : minuteOfDay;
  const { min, max } = chart.scales.x;
  const room = (step < 60 ? 0.1 : 0.06) * (max - min);
  // None is cut off at the right.
  return times.map((time) => time > max - room ? "" : write(time * 1000));
}
