// deno-lint-ignore-file no-undef -- what a browser has is not known here
/** How uPlot is to draw: in the colours and the text of the style sheet. */

import { make } from "./dom.js";
import { minuteOfDay, number, timeOfDay } from "./format.js";
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
  const { format, stepped } = definition;
  const { fontSize, fontFamily } = getComputedStyle(plot);
  const scale = parseFloat(fontSize) / 12;
  const axis = {
    stroke: colorOf(plot, "--quiet"),
    font: `${fontSize} ${fontFamily}`,
    ticks: { show: false },
  };
  return {
    padding: [4 * scale, 4 * scale, 0, 0],
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
        space: 72 * scale,
        size: 22 * scale,
        gap: 4,
        grid: { show: false },
        values: timeLabels,
      },
      {
        ...axis,
        space: 28 * scale,
        size: 50 * scale,
        gap: 6,
        grid: { stroke: colorOf(plot, "--line"), width: 1 },
        values: (_, values) => values.map((value) => format(value)),
        ...(format === number
          ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] }
          : {}),
      },
    ],
    scales: {
      x: { range: shownRange },
      y: { range: (_, __, most) => [0, most > 0 ? most * 1.12 : 1] },
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

/** Seconds only where minutes would be said twice. */
function timeLabels(_chart, times, _axis, _space, step) {
  const write = step < 60 ? timeOfDay : minuteOfDay;
  return times.map((time) => write(time * 1000));
}
