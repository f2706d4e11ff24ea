/**
 * A pool inside the program that uses it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import {
  ConfigError,
  EventEmitter,
  type PoolEvent,
  PoolStartError,
  StartError,
  startPool,
  type StartPoolOptions,
} from "../../mod.ts";
import { waitUntilGone } from "../support/processes.ts";
import { get, whoAnswers } from "../support/requests.ts";

const OPTIONS: StartPoolOptions = {
  port: 0,
  workerPort: 0,
  host: "127.0.0.1",
  poolSize: 2,
  // Nothing happens by itself on a machine that is busy with other things.
  healthTimeoutMs: 60_000,
  queueTimeoutMs: 60_000,
  scaleIntervalMs: 3_600_000,
};

/** Events, kept. */
class Recorder extends EventEmitter {
  readonly seen: PoolEvent[] = [];
  /** Those of others. */
  listeners = -1;

  constructor() {
    super();
    this.subscribe((event) => this.seen.push(event));
  }

  override subscribe(
    ...listener: Parameters<EventEmitter["subscribe"]>
  ): () => void {
    const unsubscribe = super.subscribe(...listener);
    this.listeners++;
    return () => {
      this.listeners--;
      unsubscribe();
    };
  }

  get workerPids(): number[] {
    return this.seen.flatMap((event) =>
      event.type === "worker-spawned" ? [event.pid] : []
    );
  }

  get types(): string[] {
    return this.seen.map(({ type }) => type);
  }
}

Deno.test("startPool() can be used again after stop(), which leaves nothing behind", async () => {
  for (let round = 0; round < 2; round++) {
    const events = new Recorder();
    const pool = await startPool({ ...OPTIONS, events });
    assert.equal(pool.events, events);
    assert.equal(pool.state, "serving");
    assert.equal(pool.url, `http://127.0.0.1:${pool.port}`);
    assert.ok([0, 1].includes((await whoAnswers(pool.port)).workerId));
    assert.equal(pool.metrics().totalRequests, 1);
    const stopped = pool.stop();
    await Promise.all([stopped, pool.stop()]);
    assert.equal(pool.state, "stopped");
    await assert.rejects(get(pool.port, "/"), /ECONNREFUSED/);
    await waitUntilGone(events.workerPids, 0);
    assert.equal(events.workerPids.length, 2);
    assert.equal(events.listeners, 0);
  }
});

Deno.test("two pools in one process know nothing of each other", async () => {
  await using first = await startPool(OPTIONS);
  await using second = await startPool({ ...OPTIONS, poolSize: 1 });
  assert.notEqual(first.port, second.port);
  for (let i = 0; i < 4; i++) await whoAnswers(first.port);
  await whoAnswers(second.port);
  assert.deepEqual(
    [first.metrics().totalRequests, second.metrics().totalRequests],
    [4, 1],
  );
  const ports = [...first.metrics().workers, ...second.metrics().workers]
    .map(({ port }) => port);
  assert.equal(new Set(ports).size, 3);
  await first.stop();
  assert.equal((await whoAnswers(second.port)).workerId, 0);
});

Deno.test("events tell the story of a pool from the first worker to the end", async () => {
  const events = new Recorder();
  const pool = await startPool({ ...OPTIONS, poolSize: 1, events });
  await pool.stop();
  assert.deepEqual(events.types, [
    "worker-spawned",
    "worker-ready",
    "state-changed",
    "listening",
    "state-changed",
    "worker-draining",
    "worker-signalled",
    "worker-exited",
    "state-changed",
  ]);
  const listening = events.seen.find(({ type }) => type === "listening");
  // In the program's own thread, whatever is permitted: figures are exact.
  assert.ok(listening?.type === "listening");
  assert.equal(listening.transport, "deno");
});

Deno.test("scaleTo() keeps to the bounds and takes effect", async () => {
  const events = new Recorder();
  await using pool = await startPool({ ...OPTIONS, maxWorkers: 3, events });
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  events.subscribe((event) => event.type === "worker-ready" && resolve());
  assert.equal(pool.scaleTo(9), 3);
  await ready;
  assert.equal(pool.metrics().pool.ready, 3);
  const { promise: gone, resolve: tellGone } = Promise.withResolvers<void>();
  events.subscribe((event) => event.type === "worker-exited" && tellGone());
  assert.equal(pool.scaleTo(1), 2);
  await gone;
  assert.deepEqual(pool.metrics().workers.map(({ id }) => id), [0, 1]);
  assert.deepEqual(
    pool.metrics().scaling.map(({ from, to, needed, reason, limitedBy }) => [
      from,
      to,
      needed,
      reason,
      limitedBy,
    ]),
    [
      [2, 3, 9, "command", "max-workers"],
      [3, 2, 1, "command", "min-workers"],
    ],
  );
  assert.throws(() => pool.scaleTo(1.5), RangeError);
});

Deno.test("reload() replaces the workers of an embedded pool, and says so", async () => {
  const events = new Recorder();
  await using pool = await startPool({ ...OPTIONS, events });
  const { pid } = await whoAnswers(pool.port);
  const report = await pool.reload();
  assert.deepEqual(
    [report.ok, report.generation, report.workers.length],
    [true, 2, 2],
  );
  assert.notEqual((await whoAnswers(pool.port)).pid, pid);
  assert.ok(events.types.includes("reload-finished"));
  await pool.stop();
  const late = await pool.reload();
  assert.deepEqual([late.ok, late.reason], [false, "the pool is stopped"]);
});

Deno.test("a worker that is killed is replaced in an embedded pool too", async () => {
  const events = new Recorder();
  await using pool = await startPool({
    ...OPTIONS,
    poolSize: 1,
    healthFall: 100_000,
    events,
  });
  const { pid } = await whoAnswers(pool.port);
  const { promise: gone, resolve: tellGone } = Promise.withResolvers<void>();
  events.subscribe((event) => event.type === "worker-exited" && tellGone());
  Deno.kill(pid, "SIGKILL");
  await gone;
  assert.notEqual((await whoAnswers(pool.port)).pid, pid);
  assert.equal(pool.metrics().workers[0]!.restarts, 1);
});

Deno.test("options that cannot be used are named as the program wrote them, all of them", async () => {
  const options = { poolSize: 0, maxQueue: -1, polcy: "ip-hash" };
  await assert.rejects(
    startPool(options as StartPoolOptions),
    (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      const named = error.problems.map(({ setting }) => setting).sort();
      assert.deepEqual(named, ["maxQueue", "polcy", "poolSize"]);
      assert.match(error.message, /polcy.*policy/);
      return true;
    },
  );
});

Deno.test("what is none of the kind is said to be, before anything is started", async () => {
  const given: readonly [unknown, RegExp][] = [
    [{ ...OPTIONS, signal: 5 }, /Cannot start a pool: signal must be an Abort/],
    [
      { ...OPTIONS, events: {} },
      /Cannot start a pool: events must be an Event/,
    ],
    [null, /Cannot start a pool: what is passed must be an object/],
  ];
  for (const [options, message] of given) {
    await assert.rejects(
      startPool(options as StartPoolOptions),
      (error: unknown) =>
        error instanceof TypeError && message.test(error.message),
    );
  }
});

Deno.test("a start that fails says why and leaves nothing behind", async () => {
  await using pool = await startPool({ ...OPTIONS, poolSize: 1 });
  await assert.rejects(
    startPool({ ...OPTIONS, port: pool.port }),
    (error: unknown) =>
      error instanceof StartError && error.code === "address-in-use",
  );
  const events = new Recorder();
  const command = ["sh", "-c", "echo no luck; exit 5"];
  await assert.rejects(
    startPool({ ...OPTIONS, command, events }),
    (error: unknown) => {
      assert.ok(error instanceof PoolStartError);
      assert.equal(error.code, "never-ready");
      assert.equal(error.status?.code, 5);
      assert.deepEqual(error.lastOutput, ["no luck"]);
      return true;
    },
  );
  await waitUntilGone(events.workerPids, 0);
});

Deno.test("a signal stops a pool that starts, with its own reason, and one that runs", async () => {
  const reason = new Error("enough");
  const early = new AbortController();
  const events = new Recorder();
  events.subscribe(({ type }) => {
    if (type === "worker-spawned") early.abort(reason);
  });
  await assert.rejects(
    startPool({ ...OPTIONS, events, signal: early.signal }),
    (error: unknown) => error === reason,
  );
  await waitUntilGone(events.workerPids, 0);

  const { signal } = new AbortController();
  const stopped = await startPool({ ...OPTIONS, poolSize: 1, signal });
  await stopped.stop();
  assert.equal(getEventListeners(signal, "abort").length, 0);

  const late = new AbortController();
  const ended = Promise.withResolvers<void>();
  const pool = await startPool({ ...OPTIONS, signal: late.signal });
  pool.events.subscribe((event) => {
    if (event.type === "state-changed" && event.to === "stopped") {
      ended.resolve();
    }
  });
  late.abort();
  await ended.promise;
  await pool.stop();
});
