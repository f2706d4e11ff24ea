/**
 * How long a replacement waits.
 *
 * @module
 */

import assert from "node:assert/strict";
import { MAX_DELAY_MS, planRestart } from "../../src/pool/restart_limit.ts";

/** The waits after so many lives alike, with the randomness given. */
function waits(
  count: number,
  servedMs: number | null,
  random = 0.999_999,
): number[] {
  let failures = 0;
  return Array.from({ length: count }, () => {
    const restart = planRestart({ servedMs, failures, random });
    failures = restart.failures;
    return Math.round(restart.delayMs);
  });
}

Deno.test("a worker that served is replaced at once", () => {
  assert.deepEqual(waits(1, 3), [0]);
});

Deno.test("a worker that never gets ready is tried more and more slowly, but always", () => {
  const expected = [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600];
  assert.deepEqual(waits(12, null), [
    ...expected,
    MAX_DELAY_MS,
    MAX_DELAY_MS,
    MAX_DELAY_MS,
  ]);
});

Deno.test("a worker that dies soon after getting ready is slowed down as well", () => {
  assert.deepEqual(waits(4, 900), [0, 200, 400, 800]);
});

Deno.test("half of each wait is random, so that workers which failed together come apart", () => {
  assert.deepEqual(waits(3, null, 0), [50, 100, 200]);
});

Deno.test("a worker killed now and then is no crash loop", () => {
  assert.deepEqual(waits(50, 4_000), Array(50).fill(0));
});

Deno.test("a second in service pays back one failure", () => {
  const after = (servedMs: number): number =>
    planRestart({ servedMs, failures: 4, random: 0.999_999 }).failures;
  assert.deepEqual([999, 1_000, 3_000, 4_000].map(after), [5, 4, 2, 1]);
});

Deno.test("a healthy minute leaves no debt, however long the crash loop was", () => {
  let failures = 0;
  for (let i = 0; i < 1_000; i++) {
    failures = planRestart({ servedMs: null, failures, random: 0 }).failures;
  }
  assert.deepEqual(
    planRestart({ servedMs: 60_000, failures, random: 0 }),
    { failures: 1, delayMs: 0 },
  );
});
