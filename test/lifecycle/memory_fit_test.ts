/**
 * Whether the workers that the settings ask for fit into memory.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  limitShortfall,
  measuredShortfall,
  type MemoryFitOptions,
} from "../../src/lifecycle/memory_fit.ts";

const MIB = 1024 * 1024;

function settings(differing: Partial<MemoryFitOptions> = {}): MemoryFitOptions {
  return {
    poolSize: 4,
    spareWorkers: 0,
    maxWorkers: 4,
    maxWorkersAuto: false,
    skewProtection: false,
    maxWorkerMemoryMb: 256,
    ...differing,
  };
}

Deno.test("a pool of workers at their limit that does not fit is named, with what fits", () => {
  assert.equal(limitShortfall(settings(), 1024 * MIB), null);
  assert.equal(
    limitShortfall(settings(), 1023 * MIB),
    "POOL_SIZE=4 workers with MAX_WORKER_MEMORY_MB=256 each do not fit into " +
      "memory: they need 1024 MB, and 1023 MB can be had, which is enough " +
      "for 3; lower POOL_SIZE or MAX_WORKER_MEMORY_MB",
  );
});

Deno.test("spares take memory, too", () => {
  const message = limitShortfall(settings({ spareWorkers: 1 }), 1024 * MIB);
  assert.match(message!, /POOL_SIZE=4 and SPARE_WORKERS=1 .* need 1280 MB/);
});

Deno.test("so do those that a reload keeps for their clients", () => {
  const kept = settings({ skewProtection: true, maxWorkersAuto: true });
  assert.equal(limitShortfall(kept, 2048 * MIB), null);
  assert.match(
    limitShortfall(kept, 2047 * MIB)!,
    /POOL_SIZE=4 .*SKEW_PROTECTION keeps .* need 2048 MB, .* enough for 7; /,
  );
});

Deno.test("a pool that may grow beyond what fits is named, but for one that goes by memory", () => {
  const growing = settings({ maxWorkers: 16 });
  assert.match(
    limitShortfall(growing, 2048 * MIB)!,
    /^MAX_WORKERS=16 .* for 8/,
  );
  const auto = { ...growing, maxWorkersAuto: true };
  assert.equal(limitShortfall(auto, 2048 * MIB), null);
});

Deno.test("without a limit, or where the memory cannot be seen, nothing is said", () => {
  assert.equal(limitShortfall(settings({ maxWorkerMemoryMb: 0 }), MIB), null);
  assert.equal(limitShortfall(settings(), null), null);
  const measured = { workerBytes: 1e12, totalBytes: 4e12 };
  assert.equal(measuredShortfall(settings(), measured, null), null);
});

Deno.test("what workers use once they run counts without a limit: some may not have started, some are yet to come", () => {
  const options = settings({ maxWorkerMemoryMb: 0, maxWorkers: 16 });
  const two = { workerBytes: 100 * MIB, totalBytes: 200 * MIB };
  assert.match(
    measuredShortfall(options, two, 100 * MIB)!,
    /^POOL_SIZE=4 workers with the 100 MB that each uses now .* 300 MB can/,
  );
  const four = { workerBytes: 100 * MIB, totalBytes: 400 * MIB };
  assert.match(
    measuredShortfall(options, four, 400 * MIB)!,
    /^MAX_WORKERS=16 .* need 1600 MB, and 800 MB can be had/,
  );
  assert.equal(measuredShortfall(options, four, 1200 * MIB), null);
});
