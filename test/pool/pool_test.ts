/**
 * The pool with real processes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { PoolStartError } from "../../src/pool/pool_start_error.ts";
import { MOST_PASSED_MS } from "../../src/shared/running_clock.ts";
import { freePort } from "../support/free_port.ts";
import { aliveAmong, waitUntilGone } from "../support/processes.ts";
import { StoppedClock } from "../support/stopped_clock.ts";
import { NO_PROBES_MS, PoolHarness, poolWorker } from "./pool_harness.ts";

Deno.test("four workers are started on consecutive ports and published", async () => {
  await using harness = new PoolHarness(poolWorker(), { poolSize: 4 });
  await harness.pool.start();
  const { workers, ready, desired, restarts } = harness.pool.snapshot();
  assert.deepEqual([ready, desired, restarts], [4, 4, 0]);
  assert.deepEqual(workers.map((worker) => worker.id), [0, 1, 2, 3]);
  const skipped = harness.all("port-skipped").length;
  const first = workers[0]!.port!;
  // Another test may hold a port in between; then it must have been named.
  if (skipped === 0) {
    assert.deepEqual(
      workers.map((worker) => worker.port! - first),
      [0, 1, 2, 3],
    );
  }
  assert.deepEqual(
    harness.dispatcher.upstreams.map((upstream) => upstream.port),
    workers.map((worker) => worker.port),
  );
});

Deno.test("a worker's environment tells it where to listen, and has nothing else in it that nobody gave", async () => {
  await using harness = new PoolHarness(poolWorker("env"));
  await harness.pool.start();
  const { port } = harness.pool.snapshot().workers[0]!;
  const environment = await (await fetch(`http://127.0.0.1:${port}/`)).json();
  const { PORT, HOST, WORKER_ID, WORKER_GENERATION } = environment;
  assert.deepEqual(
    { PORT, HOST, WORKER_ID, WORKER_GENERATION },
    {
      PORT: String(port),
      HOST: "127.0.0.1",
      WORKER_ID: "0",
      WORKER_GENERATION: "1",
    },
  );
  // Given only to those that it has to move.
  assert.equal(environment.DENO_SERVE_ADDRESS, undefined);
  // An empty one would keep the application from reading its own from a file.
  assert.equal(environment.ADMIN_TOKEN, undefined);
});

Deno.test({
  name:
    "where memory runs out the kernel kills a worker before the balancer (needs /proc)",
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    const score = (pid: number): number =>
      Number(Deno.readTextFileSync(`/proc/${pid}/oom_score_adj`));
    await using harness = new PoolHarness(poolWorker());
    await harness.pool.start();
    assert.ok(score(harness.pids[0]!) > score(Deno.pid));
  },
});

Deno.test("the pool gives a sign of life as long as its loop goes round, and when it has ended", async () => {
  await using harness = new PoolHarness(poolWorker());
  const first = harness.pool.pulse();
  await harness.pool.start();
  await first;
  await Promise.all([harness.pool.pulse(), harness.pool.pulse()]);
  const stopping = harness.pool.stop();
  await harness.pool.pulse();
  await stopping;
  await harness.pool.pulse();
});

Deno.test("a worker that is asked to end is not killed for time in which nobody ran", async () => {
  using clock = new StoppedClock();
  const stopTimeoutMs = 3 * MOST_PASSED_MS;
  await using harness = new PoolHarness(poolWorker("ignore-term"), {
    stopTimeoutMs,
  });
  await harness.pool.start();
  const killed = () =>
    harness.all("worker-signalled")
      .filter(({ signal }) => signal === "SIGKILL").length;
  const stopping = harness.pool.stop();
  await harness.pool.pulse();
  await clock.pass(100 * stopTimeoutMs);
  await harness.pool.pulse();
  assert.equal(killed(), 0, "it was frozen, too");
  for (let looks = 0; looks < 4; looks++) {
    await clock.pass(MOST_PASSED_MS);
    await harness.pool.pulse();
  }
  await stopping;
  assert.equal(killed(), 1);
});

Deno.test("a port that is held is passed over and its holder named, the pool itself as such", async () => {
  const port = freePort();
  using _own = Deno.listen({ hostname: "127.0.0.1", port });
  await using harness = new PoolHarness(poolWorker(), { workerPort: port });
  await harness.pool.start();
  const skipped = await harness.nth("port-skipped", 1);
  assert.equal(skipped.port, port);
  assert.match(
    skipped.holder ?? "",
    new RegExp(`\\(pid ${Deno.pid}\\), which is the pool itself: .*ADMIN_PORT`),
  );
  assert.ok(harness.pool.snapshot().workers[0]!.port! > port);
  assert.equal(
    harness.all("port-skipped").filter((event) => event.port === port).length,
    1,
  );
});

Deno.test("a worker that is killed is replaced at once in the same slot", async () => {
  await using harness = new PoolHarness(poolWorker(), {
    poolSize: 2,
    healthIntervalMs: NO_PROBES_MS,
  });
  await harness.pool.start();
  const [, victim] = harness.pool.snapshot().workers;
  const [, lost] = harness.dispatcher.upstreams;
  Deno.kill(victim!.pid!, "SIGKILL");
  const exited = await harness.nth("worker-exited", 1);
  assert.deepEqual(
    [exited.workerId, exited.expected, exited.status.signal],
    [1, false, "SIGKILL"],
  );
  assert.equal(lost!.retired, true);
  const ready = await harness.nth("worker-ready", 3);
  assert.equal(ready.workerId, 1);
  const { workers, restarts } = harness.pool.snapshot();
  assert.deepEqual(workers.map((w) => [w.id, w.restarts]), [[0, 0], [1, 1]]);
  assert.equal(restarts, 1);
  assert.equal(harness.dispatcher.upstreams.length, 2);
  assert.notEqual(workers[1]!.pid, victim!.pid);
});

Deno.test("a pool whose workers all end says which command, how, and their last words", async () => {
  const argv = ["sh", "-c", "echo starting; echo 'no such file' >&2; exit 7"];
  const harness = new PoolHarness(argv, { poolSize: 2 });
  await assert.rejects(harness.pool.start(), (error: unknown) => {
    assert.ok(error instanceof PoolStartError);
    assert.equal(error.code, "never-ready");
    assert.equal(error.status?.code, 7);
    assert.deepEqual([...error.lastOutput].sort(), [
      "no such file",
      "starting",
    ]);
    assert.match(error.message, /exited with code 7/);
    assert.match(error.message, /the command/);
    return true;
  });
  assert.deepEqual(harness.pool.snapshot().workers, []);
});

Deno.test("a worker that is never ready is ended and told of with what was seen", async () => {
  const startupTimeoutMs = 3_600_000;
  const harness = new PoolHarness(["sleep", "300"], { startupTimeoutMs });
  const starting = assert.rejects(harness.pool.start(), {
    code: "never-ready",
    message:
      /not ready within 3600000 ms \(connection refused: .*\); STARTUP_TIMEOUT_MS is the limit/,
  });
  await harness.report(({ startup }) => startup !== null);
  await harness.pass(startupTimeoutMs);
  await starting;
  const { pid } = harness.all("worker-spawned")[0]!;
  assert.deepEqual(await aliveAmong([pid]), []);
});

Deno.test("a program that does not exist is one sentence with the setting to correct", async () => {
  const harness = new PoolHarness(["pool-no-such-program"], { poolSize: 3 });
  await assert.rejects(harness.pool.start(), {
    code: "not-found",
    message:
      'Cannot start a worker: "pool-no-such-program" was not found; correct the command, or PATH.',
  });
});

Deno.test("complaint 7: a pool starts when only some of its workers do, and goes on trying the others", async () => {
  const script = '[ "$WORKER_ID" = 1 ] && exit 4; exec "$@"';
  await using harness = new PoolHarness(
    ["sh", "-c", script, "sh", ...poolWorker()],
    { poolSize: 2 },
  );
  await harness.pool.start();
  assert.equal(harness.pool.snapshot().ready, 1);
  await harness.nth("worker-start-failed", 3);
  // While the other one starts there may be more.
  const failures = harness.all("worker-start-failed").slice(0, 3);
  const waits = failures.map((event) => event.retryInMs);
  assert.deepEqual(failures.map((event) => event.workerId), [1, 1, 1]);
  // 100 ms, doubled with each failure, at least half of it.
  assert.ok(waits[0]! >= 50 && waits[1]! >= 100 && waits[2]! >= 200);
  const times = failures.map((event) => harness.seenAt.get(event)!);
  // Timers are a millisecond early at most.
  assert.ok(times[1]! - times[0]! >= waits[0]! - 1);
  assert.ok(times[2]! - times[1]! >= waits[1]! - 1);
});

Deno.test("a worker that loses its port to another program is tried on the next one at once", async () => {
  // It fails as if somebody had come first, and only on the first port.
  const script =
    '[ "$PORT" = "$FIRST" ] && { echo "EADDRINUSE: address already in use" >&2; exit 1; }; exec "$@"';
  const port = freePort();
  await using harness = new PoolHarness(
    ["env", `FIRST=${port}`, "sh", "-c", script, "sh", ...poolWorker()],
    { workerPort: port },
  );
  await harness.pool.start();
  const [failed] = harness.all("worker-start-failed");
  assert.deepEqual([failed!.port, failed!.retryInMs], [port, 0]);
  const [worker] = harness.pool.snapshot().workers;
  assert.ok(worker!.port! > port);
  assert.equal(worker!.restarts, 0);
});

Deno.test("complaint 12: scaling up adds slots, scaling down drains before it ends", async () => {
  await using harness = new PoolHarness(poolWorker(), {
    poolSize: 1,
    healthIntervalMs: NO_PROBES_MS,
    drainTimeoutMs: 60_000,
  });
  await harness.pool.start();
  assert.equal(harness.pool.scaleTo(2, "command"), 2);
  await harness.nth("worker-ready", 2);
  const busy = harness.dispatcher.upstreams;
  for (const upstream of busy) upstream.claim();

  harness.pool.scaleTo(1, "command");
  const draining = await harness.nth("worker-draining", 1);
  assert.deepEqual(
    [draining.workerId, draining.reason, draining.inFlight],
    [1, "scale-down", 1],
  );
  assert.deepEqual(harness.dispatcher.upstreams.map((u) => u.id), [0]);
  assert.equal(harness.all("worker-signalled").length, 0);

  harness.dispatcher.release(busy[1]!);
  const signalled = await harness.nth("worker-signalled", 1);
  assert.deepEqual(
    [signalled.signal, signalled.reason],
    ["SIGTERM", "drained"],
  );
  const exited = await harness.nth("worker-exited", 1);
  assert.equal(exited.expected, true);
  harness.dispatcher.release(busy[0]!);
});

Deno.test("scaling keeps to the bounds and tells what it was asked for", async () => {
  await using harness = new PoolHarness(poolWorker(), {
    minWorkers: 1,
    maxWorkers: 2,
  });
  assert.equal(
    harness.pool.scaleTo(99, "rate", { inputs: { rate: 1_000 } }),
    2,
  );
  assert.equal(harness.pool.scaleTo(0, "idle"), 1);
  assert.throws(() => harness.pool.scaleTo(NaN, "command"), RangeError);
  assert.deepEqual(
    harness.all("pool-scaled").map(({ from, to, reason, inputs }) => ({
      from,
      to,
      reason,
      inputs,
    })),
    [
      { from: 1, to: 2, reason: "rate", inputs: { rate: 1_000 } },
      { from: 2, to: 1, reason: "idle", inputs: {} },
    ],
  );
  await harness.pool.start();
});

Deno.test("a worker that ignores SIGTERM is killed", async () => {
  const harness = new PoolHarness(poolWorker("ignore-term"), {
    stopTimeoutMs: 100,
  });
  await harness.pool.start();
  const { pids } = harness;
  await harness.pool.stop();
  assert.deepEqual(
    harness.all("worker-signalled").map((event) => event.signal),
    ["SIGTERM", "SIGKILL"],
  );
  assert.deepEqual(await aliveAmong(pids), []);
});

Deno.test("a request that outlasts the drain timeout does not hold up the stop", async () => {
  const harness = new PoolHarness(poolWorker(), { drainTimeoutMs: 100 });
  await harness.pool.start();
  const [upstream] = harness.dispatcher.upstreams;
  upstream!.claim();
  await harness.pool.stop();
  assert.equal(upstream!.retired, true);
  assert.deepEqual(
    harness.all("worker-signalled").map((event) => event.reason),
    ["drain-timeout"],
  );
});

Deno.test("a worker's own children end with it", async () => {
  await using harness = new PoolHarness(poolWorker("child"), {
    healthIntervalMs: NO_PROBES_MS,
  });
  await harness.pool.start();
  const { line } = await harness.nth("worker-output", 1);
  const child = Number(line.split(" ")[1]);
  assert.deepEqual(await aliveAmong([child]), [child]);
  Deno.kill(harness.pids[0]!, "SIGKILL");
  await harness.nth("worker-exited", 1);
  await waitUntilGone([child]);
});

Deno.test("an output held open by a stranger does not hold up the replacement", async () => {
  // setsid takes the child out of the group, with the worker's output in hand;
  // and nothing shows any more whose child it was.
  const script =
    "env -u PREFORK_WORKER -u PREFORK_POOL_ID setsid sleep 300 & " +
    'echo "child $!"; exec "$@"';
  await using harness = new PoolHarness(
    ["sh", "-c", script, "sh", ...poolWorker()],
    { healthIntervalMs: NO_PROBES_MS },
  );
  await harness.pool.start();
  let retiredAt = Infinity;
  harness.dispatcher.upstreams[0]!.onRetire(() => {
    retiredAt = performance.now();
  });
  try {
    Deno.kill(harness.pids[0]!, "SIGKILL");
    const exited = await harness.nth("worker-exited", 1);
    // Given up as soon as the process is gone, not only when its output is.
    assert.ok(harness.seenAt.get(exited)! - retiredAt > 50);
    await harness.nth("worker-ready", 2);
  } finally {
    for (const { line } of harness.all("worker-output")) {
      Deno.kill(Number(/^child (\d+)$/.exec(line)![1]), "SIGKILL");
    }
  }
});

Deno.test("a worker that writes without end is neither blocked nor blocks anybody", async () => {
  await using harness = new PoolHarness(poolWorker("flood"));
  await harness.pool.start();
  assert.equal(harness.pool.snapshot().ready, 1);
});

Deno.test("stopping twice waits for the same end, and a start cut short says so", async () => {
  const harness = new PoolHarness(["sleep", "300"]);
  const starting = assert.rejects(harness.pool.start(), { code: "stopped" });
  await harness.nth("worker-spawned", 1);
  const first = harness.pool.stop();
  assert.equal(harness.pool.stop(), first);
  await first;
  await starting;
  const pids = harness.all("worker-spawned").map((event) => event.pid);
  assert.equal(pids.length, 1);
  assert.deepEqual(await aliveAmong(pids), []);
});

Deno.test("killing all ends every worker without waiting for requests", async () => {
  const harness = new PoolHarness(poolWorker("ignore-term"), { poolSize: 2 });
  await harness.pool.start();
  const { pids } = harness;
  harness.dispatcher.upstreams[0]!.claim();
  harness.pool.killAll();
  await harness.pool.stop();
  assert.deepEqual(await aliveAmong(pids), []);
  assert.equal(harness.all("worker-spawned").length, 2);
});

Deno.test({
  name:
    "a worker that computes is starting, and not hanging: it is given the longer limit",
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    const startupTimeoutMs = 3_600_000;
    const fixture = new URL("../fixtures/port_worker.mjs", import.meta.url);
    const harness = new PoolHarness(["node", fixture.pathname], {
      workerEnvironment: { APP_BUSY_MS: "3600000" },
      startupTimeoutMs,
      startupLimitMs: 2 * startupTimeoutMs,
    });
    const starting = assert.rejects(harness.pool.start(), {
      code: "never-ready",
      // What it was given in the end, and not at first.
      message: /not ready within (?!3600000)\d+ ms .* while it was computing\)/,
    });
    await harness.report(({ diagnosis }) => diagnosis === "starting");
    await harness.pass(startupTimeoutMs);
    assert.deepEqual(harness.all("worker-signalled"), []);
    await harness.pass(startupTimeoutMs);
    await starting;
    assert.equal(harness.all("worker-spawned").length, 1);
  },
});

Deno.test({
  name:
    "the data plane knows the process that listens: the first one, and behind a wrapper that which it has started (Linux)",
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    const listenerOf = async (
      argv: readonly string[],
    ): Promise<readonly [boolean, string]> => {
      await using harness = new PoolHarness(argv);
      await harness.pool.start();
      const { pid } = harness.dispatcher.upstreams[0]!;
      const comm = await Deno.readTextFile(`/proc/${pid}/comm`);
      return [pid === harness.pids[0], comm];
    };
    const [itself, name] = await listenerOf(poolWorker());
    assert.equal(itself, true);
    // Not replaced by it: there is another command after.
    const wrapped = ["sh", "-c", '"$@"; exit $?', "sh", ...poolWorker()];
    assert.deepEqual(await listenerOf(wrapped), [false, name]);
  },
});
