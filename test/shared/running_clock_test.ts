/** The clock that does not count time in which nobody ran. */

import assert from "node:assert/strict";
import {
  MOST_PASSED_MS,
  RUNNING_LOOK_MS,
  runningClock,
} from "../../src/shared/running_clock.ts";

Deno.test("the running clock counts what passes between two looks, and no more than a look may be late", () => {
  let at = 70;
  const clock = runningClock(() => at);
  assert.equal(clock(), 70);
  at += RUNNING_LOOK_MS;
  assert.equal(clock(), 70 + RUNNING_LOOK_MS);
  at += 90_000;
  const thawed = 70 + RUNNING_LOOK_MS + MOST_PASSED_MS;
  assert.equal(clock(), thawed, "frozen for 90 s");
  assert.equal(clock(), thawed);
  at += 5;
  assert.equal(clock(), thawed + 5);
});
