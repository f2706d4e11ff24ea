/**
 * The trial of a new generation's worker, as figures.
 *
 * @module
 */

import assert from "node:assert/strict";
import { judgeCanary } from "../../src/pool/canary.ts";
import { type Outcomes, sumOutcomes } from "../../src/pool/outcomes.ts";

/** An old generation that fails one request in a hundred, and takes 10 ms. */
const OLD: Outcomes = {
  requests: 1_000,
  errors: 10,
  latencySumMs: 10_000,
};

/** One that has never failed. */
const FLAWLESS: Outcomes = { ...OLD, errors: 0 };

/** Figures of a worker that takes `meanMs`. */
function figures(requests: number, errors = 0, meanMs = 10): Outcomes {
  return { requests, errors, latencySumMs: requests * meanMs };
}

/** The verdict after `elapsedMs`, with five requests wanted. */
function verdict(
  canary: Outcomes,
  baseline: Outcomes = FLAWLESS,
  elapsedMs = 50,
): string {
  return judgeCanary(canary, baseline, { canaryRequests: 5, elapsedMs }).type;
}

Deno.test("a worker passes when it has answered enough requests as well as the old ones", () => {
  assert.equal(verdict(figures(4)), "open");
  assert.equal(verdict(figures(5)), "passed");
});

Deno.test("without enough traffic a second is enough", () => {
  assert.equal(verdict(figures(0), FLAWLESS, 999), "open");
  assert.equal(verdict(figures(0), FLAWLESS, 1_000), "passed");
  assert.equal(verdict(figures(1), FLAWLESS, 1_000), "passed");
});

Deno.test("two errors where the old ones make none fail it at once", () => {
  assert.equal(verdict(figures(2, 2)), "failed");
  assert.equal(verdict(figures(5, 2)), "failed");
});

Deno.test("a single error is a doubt that more requests settle", () => {
  assert.equal(verdict(figures(1, 1)), "open");
  assert.equal(verdict(figures(5, 1)), "open");
  assert.equal(verdict(figures(19, 1)), "open");
  assert.equal(verdict(figures(20, 1)), "passed");
  assert.equal(verdict(figures(20, 2)), "failed");
});

Deno.test("where little comes, and that goes wrong, it fails when the time is up", () => {
  assert.equal(verdict(figures(1, 1), FLAWLESS, 4_999), "open");
  assert.equal(verdict(figures(1, 1), FLAWLESS, 5_000), "failed");
  assert.equal(verdict(figures(3, 1), FLAWLESS, 5_000), "passed");
});

Deno.test("errors that the old generation makes too are no reason to go back", () => {
  const bad = { ...OLD, errors: 500 };
  assert.equal(verdict(figures(10, 5), bad), "passed");
  assert.equal(verdict(figures(100, 90), bad), "failed");
});

Deno.test("only what is clearly slower is too slow, and only when that lasts", () => {
  assert.equal(verdict(figures(5, 0, 529)), "passed");
  assert.equal(verdict(figures(5, 0, 531)), "open");
  assert.equal(verdict(figures(20, 0, 531)), "failed");
  assert.equal(verdict(figures(5, 0, 531), FLAWLESS, 5_000), "failed");
});

Deno.test("an old generation that has served nobody is no measure of speed", () => {
  const nothing = sumOutcomes([]);
  assert.equal(verdict(figures(5, 0, 60_000), nothing), "passed");
  assert.equal(verdict(figures(5, 2), nothing), "failed");
});

Deno.test("without a trial a worker is taken at its word", () => {
  const trial = { canaryRequests: 0, elapsedMs: 0 };
  assert.equal(judgeCanary(figures(9, 9), OLD, trial).type, "passed");
});

Deno.test("a verdict says what was seen, and what the old generation does", () => {
  const trial = { canaryRequests: 5, elapsedMs: 0 };
  assert.deepEqual(judgeCanary(figures(4, 3), OLD, trial), {
    type: "failed",
    reason:
      "3 of its first 4 requests failed, where the old workers fail 1.0 %",
  });
  assert.deepEqual(judgeCanary(figures(20, 0, 900), OLD, trial), {
    type: "failed",
    reason: "its first 20 requests took 900 ms on average, where those of " +
      "the old workers take 10 ms",
  });
});
