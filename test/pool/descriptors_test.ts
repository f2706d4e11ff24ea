/**
 * A pool that cannot start a process for want of descriptors.
 *
 * @module
 */

import assert from "node:assert/strict";
import { OutOfDescriptors } from "../support/shortage.ts";
import { NO_PROBES_MS, PoolHarness, poolWorker } from "./pool_harness.ts";

Deno.test("a replacement that cannot be started for want of descriptors is tried again, later and later", async () => {
  await using harness = new PoolHarness(poolWorker(), {
    healthIntervalMs: NO_PROBES_MS,
  });
  await harness.pool.start();
  {
    using _ = new OutOfDescriptors("listen", "Command");
    Deno.kill(harness.pids[0]!, "SIGKILL");
    const failures = [
      await harness.nth("worker-start-failed", 1),
      await harness.nth("worker-start-failed", 2),
    ];
    for (const { reason } of failures) {
      assert.match(reason, /limit of open files is reached; raise it/);
    }
    const [first = 0, second = 0] = failures.map((event) => event.retryInMs);
    assert.ok(0 < first && first < second);
  }
  await harness.nth("worker-ready", 2);
});
