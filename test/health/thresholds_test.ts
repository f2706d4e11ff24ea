/**
 * So many in a row.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  countLoss,
  countProbe,
  reachOf,
  UNPROBED,
} from "../../src/health/thresholds.ts";

/** Health after each probe: `+` passed, `-` failed. */
function healthAfter(
  probes: string,
  healthFall: number,
  healthRise: number,
): (boolean | null)[] {
  let count = UNPROBED;
  return Array.from(probes, (probe) => {
    count = countProbe(count, probe === "+" ? "passed" : "failed", {
      healthFall,
      healthRise,
    });
    return count.healthy;
  });
}

Deno.test("the first success is enough, whatever came before and whatever the rise", () => {
  assert.deepEqual(healthAfter("----+", 2, 3), [null, null, null, null, true]);
});

Deno.test("it takes the fall in a row to become unhealthy", () => {
  assert.deepEqual(
    healthAfter("+--+---", 3, 1),
    [true, true, true, true, true, true, false],
  );
});

Deno.test("it takes the rise in a row to become healthy again", () => {
  assert.deepEqual(
    healthAfter("+-+-++", 1, 2),
    [true, false, false, false, false, true],
  );
});

Deno.test("failures are counted on after the fall", () => {
  let count = UNPROBED;
  for (const outcome of ["passed", "failed", "silent", "silent"] as const) {
    count = countProbe(count, outcome, { healthFall: 2, healthRise: 1 });
  }
  assert.deepEqual(count, {
    healthy: false,
    successes: 0,
    failures: 3,
    silences: 2,
  });
});

Deno.test("it takes the fall in a row without a response to be unreachable, and one response to be reached", () => {
  let count = UNPROBED;
  const thresholds = { healthFall: 2, healthRise: 1 };
  const outcomes = ["failed", "silent", "silent", "failed", "passed"] as const;
  const reaches = outcomes.map((outcome) => {
    count = countProbe(count, outcome, thresholds);
    return reachOf(count, thresholds);
  });
  assert.deepEqual(
    reaches,
    ["responding", "doubtful", "unreachable", "responding", "responding"],
  );
});

Deno.test("a worker whose port is another's is out of reach at once, whatever the fall", () => {
  const thresholds = { healthFall: 10, healthRise: 1 };
  const up = countProbe(UNPROBED, "passed", thresholds);
  const lost = countLoss(up);
  assert.equal(lost.healthy, false);
  assert.equal(reachOf(lost, thresholds), "unreachable");
});
