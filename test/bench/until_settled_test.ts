/**
 * Warming up ends when two rounds agree.
 *
 * @module
 */

import assert from "node:assert/strict";
import { untilSettled } from "../../bench/support/until_settled.ts";

/** Measures these figures, one after the other. */
function figures(...values: readonly number[]): () => Promise<number> {
  const left = [...values];
  return () => Promise.resolve(left.shift() ?? assert.fail("no more figures"));
}

Deno.test("rounds end when two in succession are within 10 % of each other", async () => {
  assert.deepEqual(
    await untilSettled(figures(30, 20, NaN, 20, 17.9, 16.2), {
      atLeast: 2,
      atMost: 10,
    }),
    { rounds: [30, 20, NaN, 20, 17.9, 16.2], settled: true },
  );
});

Deno.test("what agrees at once is measured as often as it must, and what never does is given up", async () => {
  assert.deepEqual(
    await untilSettled(figures(5, 5, 5), { atLeast: 3, atMost: 8 }),
    { rounds: [5, 5, 5], settled: true },
  );
  assert.deepEqual(
    await untilSettled(figures(8, 4, 8), { atLeast: 2, atMost: 3 }),
    { rounds: [8, 4, 8], settled: false },
  );
});
