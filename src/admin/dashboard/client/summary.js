// deno-lint-ignore-file no-undef -- what a browser has is not known here
/** What is known beside charts and tiles: totals, suspects, decisions. */

import { byId, make, setText } from "./dom.js";
import { duration, milliseconds, number, timeOfDay } from "./format.js";
import { changeText, heldText } from "./scaling_text.js";

/** Suspects and decisions that are shown. */
const MOST_SUSPECTS = 3;
const MOST_DECISIONS = 20;

const FIGURES = {
  requests: ({ totalRequests }) => number(totalRequests),
  failed: ({ responses }) => number(responses["5xx"]),
  retries: ({ retries }) => number(retries),
  rejected: ({ queue }) => number(queue.rejected + queue.timedOut),
  wait: ({ queue }) => milliseconds(queue.wait.p99),
  restarts: ({ pool }) => number(pool.restarts),
  oom: ({ pool }) => number(pool.outOfMemory),
  recovery: ({ recovery }) => milliseconds(recovery.p50),
  clients: ({ connections }) => number(connections.client),
  idle: ({ connections }) => number(connections.upstreamIdle),
  lag: ({ eventLoopLag }) => milliseconds(eventLoopLag),
  dropped: ({ output }) => number(output.droppedLines),
};

export function updateSummary(metrics) {
  const { instance, generation, uptimeSeconds, pool } = metrics;
  setText(byId("pool-name"), instance.name ?? "");
  setText(byId("generation"), number(generation));
  setText(byId("uptime"), duration(uptimeSeconds));
  setText(byId("version"), instance.version);
  setText(
    byId("ready"),
    `${pool.ready} ready, ${pool.desired} wanted` +
      (pool.spare > 0 ? `, ${pool.spare} spare` : ""),
  );
  document.title = `${pool.ready}/${pool.desired} ready · ` +
    (instance.name ?? "prefork-pool");
  for (const [name, read] of Object.entries(FIGURES)) {
    setText(byId(`figure-${name}`), read(metrics));
  }
  updateSuspects(metrics.suspects);
  updateDecisions(metrics);
}

function updateSuspects(suspects) {
  byId("suspects-panel").hidden = suspects.length === 0;
  replaceIfChanged(
    byId("suspects"),
    lastOfEach(suspects).slice(-MOST_SUSPECTS).reverse(),
    ({ at, method, target, requestId, workerId, status, losses }) => [
      make("code", {}, `${method} ${target}`),
      make(
        "span",
        {},
        losses > 1
          ? "has ended more than one worker, and is not sent again: "
          : "was in flight when ",
        `worker ${workerId} ${
          status.signal === null
            ? `exited with code ${status.code}`
            : `was ended by ${status.signal}`
        } at ${timeOfDay(at)}; request ${requestId}`,
      ),
    ],
  );
}

/** A request that has cost several workers is named once, and last, with the last of them. */
function lastOfEach(suspects) {
  const byRequest = new Map();
  for (const suspect of suspects) {
    const key = `${suspect.method} ${suspect.target}`;
    byRequest.delete(key);
    byRequest.set(key, suspect);
  }
  return [...byRequest.values()].sort((a, b) => a.losses - b.losses);
}

function updateDecisions({ scaling, scalingHeld }) {
  const changes = scaling.map((change) => ({
    at: change.at,
    text: changeText(change),
  }));
  const held = scalingHeld === null
    ? []
    : [{ at: scalingHeld.at, text: heldText(scalingHeld) }];
  const all = [...changes, ...held].sort((a, b) => a.at < b.at ? 1 : -1);
  byId("no-decisions").hidden = all.length > 0;
  replaceIfChanged(
    byId("decisions"),
    all.slice(0, MOST_DECISIONS),
    ({ at, text }) => [
      make("time", { datetime: at }, timeOfDay(at)),
      make("span", {}, text),
    ],
  );
}

const shown = new WeakMap();

/** Makes the items of a list, unless they are there already. */
function replaceIfChanged(list, items, childrenOf) {
  const now = JSON.stringify(items);
  if (shown.get(list) === now) return;
  shown.set(list, now);
  list.replaceChildren(
    ...items.map((item) => make("li", {}, ...childrenOf(item))),
  );
}
