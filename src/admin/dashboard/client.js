// deno-lint-ignore-file no-undef -- what a browser has is not known here
/**
 * Fills the dashboard: figures by asking /_metrics every second, events as
 * they come from /_events. Runs in the browser, as it is.
 *
 * What the pool says is only ever put in as text.
 */

/** Between two looks at the figures, in milliseconds. */
const POLL_MS = 1000;

/** What the charts show: five minutes of looks. */
const CHART_POINTS = 300;

/** Before the next try to follow the events, in milliseconds. */
const RETRY_MS = 2000;

/** Height of a chart, in pixels. */
const CHART_HEIGHT = 180;

/** Rows of the table of events. */
const EVENT_ROWS = 50;

/** Of `uPlot`, which an own script brings. */
const { uPlot } = globalThis;

const CHARTS = [
  {
    title: "Requests per second",
    series: ["Requests/s"],
    values: (metrics) => [metrics.requestsPerSecond],
  },
  {
    title: "Latency over ten seconds, ms",
    series: ["p50", "p99"],
    values: ({ recentLatency }) => [recentLatency.p50, recentLatency.p99],
  },
  {
    title: "Requests in flight and waiting",
    series: ["In flight", "Waiting"],
    values: ({ inFlight, queue }) => [inFlight, queue.depth],
  },
  {
    title: "Workers",
    series: ["Ready", "Wanted"],
    values: ({ pool }) => [pool.ready, pool.desired],
  },
];

const byId = (id) => document.getElementById(id);

function setText(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

/** Puts rows of cells into a table's body; a cell is a text, or a text and a class. */
function setRows(id, rows) {
  byId(id).replaceChildren(...rows.map(rowOf));
}

function rowOf(cells) {
  const row = document.createElement("tr");
  row.append(...cells.map((cell) => {
    const [text, className = ""] = Array.isArray(cell) ? cell : [cell];
    const element = document.createElement("td");
    element.textContent = text;
    element.className = className;
    return element;
  }));
  return row;
}

const number = (value, digits = 0) =>
  value === null ? "–" : value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });

const milliseconds = (value) => value === null ? "–" : `${number(value, 1)} ms`;

const mebibytes = (bytes) =>
  bytes === null ? "–" : `${number(bytes / 2 ** 20, 1)} MiB`;

const timeOfDay = (iso) => new Date(iso).toLocaleTimeString("en-GB");

function duration(seconds) {
  if (seconds === null) return "–";
  const units = [[86_400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const at = units.findIndex(([length]) => seconds >= length);
  if (at < 0) return "0 s";
  return units.slice(at, at + 2).map(([length, unit], index) => {
    const whole = index === 0 ? seconds : seconds % units[at][0];
    return `${Math.floor(whole / length)} ${unit}`;
  }).join(" ");
}

function stateClass(state) {
  if (state === "ready" || state === "serving") return "good";
  return state === "unhealthy" || state === "waiting" ? "bad" : "";
}

function showSummary(metrics) {
  const { pool, queue, recentLatency } = metrics;
  setText("state", metrics.state);
  byId("state").className = stateClass(metrics.state);
  setText("uptime", duration(metrics.uptimeSeconds));
  setText("generation", number(metrics.generation));
  const panic = pool.panic ? ", panic" : "";
  setText("workers", `${pool.ready} / ${pool.desired}${panic}`);
  byId("workers").className = pool.panic ? "bad" : "";
  setText("rate", number(metrics.requestsPerSecond, 1));
  setText(
    "latency",
    `${milliseconds(recentLatency.p50)} / ${milliseconds(recentLatency.p99)}`,
  );
  setText("inflight", number(metrics.inFlight));
  setText("queue", `${number(queue.depth)} of ${number(queue.limit)}`);
  setText("total", number(metrics.totalRequests));
  setText("failed", number(metrics.responses["5xx"]));
}

function workerCells(worker) {
  const state = worker.spare
    ? "spare"
    : worker.former
    ? "former"
    : worker.state;
  return [
    number(worker.id),
    [state, stateClass(state)],
    worker.pid === null ? "–" : `${worker.pid}`,
    worker.port === null ? "–" : `${worker.port}`,
    number(worker.generation),
    duration(worker.uptimeSeconds),
    number(worker.inFlight),
    number(worker.requests),
    number(worker.requestsPerSecond, 1),
    milliseconds(worker.averageLatency),
    number(worker.failures),
    number(worker.restarts),
    mebibytes(worker.rssBytes),
    worker.cpuSeconds === null ? "–" : `${number(worker.cpuSeconds, 1)} s`,
  ];
}

function scalingCells({ at, from, to, reason, inputs }) {
  return [timeOfDay(at), number(from), number(to), reason, fieldsOf(inputs)];
}

function fieldsOf(values) {
  return Object.entries(values)
    .map(([name, value]) => `${name}: ${JSON.stringify(value, rounded)}`)
    .join(", ");
}

/** For JSON: a tenth is exact enough for a reader. */
function rounded(_name, value) {
  return typeof value === "number" ? Math.round(value * 10) / 10 : value;
}

function showEvent({ type, time, workerId = null, ...details }) {
  const rows = byId("event-rows");
  rows.prepend(
    rowOf([timeOfDay(time), type, number(workerId), fieldsOf(details)]),
  );
  while (rows.childElementCount > EVENT_ROWS) rows.lastElementChild.remove();
}

const clockTime = (seconds) => timeOfDay(seconds * 1000);

/** What a colour of the style sheet is where `element` is: a canvas knows no variables. */
function colorOf(element, name) {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** A chart that grows to the right and forgets on the left. */
class Chart {
  #data;
  #chart;
  #definition;

  constructor(definition) {
    this.#definition = definition;
    this.#data = [[], ...definition.series.map(() => [])];
  }

  /** Draws it anew in `figure`, as wide as that, in the colours of the moment. */
  draw(figure) {
    const { title, series } = this.#definition;
    const axis = {
      stroke: colorOf(figure, "--quiet"),
      grid: { stroke: colorOf(figure, "--line"), width: 1 },
    };
    figure.setAttribute("role", "img");
    figure.setAttribute("aria-label", title);
    this.#chart = new uPlot(
      {
        title,
        width: figure.clientWidth,
        height: CHART_HEIGHT,
        axes: [
          { ...axis, values: (_chart, times) => times.map(clockTime) },
          axis,
        ],
        scales: { y: { range: (_chart, _min, max) => [0, Math.max(1, max)] } },
        cursor: { show: false },
        legend: { live: false },
        series: [
          {},
          ...series.map((label, index) => ({
            label,
            stroke: colorOf(figure, index === 0 ? "--first" : "--second"),
            width: 2,
            // So that lines that cover each other, or colours, do not matter.
            ...(index === 0 ? {} : { dash: [6, 4] }),
            points: { show: false },
          })),
        ],
      },
      this.#data,
      figure,
    );
  }

  add(seconds, metrics) {
    const row = [seconds, ...this.#definition.values(metrics)];
    row.forEach((value, index) => {
      this.#data[index].push(value);
      if (this.#data[index].length > CHART_POINTS) this.#data[index].shift();
    });
    this.#chart.setData(this.#data);
  }
}

const charts = CHARTS.map((definition) => new Chart(definition));

function drawCharts() {
  const figures = charts.map(() => document.createElement("figure"));
  // All of them first: how wide one may be depends on the others.
  byId("charts").replaceChildren(...figures);
  charts.forEach((chart, index) => chart.draw(figures[index]));
}

async function poll() {
  try {
    const response = await fetch("/_metrics", {
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(10 * POLL_MS),
    });
    if (!response.ok) throw new Error(`${response.status}`);
    const metrics = await response.json();
    showSummary(metrics);
    setRows("worker-rows", metrics.workers.map(workerCells));
    setRows("scaling-rows", [...metrics.scaling].reverse().map(scalingCells));
    for (const chart of charts) chart.add(Date.now() / 1000, metrics);
    setText("connection", "Live");
  } catch (error) {
    setText("connection", `No answer from the pool (${error.message})`);
  }
  setTimeout(poll, POLL_MS);
}

/**
 * Follows the events, and comes back when the stream ends. Not with an
 * EventSource: that would have to know the name of every event.
 */
async function follow() {
  let lastId = 0;
  for (;;) {
    try {
      const { body } = await fetch(`/_events?since=${lastId}`);
      let rest = "";
      for await (const text of body.pipeThrough(new TextDecoderStream())) {
        const messages = (rest + text).split("\n\n");
        rest = messages.pop();
        for (const message of messages) lastId = take(message) ?? lastId;
      }
    } catch {
      // The pool is gone for the moment: `poll` says so.
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** Shows the event in a message; returns its number, if it has one. */
function take(message) {
  const [, id] = /^id: (\d+)$/m.exec(message) ?? [];
  const [, data] = /^data: (.*)$/m.exec(message) ?? [];
  if (id !== undefined) showEvent(JSON.parse(data));
  return id;
}

drawCharts();
matchMedia("(prefers-color-scheme: dark)")
  .addEventListener("change", drawCharts);
addEventListener("resize", drawCharts);
follow();
poll();
