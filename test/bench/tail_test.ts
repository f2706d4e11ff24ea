/**
 * The open-loop generator sends when it is time, not when it has been
 * answered.
 *
 * @module
 */

import assert from "node:assert/strict";
import { runLoad } from "../../bench/tail/load.ts";
import { quantile } from "../../bench/support/figures.ts";

/** A worker that serves one request at a time, each for this long. */
const SERVICE_MS = 50;

Deno.test("those who arrive while others wait are sent all the same, and their wait is counted", async () => {
  let open = 0;
  let mostOpen = 0;
  let turn = Promise.resolve();
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async () => {
      open++;
      mostOpen = Math.max(mostOpen, open);
      const before = turn;
      const { promise, resolve } = Promise.withResolvers<void>();
      turn = promise;
      await before;
      await new Promise((done) => setTimeout(done, SERVICE_MS));
      resolve();
      open--;
      return new Response("done");
    },
  );
  // Four times what the server can do: a closed loop would never see it.
  const result = await runLoad({
    port: server.addr.port,
    rate: 4 * 1000 / SERVICE_MS,
    seconds: 0.5,
    seed: 1,
    deadlineMs: 120_000,
    targets: [{ path: "/", percent: 100 }],
  }, AbortSignal.timeout(120_000));

  assert.equal(result.succeeded, result.arrivals);
  assert.ok(result.arrivals > 10, `${result.arrivals} arrivals`);
  assert.ok(mostOpen > 5, `at most ${mostOpen} at once`);
  // The last waited for all before it. It came after half a second at the
  // latest; timers may be a little early.
  const leastMs = result.arrivals * (SERVICE_MS - 1) - 500;
  assert.ok(result.latency.max >= leastMs, `${result.latency.max} ms`);
});

Deno.test("refusals and failures are told from successes", async () => {
  let count = 0;
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("", { status: [200, 503, 500][count++ % 3]! }),
  );
  const result = await runLoad({
    port: server.addr.port,
    rate: 100,
    seconds: 0.3,
    seed: 2,
    deadlineMs: 120_000,
    targets: [{ path: "/", percent: 100 }],
  }, AbortSignal.timeout(120_000));

  const { arrivals, succeeded, rejected, failed } = result;
  assert.equal(succeeded + rejected + failed, arrivals);
  assert.equal(succeeded, Math.ceil(arrivals / 3));
  assert.equal(rejected, Math.ceil((arrivals - 1) / 3));
});

Deno.test("a quantile is a value that was measured", () => {
  const values = [4, 1, 3, 2];
  assert.equal(quantile(values, 0.5), 2);
  assert.equal(quantile(values, 0.99), 4);
  assert.equal(quantile(values, 1), 4);
  assert.equal(quantile(values, 0), 1);
  assert.ok(Number.isNaN(quantile([], 0.5)));
});
