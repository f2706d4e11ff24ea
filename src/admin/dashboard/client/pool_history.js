/**
 * The last 15 minutes as the pool has kept them: fetched whole at first, and
 * then what has come since.
 */

import { fetchJson } from "./pool_client.js";

/** How far back is shown, in seconds. */
export const SHOWN_SECONDS = 900;

/** Least that is shown: a pool that has just started need not fill more. */
const LEAST_SECONDS = 60;

/** Without a new sample for so long, in seconds, the pool's clock has been set back, or ours has slept. */
const STALE_SECONDS = 10;

/** Columns of figures; those of the workers are by slot. */
const COLUMNS = [
  "at",
  "requestsPerSecond",
  "failuresPerSecond",
  "p50",
  "p99",
  "inFlight",
  "queued",
  "ready",
  "desired",
  "down",
];

const empty = () => ({
  ...Object.fromEntries(COLUMNS.map((name) => [name, []])),
  workers: new Map(),
});

let columns = empty();
let extendedAt = 0;

/** The samples in columns, oldest first; `workers` maps slots to theirs. */
export const samples = () => columns;

/** The times between which charts are drawn, in seconds since the Unix epoch. */
export function shownRange() {
  const last = columns.at.at(-1) ?? Date.now() / 1000;
  const first = Math.max(columns.at[0] ?? last, last - SHOWN_SECONDS);
  return [Math.min(first, last - LEAST_SECONDS), last];
}

/** Fetches what is new. */
export async function extendHistory() {
  const stale = performance.now() - extendedAt > STALE_SECONDS * 1000;
  const since = stale ? 0 : columns.at.at(-1) ?? 0;
  const added = await fetchJson(`/_metrics/history?since=${since}`);
  if (stale) columns = empty();
  if (added.at.length === 0) return;
  // Somebody else has fetched the same meanwhile.
  if (columns.at.at(-1) >= added.at[0]) return;
  extendedAt = performance.now();
  append(added);
  forget(columns.at.at(-1) - SHOWN_SECONDS);
}

function append(added) {
  const before = columns.at.length;
  for (const name of COLUMNS) columns[name].push(...added[name]);
  const slots = new Set([
    ...columns.workers.keys(),
    ...Object.keys(added.workers).map(Number),
  ]);
  for (const slot of slots) {
    const old = columns.workers.get(slot) ?? Array(before).fill(null);
    const more = added.workers[slot] ?? Array(added.at.length).fill(null);
    columns.workers.set(slot, [...old, ...more]);
  }
}

/** Forgets what is older than `from`. */
function forget(from) {
  const count = columns.at.findIndex((at) => at >= from);
  if (count <= 0) return;
  for (const name of COLUMNS) columns[name].splice(0, count);
  for (const [slot, rates] of columns.workers) {
    rates.splice(0, count);
    if (rates.every((rate) => rate === null)) columns.workers.delete(slot);
  }
}
