/**
 * When a queue that grows is an overload.
 *
 * @module
 */

import assert from "node:assert/strict";
import { QueueGrowth } from "../../src/upstream/queue_growth.ts";

/** Arrivals and completions in a second, until a time in milliseconds. */
interface Stretch {
  readonly until: number;
  readonly arrivals: number;
  readonly finished: number;
}

/** When it is known that more come than can be served; `null` when it never is. */
function knownAt(
  stretches: readonly Stretch[],
  { atWorkers = 2 }: { readonly atWorkers?: number } = {},
): number | null {
  const growth = new QueueGrowth();
  let there = 0;
  let done = 0;
  let now = 0;
  for (const { until, arrivals, finished } of stretches) {
    while (now < until) {
      now += 100;
      const served = Math.min(there + arrivals / 10, finished / 10);
      done += served;
      there += arrivals / 10 - served;
      const working = Math.min(there, atWorkers);
      const queued = there - working;
      if (growth.look({ now, queued, working, finished: done })) return now;
    }
  }
  return null;
}

const USUAL: Stretch = { until: 5_000, arrivals: 200, finished: 300 };

Deno.test("twice as many as can be served are known after a second and a half", () => {
  const at = knownAt([USUAL, { until: 60_000, arrivals: 600, finished: 300 }]);
  assert(at !== null && at > 6_000 && at <= 6_700, `${at}`);
});

Deno.test("a tenth too many is known before anybody waits for three seconds", () => {
  const at = knownAt([USUAL, { until: 60_000, arrivals: 330, finished: 300 }]);
  assert(at !== null && at < 35_000, `${at}`);
});

const none: Readonly<Record<string, readonly Stretch[]>> = {
  "a burst of a second": [
    USUAL,
    { until: 6_000, arrivals: 5_000, finished: 300 },
    { until: 60_000, arrivals: 200, finished: 300 },
  ],
  "many that all wait for their responses": [
    USUAL,
    { until: 5_500, arrivals: 5_000, finished: 300 },
    { until: 60_000, arrivals: 300, finished: 300 },
  ],
  "workers that are held up": [
    USUAL,
    { until: 9_000, arrivals: 200, finished: 0 },
    { until: 60_000, arrivals: 200, finished: 300 },
  ],
  "workers that do less than they did": [
    USUAL,
    { until: 7_000, arrivals: 200, finished: 60 },
    { until: 60_000, arrivals: 200, finished: 300 },
  ],
  "more than before, as long as it is served": [
    USUAL,
    { until: 60_000, arrivals: 299, finished: 300 },
  ],
  "so many that wait for less than a second": [
    USUAL,
    { until: 5_900, arrivals: 600, finished: 300 },
    { until: 60_000, arrivals: 250, finished: 300 },
  ],
};
for (const [name, stretches] of Object.entries(none)) {
  Deno.test(`${name} is no overload`, () => {
    assert.equal(knownAt(stretches), null);
  });
}

Deno.test("what workers are given at once is no queue", () => {
  const overload = [{ until: 20_000, arrivals: 600, finished: 300 }];
  assert.equal(knownAt(overload, { atWorkers: Infinity }), null);
});
