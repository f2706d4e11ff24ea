/**
 * The pool grows with the rate of requests and shrinks without cutting any.
 *
 * @module
 */

import assert from "node:assert/strict";
import { startPool } from "../support/pool_process.ts";
import { eventually } from "../support/deadline.ts";
import { postHead } from "../support/message_text.ts";
import { RawClient } from "../support/raw_client.ts";
import { getRequest } from "../support/requests.ts";

Deno.test("the pool grows with the rate, and shrinks only when what is in flight has ended", async () => {
  await using pool = await startPool({
    env: {
      POOL_SIZE: "1",
      MAX_WORKERS: "3",
      SCALE_UP_RATE: "5",
      SCALE_DOWN_RATE: "1",
      SCALE_INTERVAL_MS: "200",
      // Nor does it shrink because the machine is busy with starting workers.
      SCALE_DOWN_DELAY_MS: "1000",
    },
  });
  await using client = await RawClient.connect({ port: pool.port });
  const ready = Promise.all(
    [1, 2].map((id) =>
      pool.waitForEvent("worker-ready", {
        where: ({ workerId }) => workerId === id,
      })
    ),
  );
  let grown = false;
  ready.then(() => grown = true, () => grown = true);
  while (!grown) {
    const response = await client.ask(getRequest("/api/health"));
    assert.equal(response.status, 200);
  }
  await ready;
  const up = await pool.waitForEvent("pool-scaled");
  assert.deepEqual([up.from, up.reason], [1, "rate"]);
  assert.ok(up.inputs["rate"]! > 5);

  // One for each worker, so that whichever goes is busy.
  // deno-lint-ignore no-undef -- newer than the linter's list of globals.
  await using cleanup = new AsyncDisposableStack();
  const uploads: RawClient[] = [];
  for (let count = 0; count < 3; count++) {
    const upload = cleanup.use(await RawClient.connect({ port: pool.port }));
    uploads.push(upload);
    await upload.send(postHead("/upload", "Content-Length: 2") + "a");
  }
  await eventually(async () =>
    assert.equal((await pool.metrics()).inFlight, uploads.length)
  );
  const down = await pool.waitForEvent("pool-scaled", {
    where: ({ reason }) => reason === "idle",
  });
  assert.deepEqual([down.from, down.to], [3, 2]);
  const draining = await pool.waitForEvent("worker-draining");
  assert.deepEqual([draining.reason, draining.inFlight], ["scale-down", 1]);
  for (const upload of uploads) {
    const response = await upload.ask("b");
    assert.equal(response.status, 200);
    assert.equal(JSON.parse(response.text).bytes, 2);
  }
  const signalled = await pool.waitForEvent("worker-signalled");
  assert.equal(signalled.reason, "drained");
  await pool.waitForEvent("worker-exited", {
    where: ({ expected, status }) => expected && status.code === 0,
  });
  await pool.waitForEvent("pool-scaled", { where: ({ to }) => to === 1 });

  const metrics = await pool.metrics();
  // In one step or two, as the first sample had it.
  const story = metrics.scaling.map(({ from, to, reason }) =>
    `${from}->${to} ${reason}`
  );
  assert.match(
    story.join(", "),
    /^(1->3 rate|1->2 rate, 2->3 rate), 3->2 idle, 2->1 idle$/,
  );
  assert.equal(metrics.pool.desired, 1);
  assert.equal(metrics.responses["5xx"], 0);
});

Deno.test("under a load of many times the rate the pool grows to what is allowed in one decision, whose grounds are told", async () => {
  await using pool = await startPool({
    env: {
      POOL_SIZE: "1",
      MAX_WORKERS: "4",
      // So low that a single request in a sample asks for more than that.
      SCALE_UP_RATE: "0.5",
      SCALE_DOWN_RATE: "0.1",
      SCALE_INTERVAL_MS: "1000",
    },
  });
  await using client = await RawClient.connect({ port: pool.port });
  // Once the pool is as large as it may be, more is asked for all the time.
  const seen = Promise.all([
    pool.waitForEvent("scaling-held", {
      where: ({ workers, limitedBy }) =>
        workers === 4 && limitedBy === "max-workers",
    }),
    ...[1, 2, 3].map((id) =>
      pool.waitForEvent("worker-ready", {
        where: ({ workerId }) => workerId === id,
      })
    ),
  ]);
  let done = false;
  seen.then(() => done = true, () => done = true);
  while (!done) await client.ask(getRequest("/api/health"));
  const [held] = await seen;

  const scaled = pool.events.filter(({ type }) => type === "pool-scaled");
  const metrics = await pool.metrics();
  assert.equal(metrics.scaling.length, 1);
  assert.equal(scaled.length, 1);
  const [decision] = metrics.scaling;
  assert.deepEqual(
    [decision?.from, decision?.to, decision?.reason, decision?.limitedBy],
    [1, 4, "rate", "max-workers"],
  );
  assert.ok(decision!.needed > 4);
  assert.ok(decision!.inputs["ratePerWorker"]! > 0.5);
  assert.equal(decision!.mayGrowAt, null);
  const delayMs = Date.parse(decision!.mayShrinkAt!) - Date.parse(decision!.at);
  assert.ok(delayMs > 29_000 && delayMs <= 30_000, `${delayMs} ms`);
  assert.equal(held.reason, "rate");
});

Deno.test("under a steady load the pool grows to the number that is needed in one decision", async () => {
  const upRate = 10;
  await using pool = await startPool({
    env: {
      POOL_SIZE: "1",
      MAX_WORKERS: "8",
      SCALE_UP_RATE: String(upRate),
      SCALE_DOWN_RATE: "1",
      SCALE_INTERVAL_MS: "1000",
    },
  });
  await using client = await RawClient.connect({ port: pool.port });
  const scaled = pool.waitForEvent("pool-scaled");
  let decided = false;
  scaled.then(() => decided = true, () => decided = true);
  // Forty a second, by the clock: what a busy machine delays is made up for.
  const startedAt = performance.now();
  for (let sent = 0; !decided; sent++) {
    const waitMs = startedAt + sent * 25 - performance.now();
    if (waitMs > 0) await new Promise((done) => setTimeout(done, waitMs));
    await client.ask(getRequest("/api/health"));
  }
  const { from, to, needed, limitedBy, inputs } = await scaled;
  const expected = Math.ceil(inputs["rate"]! / upRate);
  assert.ok(expected > 1);
  assert.deepEqual([from, needed], [1, expected]);
  assert.equal(to, Math.min(expected, 8));
  assert.equal(limitedBy, expected > 8 ? "max-workers" : null);
  await Promise.all(
    Array.from(
      { length: to - from },
      (_, index) =>
        pool.waitForEvent("worker-ready", {
          where: ({ workerId }) => workerId === from + index,
        }),
    ),
  );
});
