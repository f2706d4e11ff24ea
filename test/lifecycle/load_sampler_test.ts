/** Which workers count where memory limits their number. */

import assert from "node:assert/strict";
import { countedWorkers } from "../../src/lifecycle/load_sampler.ts";
import { NO_FIGURES } from "../../src/plane/contract.ts";
import type { WorkerSnapshot } from "../../src/pool/pool_snapshot.ts";

function worker(differing: Partial<WorkerSnapshot>): WorkerSnapshot {
  return {
    id: 0,
    port: 8081,
    pid: 1,
    state: "ready",
    ready: true,
    spare: false,
    former: false,
    restarts: 0,
    failures: 0,
    startedAt: 0,
    uptimeMs: 0,
    generation: 2,
    upstream: 1,
    figures: NO_FIGURES,
    ...differing,
  };
}

Deno.test("each place with a worker counts once, and none that is held back, leaves, or is kept from before a reload", () => {
  const workers = [
    worker({ id: 0 }),
    // With its successor.
    worker({ id: 1, generation: 1 }),
    worker({ id: 1, state: "starting" }),
    worker({ id: 2, state: "waiting", pid: null }),
    worker({ id: 3, spare: true }),
    worker({ id: 4, state: "draining" }),
    worker({ id: 5, state: "terminating" }),
    worker({ id: 6, former: true, generation: 1 }),
    // Taken back by a pool that grows.
    worker({ id: 7, former: true }),
  ];
  assert.equal(countedWorkers({ workers, generation: 2 }), 3);
});
