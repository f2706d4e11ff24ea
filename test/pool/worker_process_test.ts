/** What a worker's process leaves behind, by the pool's clock. */

import assert from "node:assert/strict";
import { launchGuarded } from "../../src/pool/worker_process.ts";
import { OrphanGuard } from "../../src/pool/orphan_guard.ts";
import { OutputScheduler } from "../../src/pool/output_scheduler.ts";
import { WorkerOutput } from "../../src/pool/worker_output.ts";
import { DEFAULT_DEADLINE_MS, withDeadline } from "../support/deadline.ts";

const STOP_TIMEOUT_MS = 1;

Deno.test("what a worker has left behind is given its time by the pool's clock", async () => {
  const guard = new OrphanGuard(() => {});
  await guard.ready;
  let now = 0;
  // By when more than STOP_TIMEOUT_MS have passed for everybody else.
  let looksToCome = 3;
  const looked = Promise.withResolvers<void>();
  const launch = launchGuarded(guard, () => {
    if (looksToCome-- === 0) looked.resolve();
    return now;
  });
  const process = launch({
    ...{ id: 0, port: 1, generation: 1, moved: false, directory: null },
    workerCommand: {
      kind: "arguments",
      argv: ["sh", "-c", "(trap '' TERM; while :; do sleep 0.01; done) &"],
    },
    workerEnvironment: {},
    stopTimeoutMs: STOP_TIMEOUT_MS,
    output: new WorkerOutput({
      limits: { workerLogRate: 0, workerLogBytes: 0 },
      scheduler: new OutputScheduler(),
      onLine: () => {},
    }),
  });
  try {
    const cleared = process.cleared.then(() => "cleared");
    assert.equal(
      await withDeadline(
        Promise.race([looked.promise.then(() => "left"), cleared]),
        DEFAULT_DEADLINE_MS,
        () => "Nobody looks after what is left",
      ),
      "left",
    );
    now = STOP_TIMEOUT_MS;
    await withDeadline(
      cleared,
      DEFAULT_DEADLINE_MS,
      () => "What is left is not killed",
    );
  } finally {
    process.kill();
    await process.cleared;
    await guard.stop();
  }
});
