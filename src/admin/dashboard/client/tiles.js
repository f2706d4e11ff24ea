/**
 * A tile for each slot of the pool: the worker that serves there, and beneath
 * it the one that comes or goes.
 */

import {
  byId,
  make,
  makeShape,
  setAttributes,
  setShape,
  setText,
} from "./dom.js";
import {
  bytes,
  compact,
  milliseconds,
  number,
  percent,
  shortDuration,
  UNKNOWN,
} from "./format.js";

/** Beyond so many slots tiles are small, and one that is chosen shows all of its figures. */
const MOST_LARGE_TILES = 12;

/** Which of a slot's workers is the one to show: the further left the rather. */
const RANKS = [
  "ready",
  "unhealthy",
  "starting",
  "spare",
  "draining",
  "terminating",
  "former",
  "exited",
  "waiting",
];

const FIGURES = [
  "Share",
  "Latency",
  "Memory",
  "CPU",
  "Age",
  "Restarts",
];

const tiles = new Map();
const cpuLooks = new Map();
let chosen = null;
let onChoice = () => {};

/** What a worker is to the pool, in a word. */
export function roleOf({ spare, former, state }) {
  return spare ? "spare" : former ? "former" : state;
}

/** Calls `listener` with the slot that is chosen, or `null`. */
export function startTiles(listener) {
  onChoice = listener;
}

/** Chooses a slot; `null` chooses none. */
export function choose(slot) {
  chosen = slot;
  for (const [id, { button }] of tiles) {
    setAttributes(button, { "aria-pressed": id === slot });
  }
  onChoice(slot);
}

export function updateTiles({ workers, requestsPerSecond }) {
  const slots = Map.groupBy(workers, ({ id }) => id);
  const list = byId("tiles");
  setAttributes(list, {
    "data-size": slots.size > MOST_LARGE_TILES ? "small" : "large",
  });
  for (const [id, { element }] of tiles) {
    if (slots.has(id)) continue;
    element.remove();
    tiles.delete(id);
    if (chosen === id) choose(null);
  }
  [...slots.keys()].forEach((id, index) => {
    const tile = tiles.get(id) ?? addTile(id);
    if (list.children[index] !== tile.element) {
      list.insertBefore(tile.element, list.children[index] ?? null);
    }
    const [first, ...others] = slots.get(id).toSorted(byRank);
    updateTile(tile, first, { others, requestsPerSecond });
  });
  const pids = new Set(workers.map(({ pid }) => pid));
  for (const pid of cpuLooks.keys()) if (!pids.has(pid)) cpuLooks.delete(pid);
}

/** Of two that are ready the older serves, and the newer is on trial. */
function byRank(a, b) {
  return RANKS.indexOf(roleOf(a)) - RANKS.indexOf(roleOf(b)) ||
    a.generation - b.generation || b.uptimeSeconds - a.uptimeSeconds;
}

function addTile(id) {
  const shape = makeShape("waiting");
  const state = make("span", { class: "state" });
  const generation = make("span", { class: "generation" });
  const button = make(
    "button",
    { type: "button", "aria-pressed": false },
    shape,
    make("span", { class: "name" }, make("span", {}, "Worker "), `${id}`),
    " ",
    state,
  );
  button.addEventListener("click", () => choose(chosen === id ? null : id));
  const rate = make("span", { class: "rate" });
  const inFlight = make("span", { class: "in-flight" });
  const fill = make("i");
  const figures = FIGURES.map(() => make("dd"));
  const companion = make("p", { class: "companion" });
  const element = make(
    "li",
    { class: "tile panel" },
    make("div", { class: "head" }, button, generation),
    make("p", { class: "load" }, rate, inFlight),
    make("div", { class: "share", "aria-hidden": "true" }, fill),
    make(
      "dl",
      {},
      ...FIGURES.map((name, index) =>
        make("div", {}, make("dt", {}, name), figures[index])
      ),
    ),
    companion,
  );
  const tile = {
    element,
    button,
    shape,
    state,
    generation,
    rate,
    inFlight,
    fill,
    figures,
    companion,
  };
  tiles.set(id, tile);
  return tile;
}

function updateTile(tile, worker, { others, requestsPerSecond }) {
  const role = roleOf(worker);
  const share = requestsPerSecond > 0
    ? worker.requestsPerSecond / requestsPerSecond
    : null;
  setAttributes(tile.element, { "data-state": role });
  setShape(tile.shape, role);
  setText(tile.state, role);
  setText(
    tile.generation,
    worker.generation === null ? "" : `gen ${worker.generation}`,
  );
  setText(tile.rate, `${compact(worker.requestsPerSecond)}/s`);
  setText(tile.inFlight, `${number(worker.inFlight)} in flight`);
  tile.fill.style.width = `${Math.min(1, share ?? 0) * 100}%`;
  [
    share === null ? UNKNOWN : percent(share),
    milliseconds(worker.averageLatency),
    bytes(worker.rssBytes),
    percent(cpuRatio(worker)),
    shortDuration(worker.uptimeSeconds),
    number(worker.restarts),
  ].forEach((text, index) => setText(tile.figures[index], text));
  setText(tile.companion, companionText(worker, others));
  setAttributes(tile.companion, { "data-busy": others.length > 0 });
}

/** CPU time over time that passed, since the last look. */
function cpuRatio({ pid, cpuSeconds, uptimeSeconds }) {
  if (pid === null || cpuSeconds === null) return null;
  const before = cpuLooks.get(pid);
  if (before !== undefined && uptimeSeconds <= before.uptimeSeconds) {
    return before.ratio;
  }
  const since = before ?? { cpuSeconds: 0, uptimeSeconds: 0 };
  const ratio = Math.max(0, cpuSeconds - since.cpuSeconds) /
    (uptimeSeconds - since.uptimeSeconds);
  cpuLooks.set(pid, { cpuSeconds, uptimeSeconds, ratio });
  return ratio;
}

/** Who else is in the slot; without anybody, where its worker is. */
function companionText(worker, others) {
  if (others.length > 0) {
    return others.map((other) => beside(other, worker)).join("; ");
  }
  if (worker.pid !== null) return `pid ${worker.pid}, port ${worker.port}`;
  return worker.failures > 0
    ? `failed to start ${
      worker.failures === 1 ? "once" : `${worker.failures} times`
    }`
    : "waits for its next worker";
}

function beside(other, worker) {
  const newer = other.generation > worker.generation;
  const role = roleOf(other);
  const what = newer && role === "ready"
    ? `on trial, ${number(other.requests)} requests`
    : role === "draining"
    ? `draining, ${number(other.inFlight)} in flight`
    : role;
  return `${newer ? "+" : "and"} gen ${other.generation ?? UNKNOWN} ${what}` +
    (other.pid === null ? "" : `, pid ${other.pid}`);
}
