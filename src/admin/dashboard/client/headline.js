/** How the pool is, in one sentence: the worst that is true comes first. */

import { byId, setAttributes, setShape, setText } from "./dom.js";
import { counted, milliseconds, number, percent, timeOfDay } from "./format.js";
import { samples } from "./pool_history.js";
import { lastReload, reloadNow } from "./reload_panel.js";
import { lastDecision } from "./scaling_text.js";

/** Seconds of which failures are counted. */
const RECENT_SECONDS = 10;

/** A share of failures that is worth a word. */
const FAILING_RATIO = 0.01;

/** For how long what is over is spoken of, in milliseconds. */
const REMEMBERED_MS = 15 * 60_000;

const SHAPES = {
  good: "ready",
  busy: "starting",
  warn: "draining",
  bad: "unhealthy",
};

/** In order: the first that holds is said. */
const FINDINGS = [
  draining,
  starting,
  nobodyReady,
  panicking,
  failing,
  reloading,
  missing,
  waiting,
  reloadFailed,
  suspected,
];

export function updateHeadline(metrics) {
  const found = FINDINGS.map((finding) => finding(metrics)).find(Boolean) ??
    ["good", allIsWell(metrics)];
  show(...found);
  const { at, text } = lastDecision(metrics);
  setText(
    byId("decision-label"),
    at === null ? "Scaling" : "Last scaling decision",
  );
  setText(byId("decision-when"), at === null ? "" : timeOfDay(at));
  setText(byId("decision"), text);
}

/** The pool does not respond. */
export function showLost(since) {
  show("bad", `No response from the pool since ${timeOfDay(since)}.`);
}

function show(level, text) {
  const section = byId("headline");
  // Read aloud when it is another matter, not with every figure.
  if (section.dataset.level !== level) setText(byId("announcer"), text);
  setAttributes(section, { "data-level": level });
  setShape(byId("headline-shape"), SHAPES[level]);
  setText(byId("headline-text"), text);
}

function draining({ state, inFlight }) {
  return state === "draining" || state === "stopped"
    ? [
      "warn",
      `The pool is stopping; ${counted(inFlight, "request")} in flight.`,
    ]
    : null;
}

function starting({ state, pool }) {
  return state === "starting"
    ? ["busy", `The pool is starting: ${readyOf(pool)}.`]
    : null;
}

function nobodyReady({ pool, queue }) {
  return pool.ready === 0
    ? ["bad", `No worker is ready; ${waitingRequests(queue.depth)}.`]
    : null;
}

function panicking({ pool }) {
  return pool.panic
    ? [
      "bad",
      "Most workers fail their probes together: all stay in rotation. " +
      "See to what they share.",
    ]
    : null;
}

function failing() {
  const { at, requestsPerSecond, failuresPerSecond } = samples();
  const from = at.findIndex((time) => time > at.at(-1) - RECENT_SECONDS);
  const sum = (rates) => rates.slice(from).reduce((a, b) => a + b, 0);
  const ratio = sum(failuresPerSecond) / sum(requestsPerSecond);
  return ratio >= FAILING_RATIO
    ? ["bad", `${percent(ratio)} of the requests are answered with 5xx.`]
    : null;
}

function reloading({ workers }) {
  const reload = reloadNow();
  if (reload === null) return null;
  const { generation } = reload;
  const slots = new Set(workers.map(({ id }) => id)).size;
  const fresh = new Set(
    workers.filter((worker) => worker.generation === generation && worker.ready)
      .map(({ id }) => id),
  ).size;
  return [
    "busy",
    `Generation ${generation} is taking over: ` +
    `${fresh} of ${slots} workers are new.`,
  ];
}

function missing({ pool, workers }) {
  if (pool.ready >= pool.desired) return null;
  const unhealthy = workers.filter(({ state }) => state === "unhealthy");
  return unhealthy.length > 0
    ? [
      "bad",
      `${named(unhealthy)} fail${
        unhealthy.length === 1 ? "s its" : " their"
      } ` +
      `probes; ${readyOf(pool)}.`,
    ]
    : ["warn", `${sentenceCase(readyOf(pool))}; more are starting.`];
}

function waiting({ queue, pool }) {
  return queue.depth > 0
    ? [
      "warn",
      `${sentenceCase(waitingRequests(queue.depth))} for one of ` +
      `${counted(pool.ready, "worker")} to be free.`,
    ]
    : null;
}

function reloadFailed({ workers }) {
  const last = lastReload();
  if (last === null || last.report.ok) return null;
  if (Date.now() - last.at > REMEMBERED_MS) return null;
  const { fromGeneration } = last.report;
  return [
    "warn",
    `The last reload failed; generation ${fromGeneration} serves ` +
    `on, with ${counted(new Set(workers.map(({ id }) => id)).size, "worker")}.`,
  ];
}

function suspected({ suspects }) {
  const last = suspects.at(-1);
  if (last === undefined || Date.now() - Date.parse(last.at) > REMEMBERED_MS) {
    return null;
  }
  const times = last.losses > 1
    ? "has ended more than one worker, and is not sent again"
    : "may have ended a worker";
  return [
    "warn",
    `All workers are ready, but ${last.method} ` +
    `${last.target.slice(0, 60)} ${times}.`,
  ];
}

function allIsWell({ pool, recentLatency, requestsPerSecond }) {
  const workers = pool.desired === 1
    ? "The worker is ready"
    : `All ${number(pool.desired)} workers are ready`;
  return requestsPerSecond > 0 && recentLatency.p50 !== null
    ? `${workers}; half of the requests take less than ` +
      `${milliseconds(recentLatency.p50)}.`
    : `${workers}; no requests of late.`;
}

const readyOf = ({ ready, desired }) =>
  `${number(ready)} of ${counted(desired, "worker")} ${
    ready === 1 ? "is" : "are"
  } ready`;

const waitingRequests = (depth) =>
  depth === 0
    ? "no request waits"
    : `${counted(depth, "request")} ${depth === 1 ? "waits" : "wait"}`;

const named = (workers) =>
  workers.length > 3
    ? counted(workers.length, "worker")
    : `Worker${workers.length === 1 ? "" : "s"} ` +
      workers.map(({ id }) => id).join(", ");

const sentenceCase = (text) => text[0].toUpperCase() + text.slice(1);
