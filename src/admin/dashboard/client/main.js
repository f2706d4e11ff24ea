// deno-lint-ignore-file no-undef -- what a browser has is not known here
/**
 * Fills the dashboard: figures and history by asking every second, events as
 * they come. Runs in the browser, as it is.
 */

import { drawCharts, startCharts, updateCharts } from "./charts.js";
import { startCommands, updateCommands } from "./commands.js";
import { byId, oncePerFrame, setAttributes, setText } from "./dom.js";
import { showLinesOf, startFeed, takeEvent, updateFeed } from "./feed.js";
import { showLost, updateHeadline } from "./headline.js";
import { drawHeatMap, startHeatMap } from "./heat_map.js";
import { takeMark } from "./marks.js";
import { fetchJson, followEvents } from "./pool_client.js";
import { extendHistory } from "./pool_history.js";
import { takeReload, updateReload } from "./reload_panel.js";
import { updateSummary } from "./summary.js";
import { startTiles, updateTiles } from "./tiles.js";

/** Between two looks at the figures, in milliseconds. */
const POLL_MS = 1000;

let instanceId = null;
let lastSeen = Date.now();
let timer;

async function look() {
  clearTimeout(timer);
  try {
    const [metrics] = await Promise.all([
      fetchJson("/_metrics"),
      extendHistory(),
    ]);
    instanceId ??= metrics.instance.id;
    // Another run: nothing of what is shown is true of it.
    if (metrics.instance.id !== instanceId) return location.reload();
    lastSeen = Date.now();
    show(metrics);
    setConnection("live", "Live");
  } catch (error) {
    setConnection("lost", `No response from the pool (${error.message})`);
    showLost(lastSeen);
  }
  // Another look may have come in between.
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(look, POLL_MS);
}

function show(metrics) {
  updateReload(metrics);
  updateHeadline(metrics);
  updateSummary(metrics);
  updateTiles(metrics);
  updateFeed(metrics);
  updateCommands(metrics);
  updateCharts();
  drawHeatMap();
}

function setConnection(state, text) {
  setAttributes(document.body, { "data-connection": state });
  setText(byId("connection"), text);
}

const drawAnew = oncePerFrame(() => {
  drawCharts();
  drawHeatMap();
});

startCharts();
startHeatMap();
startTiles(showLinesOf);
startFeed();
startCommands();
drawAnew();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAnew);
addEventListener("resize", drawAnew);
// Nobody looks at a page in the background; whoever comes back sees all of it.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else look();
});
followEvents((event, id) => {
  takeMark(event);
  takeReload(event);
  takeEvent(event, id);
});
look();
