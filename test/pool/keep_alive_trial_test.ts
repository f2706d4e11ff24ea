/**
 * Whether idle connections to a worker are kept.
 *
 * @module
 */

import assert from "node:assert/strict";
import { KeepAliveTrial } from "../../src/pool/keep_alive_trial.ts";

/** For each probe, whether connections are kept after it. */
function keptAfter(probes: readonly boolean[]): boolean[] {
  const trial = new KeepAliveTrial();
  return probes.map((responded) => trial.probed(responded));
}

/** How many responses in a row it takes until connections are kept. */
function responsesUntilKept(trial: KeepAliveTrial): number {
  for (let count = 1; count < 10_000; count++) {
    if (trial.probed(true)) return count;
  }
  throw new Error("Connections are never kept again");
}

Deno.test("connections are kept while probes get responses, and not after one that got none", () => {
  assert.deepEqual(keptAfter([true, true, false, false, true, true, true]), [
    true,
    true,
    false,
    false,
    false,
    true,
    true,
  ]);
});

Deno.test("a worker that is silent whenever connections are kept is tried less and less often, but always", () => {
  const trial = new KeepAliveTrial();
  const counts = Array.from({ length: 12 }, () => {
    trial.probed(false);
    return responsesUntilKept(trial);
  });
  assert.deepEqual(
    counts,
    [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024, 1024],
  );
});

Deno.test("one that is silent now and then is trusted again each time", () => {
  const trial = new KeepAliveTrial();
  for (let times = 0; times < 5; times++) {
    trial.probed(false);
    assert.equal(responsesUntilKept(trial), 2);
    trial.probed(true);
    trial.probed(true);
  }
});
