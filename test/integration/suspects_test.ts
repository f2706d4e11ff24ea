/**
 * A request that ends its worker takes no others with it, is named, and is
 * not sent on once it is known.
 *
 * @module
 */

import assert from "node:assert/strict";
import { eventually } from "../support/deadline.ts";
import { fixture } from "../support/fixture.ts";
import { get, post } from "../support/message_text.ts";
import {
  type PoolProcess,
  startPool,
  UNJUDGED,
} from "../support/pool_process.ts";
import { ignoreWithout } from "../support/programs.ts";
import { RawClient } from "../support/raw_client.ts";
import { readExposition, valueOf } from "../support/exposition.ts";

const ignore = ignoreWithout("node");

function startMortalPool(
  workers: number,
  env: Readonly<Record<string, string>> = {},
  wrapper: readonly string[] = [],
): Promise<PoolProcess> {
  const size = `${workers}`;
  return startPool({
    env: {
      ...UNJUDGED,
      POOL_SIZE: size,
      MIN_WORKERS: size,
      MAX_WORKERS: size,
      ...env,
    },
    command: [...wrapper, "node", fixture("mortal_worker.mjs")],
  });
}

/** How often workers have been asked for `target`. */
function asked(pool: PoolProcess, target: string): number {
  return pool.events.filter((event) =>
    event.type === "worker-output" && event.line.endsWith(` ${target}`)
  ).length;
}

/** Has what waits at `/held` answered. */
async function release(pool: PoolProcess): Promise<void> {
  for (const { inFlight, pid } of (await pool.metrics()).workers) {
    if (inFlight > 0) Deno.kill(pid, "SIGUSR2");
  }
}

/** How the worker of each path ends, as the events have it. */
const ENDS = {
  "/throw": { code: 1, signal: null },
  "/exit": { code: 0, signal: null },
  "/abort": { code: 134, signal: "SIGABRT" },
  "/kill": { code: 137, signal: "SIGKILL" },
} as const;

for (const [path, status] of Object.entries(ENDS)) {
  Deno.test({
    name:
      `a GET of ${path} ends two workers at first, and then one (needs node)`,
    ignore,
    async fn(): Promise<void> {
      await using pool = await startMortalPool(4);
      await using client = await RawClient.connect(pool);
      const target = `${path}?token=1`;
      assert.equal((await client.ask(get(target))).status, 502);
      const named: (string | undefined)[] = [];
      for (let worker = 0; worker < 2; worker++) {
        const exited = await pool.waitForEvent("worker-exited", {
          where: ({ suspects }) => suspects[0]?.losses === worker + 1,
        });
        assert.deepEqual(exited.status, status);
        named.push(exited.suspects[0]?.requestId);
        assert.equal(exited.suspects[0]?.target, target);
      }
      assert.equal(named[0], named[1]);
      assert.equal(asked(pool, target), 2);

      const { suspects } = await pool.metrics();
      assert.deepEqual(
        suspects.map(({ method, target, requestId, status }) => ({
          method,
          target,
          requestId,
          status,
        })),
        [1, 2].map(() => ({
          method: "GET",
          target,
          requestId: named[0],
          status,
        })),
      );
      const other = `${path}?token=2`;
      assert.equal((await client.ask(get(other))).status, 502);
      await pool.waitForEvent("worker-exited", {
        where: ({ suspects }) => suspects[0]?.target.endsWith("2") === true,
      });
      assert.equal(asked(pool, other), 1);
      assert.equal(
        pool.events.filter(({ type }) => type === "worker-exited").length,
        3,
      );
      const response = await fetch(`${pool.url}/_metrics?format=prometheus`);
      const text = await response.text();
      const metrics = readExposition(text, "prometheus");
      assert.equal(valueOf(metrics, "prefork_suspect_requests_total"), 3);
      assert.equal(
        valueOf(metrics, "prefork_suspect_losses", { method: "GET", path }),
        2,
      );
    },
  });
}

Deno.test({
  name:
    "the only worker of a pool is not lost to the same request twice (needs node)",
  ignore,
  async fn(): Promise<void> {
    await using pool = await startMortalPool(1);
    await using client = await RawClient.connect(pool);
    assert.equal((await client.ask(get("/throw"))).status, 502);
    // The next one waits for the replacement, which has not had that request.
    assert.equal((await client.ask(get("/"))).status, 200);
    assert.equal(asked(pool, "/throw"), 1);
  },
});

Deno.test({
  name:
    "a worker that closes a connection and listens on, or ends later, is no proof, but its request is known from then on (needs node)",
  ignore,
  async fn(): Promise<void> {
    await using pool = await startMortalPool(4);
    await using client = await RawClient.connect(pool);
    for (const target of ["/close", "/close-exit"]) {
      assert.equal((await client.ask(get(target))).status, 502);
      assert.equal(asked(pool, target), 3);
    }
    for (let worker = 0; worker < 3; worker++) {
      const { suspects } = await pool.waitForEvent("worker-exited", {
        where: ({ workerId }) => workerId >= worker,
      });
      assert.deepEqual(suspects, []);
    }
    await eventually(async () =>
      assert.equal((await pool.metrics()).pool.ready, 4)
    );
    assert.equal((await client.ask(get("/close-exit"))).status, 502);
    assert.equal(asked(pool, "/close-exit"), 4);
  },
});

Deno.test({
  name:
    "a worker whose wrapper ends well after it takes one other with it (needs node)",
  ignore,
  async fn(): Promise<void> {
    const slowly = ["sh", "-c", '"$@"; code=$?; sleep 0.3; exit $code', "sh"];
    await using pool = await startMortalPool(4, {}, slowly);
    await using client = await RawClient.connect(pool);
    assert.equal((await client.ask(get("/throw"))).status, 502);
    assert.equal(asked(pool, "/throw"), 2);
    const { suspects } = await pool.waitForEvent("worker-exited");
    assert.equal(suspects[0]?.target, "/throw");
  },
});

Deno.test({
  name:
    "a worker that listens no more takes one other with it, though it runs on, and then none (needs node)",
  ignore,
  async fn(): Promise<void> {
    await using pool = await startMortalPool(4);
    await using client = await RawClient.connect(pool);
    assert.equal((await client.ask(get("/deaf?1"))).status, 502);
    assert.equal(asked(pool, "/deaf?1"), 2);
    assert.equal((await client.ask(get("/deaf?2"))).status, 502);
    assert.equal(asked(pool, "/deaf?2"), 1);
  },
});

Deno.test({
  name:
    "workers killed with many in flight cost no GET, and nobody is suspected (needs node)",
  ignore,
  async fn(): Promise<void> {
    await using pool = await startMortalPool(3);
    const clients = await Promise.all(
      Array.from({ length: 12 }, () => RawClient.connect(pool)),
    );
    const answers = clients.map((client) => client.ask(get("/held")));
    await pool.waitFor(() => asked(pool, "/held") === 12);
    // Two of three, at the same moment.
    const [first, second] = (await pool.metrics()).workers;
    for (const worker of [first!, second!]) Deno.kill(worker.pid, "SIGKILL");
    await pool.waitFor(() => asked(pool, "/held") === 20);
    await release(pool);
    for (const answer of await Promise.all(answers)) {
      assert.equal(answer.status, 200);
    }
    const { suspects } = await pool.metrics();
    assert.deepEqual(suspects, []);
    for (const client of clients) await client[Symbol.asyncDispose]();
  },
});

Deno.test({
  name:
    "a POST on another worker is not touched by a request that ends workers (needs node)",
  ignore,
  async fn(): Promise<void> {
    await using pool = await startMortalPool(3);
    await using poster = await RawClient.connect(pool);
    await using culprit = await RawClient.connect(pool);
    const answer = poster.ask(post("/held", "x"));
    await pool.waitFor(() => asked(pool, "/held") === 1);
    await culprit.ask(get("/throw?1"));
    await release(pool);
    assert.equal((await answer).status, 200);
  },
});

Deno.test({
  name: "with MAX_RETRIES=0 nothing is sent again (needs node)",
  ignore,
  async fn(): Promise<void> {
    await using pool = await startMortalPool(3, { MAX_RETRIES: "0" });
    await using client = await RawClient.connect(pool);
    assert.equal((await client.ask(get("/close"))).status, 502);
    assert.equal((await client.ask(get("/throw"))).status, 502);
    await pool.waitForEvent("worker-exited");
    assert.equal((await pool.metrics()).retries, 0);
  },
});
