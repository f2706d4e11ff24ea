/**
 * Hang, slow or dead, told apart by three observations from outside: the
 * probe, the age of the oldest request, and what the processes do meanwhile.
 *
 * Pure: it is handed what others have seen.
 *
 * @module
 */

import type { Diagnosis } from "../events/worker_findings.ts";

/**
 * CPU time per time from which a silent worker is said to compute. A blocked
 * event loop keeps a CPU busy, or its share of a machine that has too much to
 * do; one that sleeps uses next to nothing, timers and threads included.
 */
export const COMPUTING_RATIO = 0.1;

/** What the processes of a worker do. */
export interface ProcessActivity {
  /** State of each process, as a letter of `ps`: `R` runs, `S` and `D` sleep, `T` and `t` are stopped. */
  readonly states: string;
  /** CPU time used, per time that passed; `null` after a single look. */
  readonly cpuRatio: number | null;
}

/** What was observed of a worker. */
export interface Observations {
  /** What came of the probe: a good response, another one or a refusal, or none in time. */
  readonly probe: "passed" | "failed" | "silent";
  /** Age of its oldest request that waits for a response, in milliseconds; 0 without any. */
  readonly oldestRequestMs: number;
  /** From which age on a request is slow, in milliseconds; 0 is never. */
  readonly slowRequestMs: number;
  /** What its processes do, or `null` when that cannot be seen. */
  readonly activity: ProcessActivity | null;
}

/**
 * Returns what the matter is.
 *
 * @example
 * ```ts
 * import { diagnose } from "./diagnosis.ts";
 * import assert from "node:assert/strict";
 *
 * const seen = { oldestRequestMs: 6_200, slowRequestMs: 30_000 };
 * const activity = { states: "R", cpuRatio: 0.98 };
 * assert.equal(diagnose({ ...seen, probe: "silent", activity }), "blocked");
 * ```
 */
export function diagnose(observations: Observations): Diagnosis {
  const { probe, oldestRequestMs, slowRequestMs, activity } = observations;
  switch (probe) {
    case "passed":
      return slowRequestMs > 0 && oldestRequestMs >= slowRequestMs
        ? "slow-request"
        : "well";
    case "failed":
      return "failing";
    case "silent":
      return activity === null ? "unknown" : diagnoseSilence(activity);
  }
}

function diagnoseSilence({ states, cpuRatio }: ProcessActivity): Diagnosis {
  const runs = states.includes("R");
  // What it computed before it was stopped does not matter any more.
  if (/T/i.test(states) && !runs) return "stopped";
  return runs || (cpuRatio ?? 0) >= COMPUTING_RATIO ? "blocked" : "stuck";
}
