/**
 * When the next probe is due.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ProbeSchedule } from "../../src/health/probe_schedule.ts";
import { countProbe, UNPROBED } from "../../src/health/thresholds.ts";

/** The defaults of the settings. */
const INTERVAL_MS = 2_000;
const TIMEOUT_MS = 2_000;
const THRESHOLDS = { healthFall: 3, healthRise: 1 };

/** The schedule of a worker that has become ready. */
function readySchedule(random: () => number): ProbeSchedule {
  const schedule = new ProbeSchedule(INTERVAL_MS, random);
  schedule.pauseAfter(true, 0);
  return schedule;
}

Deno.test("a worker that starts is asked every few milliseconds, and less and less often", () => {
  const schedule = new ProbeSchedule(INTERVAL_MS, () => 0);
  const pauses = Array.from(
    { length: 20 },
    () => schedule.pauseAfter(false, 0),
  );
  assert.equal(pauses[0], 5);
  assert.deepEqual(pauses, pauses.toSorted((a, b) => a - b));
  assert.equal(pauses.at(-1), 100);
});

Deno.test("workers that became ready together are not asked together", () => {
  const first = [0, 0.25, 0.99].map((random) =>
    new ProbeSchedule(INTERVAL_MS, () => random).pauseAfter(true, 0)
  );
  assert.deepEqual(first, [0, 500, 1_980]);
});

Deno.test("the interval is from beginning to beginning, and varies by a tenth", () => {
  const pauses = [0, 0.5, 1].map((random) =>
    readySchedule(() => random).pauseAfter(true, 300)
  );
  assert.deepEqual(pauses, [1_500, 1_700, 1_900]);
});

Deno.test("a probe that failed is followed soon, and at once when it has taken long", () => {
  const schedule = readySchedule(() => 0.5);
  assert.equal(schedule.pauseAfter(false, 0), 500);
  assert.equal(schedule.pauseAfter(false, 200), 300);
  assert.equal(schedule.pauseAfter(false, TIMEOUT_MS), 0);
  assert.equal(schedule.pauseAfter(true, 0), INTERVAL_MS);
});

Deno.test("a refused connection has the worker asked at once, and often until it answers", () => {
  const schedule = readySchedule(() => 0.5);
  assert.equal(schedule.hurry(), true);
  assert.equal(schedule.hurry(), false);
  assert.equal(schedule.pauseAfter(false, 0), 5);
  schedule.pauseAfter(true, 0);
  assert.equal(schedule.pauseAfter(true, 0), INTERVAL_MS);
});

Deno.test("with the defaults a worker that hangs is known for it within 8.2 s", () => {
  // It hangs just after it has answered, and chance has the longest interval.
  const schedule = readySchedule(() => 1);
  let count = countProbe(UNPROBED, "passed", THRESHOLDS);
  let elapsedMs = schedule.pauseAfter(true, 0);
  for (;;) {
    count = countProbe(count, "failed", THRESHOLDS);
    elapsedMs += TIMEOUT_MS;
    if (count.healthy === false) break;
    elapsedMs += schedule.pauseAfter(false, TIMEOUT_MS);
  }
  assert.equal(elapsedMs, 8_200);
});
