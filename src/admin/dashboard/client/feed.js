/** What happened, and what the application has written. */

import { byId, make, makeShape, oncePerFrame } from "./dom.js";
import { timeOfDay } from "./format.js";
import { choose } from "./tiles.js";

/** Events that are shown. */
const MOST_EVENTS = 100;

/** Lines that are kept of each worker. */
const MOST_LINES = 100;

/** Lines that are shown at once. */
const SHOWN_LINES = 200;

const SHAPES = {
  info: "dot",
  warning: "draining",
  error: "unhealthy",
};

/** What terminals take for colours and movements. */
// deno-lint-ignore no-control-regex -- they begin with one
const ESCAPES = /\x1b\[[\d;?]*[A-Za-z]/g;

const events = [];
const linesOf = new Map();
let shownWorker = null;

const drawEvents = oncePerFrame(() => {
  byId("events").replaceChildren(...events.map(({ event, count }) =>
    make(
      "li",
      { "data-level": event.level },
      make("time", { datetime: event.time }, timeOfDay(event.time)),
      makeShape(SHAPES[event.level]),
      make(
        "span",
        {},
        event.summary,
        ...(count > 1
          ? [" ", make("b", { class: "times" }, `× ${count}`)]
          : []),
      ),
    )
  ));
});

const drawLines = oncePerFrame(() => {
  const area = byId("lines").parentElement;
  const atEnd = area.scrollTop + area.clientHeight >= area.scrollHeight - 8;
  const lines = shownWorker === null
    ? [...linesOf.values()].flat().sort((a, b) => a.id - b.id)
    : linesOf.get(shownWorker) ?? [];
  byId("lines").replaceChildren(
    ...lines.slice(-SHOWN_LINES).map(
      ({ time, workerId, stream, line }) =>
        make(
          "li",
          { "data-stream": stream },
          make("time", { datetime: time }, timeOfDay(time)),
          make("b", {}, `${workerId}`),
          make("code", {}, line.replace(ESCAPES, "")),
        ),
    ),
  );
  byId("no-lines").hidden = lines.length > 0;
  if (atEnd) area.scrollTop = area.scrollHeight;
});

/** Shows an event. */
export function takeEvent(event, id) {
  if (event.type === "worker-output") return takeLine({ ...event, id });
  if (event.level === "debug") return;
  const last = events[0];
  if (last !== undefined && isAlike(last.event, event)) {
    last.event = event;
    last.count++;
  } else {
    events.unshift({ event, count: 1 });
    if (events.length > MOST_EVENTS) events.pop();
  }
  drawEvents();
}

/** Failed requests come in floods: those of one kind are one line. */
function isAlike(a, b) {
  return a.type === "exchange-failed" && b.type === a.type &&
    a.code === b.code && a.status === b.status;
}

function takeLine(line) {
  const lines = linesOf.get(line.workerId);
  if (lines === undefined) linesOf.set(line.workerId, [line]);
  else if (lines.push(line) > MOST_LINES) lines.shift();
  drawLines();
}

export function startFeed() {
  byId("output-of").addEventListener("change", ({ target }) => {
    choose(target.value === "" ? null : Number(target.value));
  });
}

/** Shows the lines of one worker; `null` those of all. */
export function showLinesOf(slot) {
  shownWorker = slot;
  byId("output-of").value = slot === null ? "" : `${slot}`;
  drawLines();
}

/** Keeps the list of workers to those there are. */
export function updateFeed({ workers }) {
  const list = byId("output-of");
  const slots = ["", ...new Set(workers.map(({ id }) => `${id}`))];
  const there = [...list.options].map(({ value }) => value);
  if (slots.join() === there.join()) return;
  list.replaceChildren(
    ...slots.map((slot) =>
      make(
        "option",
        { value: slot },
        slot === "" ? "all workers" : `worker ${slot}`,
      )
    ),
  );
  list.value = shownWorker === null ? "" : `${shownWorker}`;
}
