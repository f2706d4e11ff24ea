/**
 * Hang, slow or dead, told apart.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  diagnose,
  type Observations,
  type ProcessActivity,
} from "../../src/health/diagnosis.ts";
import type { Diagnosis } from "../../src/events/worker_findings.ts";

const SLOW_REQUEST_MS = 30_000;

const IDLE: ProcessActivity = { states: "S", cpuRatio: 0.001 };

function diagnosisOf(observations: Partial<Observations>): Diagnosis {
  return diagnose({
    probe: "silent",
    oldestRequestMs: 0,
    slowRequestMs: SLOW_REQUEST_MS,
    activity: null,
    ...observations,
  });
}

Deno.test("a worker that answers is well, or has a slow request, whatever it computes", () => {
  const activity = { states: "R", cpuRatio: 1 };
  const diagnoses = [0, SLOW_REQUEST_MS - 1, SLOW_REQUEST_MS].map((age) =>
    diagnosisOf({ probe: "passed", oldestRequestMs: age, activity })
  );
  assert.deepEqual(diagnoses, ["well", "well", "slow-request"]);
});

Deno.test("with a bound of 0 no request is slow", () => {
  const diagnosis = diagnosisOf({
    probe: "passed",
    oldestRequestMs: 1e9,
    slowRequestMs: 0,
  });
  assert.equal(diagnosis, "well");
});

Deno.test("a worker that refuses or answers badly fails, which is no hang", () => {
  assert.equal(diagnosisOf({ probe: "failed", activity: IDLE }), "failing");
});

Deno.test("a silent worker is told by what its processes do", () => {
  const cases: readonly [string, number | null, Diagnosis][] = [
    // One of several processes that runs is enough; so is a look at the wrong moment.
    ["R", 0.98, "blocked"],
    ["SR", 0.02, "blocked"],
    ["S", 0.6, "blocked"],
    ["R", null, "blocked"],
    ["S", 0.001, "stuck"],
    ["SD", 0, "stuck"],
    ["S", null, "stuck"],
    ["T", 0, "stopped"],
    ["t", 0, "stopped"],
    ["ST", 0, "stopped"],
    // It computed until it was stopped.
    ["T", 0.9, "stopped"],
  ];
  for (const [states, cpuRatio, expected] of cases) {
    const activity = { states, cpuRatio };
    assert.equal(diagnosisOf({ activity }), expected, `${states} ${cpuRatio}`);
  }
});

Deno.test("a silent worker whose processes cannot be seen is not guessed at, however old its requests", () => {
  const diagnosis = diagnosisOf({ activity: null, oldestRequestMs: 1e6 });
  assert.equal(diagnosis, "unknown");
});
