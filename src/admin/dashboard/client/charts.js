/**
 * Four charts with one time axis: what is pointed at in one is read in all.
 */

import { chartOptions } from "./chart_options.js";
import { byId, make, setAttributes, setText } from "./dom.js";
import { compact, milliseconds, number, timeOfDay } from "./format.js";
import { samples } from "./pool_history.js";

/** Of `uPlot`, which an own script brings. */
const { uPlot } = globalThis;

const CHARTS = [
  {
    title: "Requests per second",
    series: [
      { label: "answered", column: "requestsPerSecond", color: "--first" },
      { label: "5xx", column: "failuresPerSecond", color: "--bad" },
    ],
    format: compact,
  },
  {
    title: "Latency",
    series: [
      { label: "p50", column: "p50", color: "--first" },
      { label: "p99", column: "p99", color: "--second" },
    ],
    format: milliseconds,
    logarithmic: true,
  },
  {
    title: "In flight",
    series: [
      { label: "in flight", column: "inFlight", color: "--first" },
      { label: "waiting", column: "queued", color: "--second" },
    ],
    format: number,
  },
  {
    title: "Workers",
    series: [
      { label: "ready", column: "ready", color: "--first" },
      { label: "wanted", column: "desired", color: "--second" },
    ],
    format: number,
    stepped: true,
  },
];

class Chart {
  figure;
  #plot;
  #values;
  #definition;
  #chart = null;

  constructor(definition) {
    this.#definition = definition;
    this.#values = definition.series.map(() => make("dd"));
    const keys = definition.series.map(({ label, color }, index) =>
      make(
        "div",
        { class: "key" },
        make("dt", {
          class: index === 0 ? "solid" : "dashed",
          "data-color": color.slice(2),
        }, label),
        this.#values[index],
      )
    );
    this.#plot = make("div", { class: "plot", role: "img" });
    this.figure = make(
      "figure",
      { class: "panel" },
      make(
        "figcaption",
        {},
        make("h3", {}, definition.title),
        make("dl", {}, ...keys),
      ),
      this.#plot,
    );
  }

  /** Draws it anew, as wide as there is room, in the colours of the moment. */
  draw() {
    this.#chart?.destroy();
    const { clientWidth: width, clientHeight: height } = this.#plot;
    const point = (index) => {
      this.read(index);
      const at = index === null ? undefined : samples().at[index];
      setText(byId("moment"), at ? `at ${timeOfDay(at * 1000)}` : "");
    };
    this.#chart = new uPlot(
      { width, height, ...chartOptions(this.#plot, this.#definition, point) },
      this.#data(),
      this.#plot,
    );
    this.update();
  }

  update() {
    this.#chart?.setData(this.#data());
    if ((this.#chart?.cursor.idx ?? null) === null) this.read(null);
  }

  /** Moves the cursor to a sample; `null` takes it away. */
  point(index) {
    const left = index === null
      ? -10
      : this.#chart.valToPos(samples().at[index], "x");
    this.#chart.setCursor({ left, top: 0 });
  }

  /** Shows the figures of a sample, the last one without an index. */
  read(index) {
    const { series, format, title } = this.#definition;
    const columns = samples();
    const last = columns.at.length - 1;
    const said = series.map(({ label, column }, i) => {
      const value = format(columns[column][index ?? last] ?? null);
      setText(this.#values[i], value);
      const most = Math.max(0, ...columns[column].map((v) => v ?? 0));
      return `${label} ${value} now, ${format(most)} at most`;
    });
    if (index === null) {
      setAttributes(this.#plot, {
        "aria-label": `${title} over time: ${said.join("; ")}.`,
      });
    }
  }

  #data() {
    const columns = samples();
    return [
      columns.at,
      ...this.#definition.series
        .map(({ column }) => columns[column]),
    ];
  }
}

const charts = CHARTS.map((definition) => new Chart(definition));

export function startCharts() {
  const area = byId("charts");
  area.append(...charts.map(({ figure }) => figure));
  followKeys(area);
}

/** Draws all of them anew: the size or the colours have changed. */
export function drawCharts() {
  for (const chart of charts) chart.draw();
}

export function updateCharts() {
  for (const chart of charts) chart.update();
}

/** The arrow keys move the cursor from sample to sample. */
function followKeys(area) {
  let index = null;
  const point = (to) => {
    index = to;
    for (const chart of charts) chart.point(to);
  };
  area.addEventListener("keydown", (event) => {
    const last = samples().at.length - 1;
    const step = event.shiftKey ? 10 : 1;
    const from = Math.min(index ?? last, last);
    const to = {
      ArrowLeft: Math.max(0, from - step),
      ArrowRight: Math.min(last, from + step),
      Home: 0,
      End: last,
    }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    point(to);
  });
  area.addEventListener("blur", () => point(null));
}
