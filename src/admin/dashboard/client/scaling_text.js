/** Why there are as many workers as there are, in sentences. */

import { compact, counted, number } from "./format.js";

/** The rule that asks for another number, by what it has seen. */
const REASONS = {
  rate: ({ ratePerWorker }) =>
    `${
      compact(ratePerWorker)
    } requests per second came for each ready worker, more than SCALE_UP_RATE`,
  queue: ({ queued }) =>
    queued > 0
      ? `${counted(queued, "request")} waited while every worker was busy`
      : "every worker was at its limit",
  idle: ({ rate, ratePerWorker }) =>
    rate > 0
      ? `${
        compact(ratePerWorker)
      } requests per second came for each worker, less than SCALE_DOWN_RATE`
      : "no requests came",
  command: () => "somebody asked for it",
};

/** The rule that keeps it from being what was asked for. */
const LIMITS = {
  "max-workers": "capped by MAX_WORKERS",
  cpus: "capped by the CPUs available",
  memory: "capped by the memory available",
  "min-workers": "kept up by MIN_WORKERS",
  half: "half of the workers leave at a time",
  interval: "SCALE_INTERVAL_MS has to pass first",
  "next-sample": "the next sample will show the whole of it",
  "down-delay": "it has to be so for SCALE_DOWN_DELAY_MS",
  panic: "a burst has just been answered",
};

function because({ reason, inputs }) {
  return REASONS[reason]?.(inputs) ?? reason;
}

function limited({ limitedBy }) {
  return limitedBy === null ? "" : ` (${LIMITS[limitedBy] ?? limitedBy})`;
}

/** A change of the wanted number. */
export function changeText(change) {
  const { from, to, needed } = change;
  const what = `${from} → ${counted(to, "worker")}`;
  const wish = change.limitedBy !== null && needed !== to
    ? `; ${number(needed)} were needed`
    : "";
  return `${what}: ${because(change)}${wish}${limited(change)}.`;
}

/** A number that is asked for and held back. */
export function heldText(held) {
  return `${counted(held.workers, "worker")} stay, ${number(held.needed)} ` +
    `would do: ${because(held)}${limited(held)}.`;
}

/** The last decision, and when it was made; `at` is `null` where there has been none. */
export function lastDecision({ scaling, scalingHeld, pool }) {
  const change = scaling.at(-1);
  if (scalingHeld !== null && !(change?.at > scalingHeld.at)) {
    return { at: scalingHeld.at, text: heldText(scalingHeld) };
  }
  if (change !== undefined) return { at: change.at, text: changeText(change) };
  const bounds = pool.min === pool.max
    ? "fixed: MIN_WORKERS and MAX_WORKERS are the same"
    : `between ${pool.min} and ${pool.max}; the traffic has asked for no other number`;
  return { at: null, text: `${counted(pool.desired, "worker")}, ${bounds}.` };
}
