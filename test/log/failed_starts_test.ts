/** What is said of starts that fail, and how often. */

import assert from "node:assert/strict";
import type { WorkerStartFailedEvent } from "../../src/events/mod.ts";
import { FailedStarts } from "../../src/log/failed_starts.ts";
import { HeldOutput } from "../../src/log/held_output.ts";

function failedStart(
  workerId: number,
  lastOutput: readonly string[] = ["Error: no database"],
): WorkerStartFailedEvent {
  return {
    type: "worker-start-failed",
    workerId,
    pid: 100 + workerId,
    port: 8081 + workerId,
    generation: 1,
    command: ["node", "server.js"],
    reason: "exited with code 1",
    status: { code: 1, signal: null },
    lastOutput,
    retryInMs: 1000,
  };
}

const POOL_FAILURE = {
  reason: "exited with code 1",
  lastOutput: ["Error: no database"],
  message: "everything",
  summary: "in short",
};

interface Fixture extends Disposable {
  readonly held: HeldOutput;
  readonly failures: FailedStarts;
  /** Entries, and lines written, in their order. */
  readonly said: string[];
  /** A worker that has written this, and fails. */
  readonly fail: (workerId: number, lines: readonly string[]) => void;
}

function start(): Fixture {
  const said: string[] = [];
  const held = new HeldOutput();
  const failures = new FailedStarts(
    held,
    ({ workerId }, details) =>
      said.push(`worker ${workerId}: ${details.join(" / ")}`),
  );
  return {
    held,
    failures,
    said,
    fail(workerId, lines): void {
      held.begin(100 + workerId);
      for (const line of lines) {
        held.take(100 + workerId, () => said.push(line));
      }
      failures.failed(failedStart(workerId, lines.slice(-20)));
    },
    [Symbol.dispose](): void {
      failures.close();
      held.close();
    },
  };
}

Deno.test("where all workers fail the same way, the pool says it, once", () => {
  using fixture = start();
  for (const id of [0, 1, 2, 3]) fixture.fail(id, ["Error: no database"]);
  assert.equal(fixture.failures.poolFailed(POOL_FAILURE), "everything");
  fixture.failures.close();
  assert.deepEqual(fixture.said, []);
});

Deno.test("one that fails in another way has an entry of its own", () => {
  using fixture = start();
  fixture.fail(0, ["Error: no database"]);
  fixture.fail(1, ["Error: no memory"]);
  assert.equal(fixture.failures.poolFailed(POOL_FAILURE), "everything");
  assert.deepEqual(fixture.said, [
    "worker 1: command: node server.js / Error: no memory",
  ]);
});

Deno.test("where others start, each failure is told, and what it said once", () => {
  using fixture = start();
  fixture.fail(0, ["Error: no database at 12:00:01 (pid 100)"]);
  fixture.failures.started();
  fixture.fail(1, ["Error: no database at 12:00:02 (pid 101)"]);
  fixture.fail(0, ["Error: no database at 12:00:03 (pid 102)"]);
  assert.deepEqual(fixture.said, [
    "worker 0: command: node server.js / Error: no database at 12:00:01 (pid 100)",
    "worker 1: (command and output as before)",
    "worker 0: (command and output as before)",
  ]);
});

Deno.test("more output than an entry has room for is written whole, once, and not in the entry", () => {
  using fixture = start();
  const lines = Array.from({ length: 30 }, (_, i) => `line ${i}`);
  fixture.failures.started();
  fixture.fail(0, lines);
  fixture.fail(1, lines);
  assert.deepEqual(fixture.said, [
    ...lines,
    "worker 0: command: node server.js",
    "worker 1: (command and output as before)",
  ]);
});

Deno.test("the pool's failure is told in short where the output has been written", () => {
  using fixture = start();
  const lines = Array.from({ length: 30 }, (_, i) => `line ${i}`);
  fixture.fail(0, lines);
  fixture.fail(1, lines);
  const lastOutput = lines.slice(-20);
  assert.equal(
    fixture.failures.poolFailed({ ...POOL_FAILURE, lastOutput }),
    "in short",
  );
  assert.deepEqual(fixture.said, lines);
});

Deno.test("output that has been written as it came is not repeated", () => {
  using fixture = start();
  fixture.failures.started();
  fixture.held.begin(100);
  fixture.held.take(100, () => fixture.said.push("Error"));
  fixture.held.release(100);
  fixture.failures.failed(failedStart(0, ["Error"]));
  assert.deepEqual(fixture.said, [
    "Error",
    "worker 0: command: node server.js",
  ]);
});

Deno.test("nothing is left untold when the log is closed", () => {
  using fixture = start();
  fixture.held.begin(7);
  fixture.held.take(7, () => fixture.said.push("still starting"));
  fixture.fail(0, ["Error"]);
  fixture.failures.close();
  fixture.held.close();
  assert.deepEqual(fixture.said, [
    "worker 0: command: node server.js / Error",
    "still starting",
  ]);
});

Deno.test("what was told is told in full again after ten minutes", () => {
  const told: (readonly string[])[] = [];
  let now = 0;
  const failures = new FailedStarts(
    new HeldOutput(),
    (_event, details) => told.push(details),
    () => now,
  );
  failures.started();
  for (const minute of [0, 9, 11]) {
    now = minute * 60_000;
    failures.failed(failedStart(0));
  }
  failures.close();
  assert.deepEqual(told.map((details) => details.length), [2, 1, 2]);
});

Deno.test("single failures are kept as long as others follow, and ten seconds at most", () => {
  const { setTimeout, clearTimeout } = globalThis;
  const waits: (number | undefined)[] = [];
  let now = 0;
  Object.assign(globalThis, {
    setTimeout: (_run: unknown, ms?: number): number => waits.push(ms),
    clearTimeout(): void {},
  });
  try {
    const failures = new FailedStarts(
      new HeldOutput(),
      () => assert.fail("told"),
      () => now,
    );
    for (now of [0, 2_000, 4_000, 8_000]) failures.failed(failedStart(0));
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
  assert.deepEqual(waits, [3_000, 3_000, 3_000, 2_000]);
});
