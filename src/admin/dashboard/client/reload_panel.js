/**
 * The reload that goes on, slot by slot, or what came of the last one.
 */

import { byId, make, makeShape, setAttributes, setText } from "./dom.js";
import { duration, milliseconds, number, timeOfDay } from "./format.js";

/** How far a slot has come, and what came of it: the shape, and the words. */
const STEPS = {
  old: ["dot", "old code"],
  starting: ["starting", "starting"],
  trial: ["spare", "on trial"],
  new: ["ready", "replaced"],
  replaced: ["ready", "replaced"],
  failed: ["unhealthy", "failed"],
  "rolled-back": ["draining", "rolled back"],
  kept: ["dot", "kept"],
};

/** `{ fromGeneration, generation, at }` while one goes on. */
let current = null;
let lastReport = null;
let shown = "";

/** The reload that goes on, or `null`. */
export const reloadNow = () => current;

/** What came of the last one, `{ report, at }`, or `null`. */
export const lastReload = () => lastReport;

/** Notes an event if it is about a reload. */
export function takeReload({ type, time, ...event }) {
  if (type === "reload-started") {
    current = { ...event, at: Date.parse(time) };
    byId("reload-details").open = true;
  } else if (type === "reload-finished") {
    current = null;
    lastReport = { report: event.report, at: Date.parse(time) };
    showReport(event.report, time);
  }
}

/** Follows the reload that goes on. */
export function updateReload({ workers }) {
  if (current === null) return;
  const { fromGeneration, generation, at } = current;
  const slots = Map.groupBy(workers, ({ id }) => id);
  const steps = [...slots].map(([id, there]) => ({
    id,
    step: stepOf(there, generation),
    note: noteOf(there, generation),
  }));
  show({
    level: "busy",
    text: `Reloading: generation ${generation} takes over from ` +
      `${fromGeneration}, for ${duration((Date.now() - at) / 1000)}`,
    steps,
  });
}

function stepOf(workers, generation) {
  const fresh = workers.find((worker) => worker.generation === generation);
  if (fresh === undefined) return "old";
  if (!fresh.ready && !fresh.spare) return "starting";
  return workers.some((worker) =>
      worker.generation < generation && worker.ready
    )
    ? "trial"
    : "new";
}

function noteOf(workers, generation) {
  const fresh = workers.find((worker) => worker.generation === generation);
  return fresh === undefined ? "" : `${number(fresh.requests)} requests`;
}

function showReport(report, time) {
  const { ok, fromGeneration, generation, reason, durationMs, workers } =
    report;
  const took = milliseconds(durationMs);
  show({
    level: ok ? "good" : "bad",
    text: ok
      ? `Reloaded at ${
        timeOfDay(time)
      }: generation ${generation} serves, after ${took}`
      : `Reload failed at ${timeOfDay(time)}, generation ${fromGeneration} ` +
        `serves on: ${reason}`,
    steps: workers.map((
      { workerId, verdict, reason, startupMs, requests },
    ) => ({
      id: workerId,
      step: verdict,
      note: reason ??
        (startupMs === null
          ? ""
          : `ready in ${milliseconds(startupMs)}, ${
            number(requests)
          } requests on trial`),
    })),
  });
  byId("reload-details").open = !ok;
}

function show({ level, text, steps }) {
  const panel = byId("reload-panel");
  panel.hidden = false;
  setAttributes(panel, { "data-level": level });
  setText(byId("reload-text"), text);
  // Built anew only when something has changed: who reads it is not disturbed.
  const now = JSON.stringify(steps);
  if (now === shown) return;
  shown = now;
  byId("reload-steps").replaceChildren(...steps.map(({ id, step, note }) => {
    const [shape, words] = STEPS[step] ?? STEPS.kept;
    return make(
      "li",
      { "data-step": step },
      makeShape(shape),
      make("b", {}, `${id}`),
      make("span", { class: "words" }, words),
      make("span", { class: "note" }, note),
    );
  }));
}
