/**
 * Reload and scale, for who may: whoever does not get at the commands' pages
 * (a proxy in front may keep them back) does not see them.
 */

import { byId, setAttributes, setText } from "./dom.js";
import { counted, milliseconds } from "./format.js";
import { command, fetchJson } from "./pool_client.js";
import { reloadNow } from "./reload_panel.js";

let instanceId = "";
let reloadAsked = false;

export async function startCommands() {
  onClick("reload", reload);
  onClick("fewer", () => scale("-1"));
  onClick("more", () => scale("+1"));
  try {
    instanceId = (await fetchJson("/_admin/instance")).id;
    byId("commands").hidden = false;
  } catch {
    // No commands, then.
  }
}

export function updateCommands({ pool, state }) {
  setText(byId("wanted"), `${pool.desired}`);
  const closed = state !== "serving";
  // Not `disabled`: the focus would be lost while somebody works with the keys.
  disable("fewer", closed || pool.desired <= pool.min);
  disable("more", closed || pool.desired >= pool.max);
  const busy = reloadAsked || reloadNow() !== null;
  disable("reload", closed || busy);
  setText(byId("reload"), busy ? "Reloading …" : "Reload");
}

function disable(id, disabled) {
  setAttributes(byId(id), { "aria-disabled": disabled });
}

function onClick(id, action) {
  const button = byId(id);
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    try {
      say(await action());
    } catch (error) {
      say({ ok: false, text: `Not done: ${error.message}` });
    }
  });
}

async function reload() {
  reloadAsked = true;
  setText(byId("reload"), "Reloading …");
  disable("reload", true);
  try {
    const { status, said } = await command("/_admin/reload", {}, instanceId);
    if (status !== 200 && status !== 409) return refused(status, said);
    const { ok, generation, fromGeneration, workers, durationMs, reason } =
      said;
    const text = ok
      ? `Generation ${generation} serves, after ${milliseconds(durationMs)}.`
      : workers.length === 0
      ? `Not reloaded: ${reason}`
      : `Reload failed; generation ${fromGeneration} serves on.`;
    return { ok, text };
  } finally {
    reloadAsked = false;
  }
}

async function scale(workers) {
  const { status, said } = await command(
    "/_admin/scale",
    { workers },
    instanceId,
  );
  if (status !== 200) return refused(status, said);
  const { asked, from, to } = said;
  setText(byId("wanted"), `${to}`);
  return to === asked
    ? { ok: true, text: `${counted(to, "worker")} wanted, ${from} before.` }
    : {
      ok: false,
      text: `${counted(to, "worker")} wanted: ${asked} is ` +
        (asked > to ? "above MAX_WORKERS." : "below MIN_WORKERS."),
    };
}

function refused(status, { error }) {
  return {
    ok: false,
    text: `Refused (${status}): ${error ?? "without a word"}`,
  };
}

function say({ ok, text }) {
  const verdict = byId("verdict");
  setAttributes(verdict, { "data-level": ok ? "good" : "bad" });
  setText(verdict, text);
}
