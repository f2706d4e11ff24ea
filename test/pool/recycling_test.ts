/**
 * Workers that are replaced because they are worn out.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  exhaustsMemory,
  type RecyclingLimits,
  type ReplaceableWorker,
  replacementCause,
} from "../../src/pool/replacement.ts";
import { OomKills } from "../../src/system/oom_kills.ts";
import { Slot } from "../../src/pool/slot.ts";
import { childrenOf } from "../support/processes.ts";
import { NO_PROBES_MS, PoolHarness, poolWorker } from "./pool_harness.ts";

const MIB = 1024 * 1024;

const NO_LIMITS: RecyclingLimits = {
  maxRequests: 0,
  maxRequestsJitter: 0,
  maxWorkerAgeS: 0,
  maxWorkerMemoryMb: 0,
};

/** A worker of generation 1 that has been ready from the start. */
function worker(facts: Partial<ReplaceableWorker> = {}): ReplaceableWorker {
  return {
    generation: 1,
    health: null,
    retained: null,
    failing: false,
    state: { type: "ready", since: 0 },
    startedAt: 0,
    jitterSeed: 0,
    peakRssBytes: 0,
    upstream: { figures: { requests: 0 } },
    ...facts,
  };
}

Deno.test("a worker has no reason to go while nothing is wrong with it", () => {
  const busy = worker({
    upstream: { figures: { requests: 1e9 } },
    peakRssBytes: 1e12,
  });
  assert.equal(replacementCause(busy, 1, NO_LIMITS, 1e9), null);
});

Deno.test("requests, age and memory each wear a worker out at their limit, and not before", () => {
  const limits = {
    ...NO_LIMITS,
    maxRequests: 100,
    maxWorkerAgeS: 10,
    maxWorkerMemoryMb: 50,
  };
  const cause = (facts: Partial<ReplaceableWorker>, now = 0): unknown =>
    replacementCause(worker(facts), 1, limits, now);
  assert.equal(cause({ upstream: { figures: { requests: 99 } } }), null);
  assert.equal(
    cause({ upstream: { figures: { requests: 100 } } }),
    "max-requests",
  );
  assert.equal(cause({}, 9_999), null);
  assert.equal(cause({}, 10_000), "max-age");
  assert.equal(cause({ peakRssBytes: 50 * MIB }), null);
  assert.equal(cause({ peakRssBytes: 50 * MIB + 1 }), "max-memory");
});

Deno.test("the jitter makes the limit of requests less, never more", () => {
  const limits = { ...NO_LIMITS, maxRequests: 100, maxRequestsJitter: 0.1 };
  const cause = (jitterSeed: number, requests: number): unknown =>
    replacementCause(
      worker({ jitterSeed, upstream: { figures: { requests } } }),
      1,
      limits,
      0,
    );
  assert.equal(cause(0, 99), null);
  assert.equal(cause(0, 100), "max-requests");
  assert.equal(cause(0.5, 94), null);
  assert.equal(cause(0.5, 95), "max-requests");
  assert.equal(cause(0.999, 91), "max-requests");
});

Deno.test("a worker that is ill goes for that reason, whatever else is wrong with it", () => {
  const health = { healthy: false } as ReplaceableWorker["health"];
  const ill = worker({ health, upstream: { figures: { requests: 100 } } });
  const limits = { ...NO_LIMITS, maxRequests: 1 };
  assert.equal(replacementCause(ill, 2, limits, 0), "unhealthy");
  assert.equal(replacementCause(worker(), 2, limits, 0), "reload");
  const failing = worker({ failing: true });
  assert.equal(replacementCause(failing, 1, limits, 0), "failing");
});

Deno.test("a worker that only starts is not worn out", () => {
  const starting = worker({ state: { type: "starting", deadline: 1e9 } });
  const limits = { ...NO_LIMITS, maxWorkerAgeS: 1 };
  assert.equal(replacementCause(starting, 1, limits, 60_000), null);
});

Deno.test("the hard limit of memory is one and a half times the soft one", () => {
  const limits = { ...NO_LIMITS, maxWorkerMemoryMb: 100 };
  assert.equal(exhaustsMemory({ peakRssBytes: 150 * MIB }, limits), false);
  assert.equal(exhaustsMemory({ peakRssBytes: 150 * MIB + 1 }, limits), true);
  assert.equal(exhaustsMemory({ peakRssBytes: 1e15 }, NO_LIMITS), false);
});

Deno.test("complaint 8: workers that wore out together are replaced one at a time, each successor first", async () => {
  await using harness = new PoolHarness(poolWorker(), {
    poolSize: 2,
    maxRequests: 10,
    healthIntervalMs: NO_PROBES_MS,
  });
  await harness.pool.start();
  const from = harness.seen.length;
  for (const upstream of harness.dispatcher.upstreams) upstream.requests = 10;
  await harness.nth("worker-draining", 2);
  assert.deepEqual(harness.turnover(from), [
    "worker-spawned 0",
    "worker-ready 0",
    "worker-draining 0",
    "worker-spawned 1",
    "worker-ready 1",
    "worker-draining 1",
  ]);
  assert.deepEqual(
    harness.all("worker-draining").map(({ reason }) => reason),
    ["max-requests", "max-requests"],
  );
  assert.deepEqual(
    harness.all("worker-ready").map(({ replaces }) => replaces),
    [
      null,
      null,
      { reason: "max-requests", downMs: 0 },
      { reason: "max-requests", downMs: 0 },
    ],
  );
  assert.deepEqual(harness.pool.snapshot().restartsByReason, {
    "max-requests": 2,
  });
});

Deno.test("a worker goes at MAX_WORKER_AGE_S without being asked about", async () => {
  await using harness = new PoolHarness(poolWorker(), {
    maxWorkerAgeS: 1,
    healthIntervalMs: NO_PROBES_MS,
  });
  await harness.pool.start();
  const draining = await harness.nth("worker-draining", 1);
  assert.equal(draining.reason, "max-age");
});

Deno.test("complaint 9: memory above the limit is noticed, and the worker drains once its successor is ready", async () => {
  const usage = new Map<number, number>();
  await using harness = new PoolHarness(poolWorker(), {
    maxWorkerMemoryMb: 100,
    healthIntervalMs: NO_PROBES_MS,
  }, { readMemory: (pid) => usage.get(pid) ?? 50 * MIB });
  await harness.pool.start();
  const [pid] = harness.pids;
  usage.set(pid!, 120 * MIB);
  const draining = await harness.nth("worker-draining", 1);
  assert.deepEqual([draining.pid, draining.reason], [pid, "max-memory"]);
  assert.equal(harness.all("worker-ready").length, 2);
  const signalled = await harness.nth("worker-signalled", 1);
  assert.equal(signalled.signal, "SIGTERM");
});

Deno.test("complaint 9: a worker far above the limit is killed at once, and replaced", async () => {
  const usage = new Map<number, number>();
  await using harness = new PoolHarness(poolWorker(), {
    maxWorkerMemoryMb: 100,
    healthIntervalMs: NO_PROBES_MS,
  }, { readMemory: (pid) => usage.get(pid) ?? 50 * MIB });
  await harness.pool.start();
  const [upstream] = harness.dispatcher.upstreams;
  upstream!.claim();
  usage.set(harness.pids[0]!, 151 * MIB);
  const signalled = await harness.nth("worker-signalled", 1);
  assert.deepEqual(
    [signalled.signal, signalled.reason],
    ["SIGKILL", "used far more than MAX_WORKER_MEMORY_MB"],
  );
  assert.equal(upstream!.retired, true);
  const ready = await harness.nth("worker-ready", 2);
  assert.equal(ready.replaces?.reason, "max-memory");
  harness.dispatcher.release(upstream!);
});

/** What a pool says of the worker that ends when it is killed like this. */
async function killerOf(
  argv: readonly string[],
  { count, kill }: {
    readonly count: () => number | null;
    readonly kill: (leader: number) => void | Promise<void>;
  },
): Promise<readonly unknown[]> {
  await using harness = new PoolHarness(argv, {
    healthIntervalMs: NO_PROBES_MS,
  }, { oomKills: new OomKills(count) });
  await harness.pool.start();
  await kill(harness.pids[0]!);
  const { killer } = await harness.nth("worker-exited", 1);
  await harness.nth("worker-ready", 2);
  return [killer, harness.pool.snapshot().restartsByReason];
}

Deno.test("a worker that the kernel killed for want of memory is said to be out of memory, and is replaced for that", async () => {
  let kills = 3;
  assert.deepEqual(
    await killerOf(poolWorker(), {
      count: () => kills,
      kill: (pid) => {
        kills++;
        Deno.kill(pid, "SIGKILL");
      },
    }),
    ["out-of-memory", { "out-of-memory": 1 }],
  );
});

Deno.test("a program behind a wrapper that is killed for want of memory is, too", async () => {
  let kills = 0;
  // A shell that goes on, and ends with its program's code.
  const argv = ["sh", "-c", '"$@"; exit $?', "sh", ...poolWorker()];
  assert.deepEqual(
    await killerOf(argv, {
      count: () => kills,
      kill: async (shell) => {
        const [program] = await childrenOf(shell);
        kills++;
        Deno.kill(program!, "SIGKILL");
      },
    }),
    ["out-of-memory", { "out-of-memory": 1 }],
  );
});

Deno.test("a place whose worker failed its probes before it was found out of memory is made good for that", () => {
  const slot = new Slot(0);
  slot.noteLoss("unhealthy", 100);
  slot.noteLoss("exit", 150);
  assert.equal(slot.lossAt(200)?.reason, "unhealthy");
  slot.noteLoss("out-of-memory", 160);
  assert.deepEqual(slot.lossAt(200), { reason: "out-of-memory", downMs: 100 });
});

Deno.test("a worker that somebody else killed is told from that, where the kernel's count can be read", async () => {
  const kill = (pid: number): void => Deno.kill(pid, "SIGKILL");
  assert.deepEqual(await killerOf(poolWorker(), { count: () => 3, kill }), [
    "outside",
    { exit: 1 },
  ]);
  assert.deepEqual(await killerOf(poolWorker(), { count: () => null, kill }), [
    "unknown",
    { exit: 1 },
  ]);
});

Deno.test("a worker that ended by itself, or that we killed, was killed by nobody else", async () => {
  const usage = new Map<number, number>();
  await using harness = new PoolHarness(poolWorker(), {
    poolSize: 2,
    maxWorkerMemoryMb: 100,
    healthIntervalMs: NO_PROBES_MS,
  }, {
    readMemory: (pid) => usage.get(pid) ?? 50 * MIB,
    oomKills: new OomKills(() => 3),
  });
  await harness.pool.start();
  const [greedy, ended] = harness.pids;
  usage.set(greedy!, 151 * MIB);
  Deno.kill(ended!, "SIGABRT");
  await harness.nth("worker-exited", 2);
  assert.deepEqual(
    harness.all("worker-exited").map(({ killer }) => killer),
    [null, null],
  );
});

Deno.test("memory that cannot be read is said once", async () => {
  await using harness = new PoolHarness(poolWorker(), {
    maxWorkerMemoryMb: 100,
    healthIntervalMs: 50,
  }, { readMemory: () => null });
  await harness.pool.start();
  const { message } = await harness.nth("notice", 1);
  assert.match(message, /MAX_WORKER_MEMORY_MB.*with all permissions \(-A\)/);
  await harness.pool.stop();
  assert.equal(harness.all("notice").length, 1);
});
