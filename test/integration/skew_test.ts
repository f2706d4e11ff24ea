/**
 * SKEW_PROTECTION, as clients see it: who came before a deployment finds the
 * server that it came to.
 *
 * @module
 */

import assert from "node:assert/strict";
import { KEPT_PER_PLACE } from "../../src/shared/kept_per_place.ts";
import { denoFixture } from "../support/fixture.ts";
import { startMixedLoad } from "../support/mixed_load.ts";
import {
  type PoolProcess,
  startPool,
  UNJUDGED,
  UNTRIED,
} from "../support/pool_process.ts";
import { get } from "../support/requests.ts";
import { Visitor } from "../support/visitor.ts";

/** Reloads one after the other: one more than cost no client its generation. */
const RELOADS = KEPT_PER_PLACE + 1;

/** Longest wait for what takes a while on a slow machine. */
const DEADLINE_MS = 60_000;

function startProtected(
  env: Readonly<Record<string, string>> = {},
): Promise<PoolProcess> {
  return startPool({
    env: { POOL_SIZE: "2", SKEW_PROTECTION: "on", ...env },
    command: denoFixture("reloadable.ts"),
  });
}

/** Reloads, and waits until the new generation serves. */
async function reload(pool: PoolProcess): Promise<void> {
  const from = pool.events.length;
  pool.signal("SIGHUP");
  const { report } = await pool.waitForEvent("reload-finished", {
    from,
    deadlineMs: DEADLINE_MS,
  });
  assert.ok(report.ok, JSON.stringify(report));
}

Deno.test({
  name:
    "a client keeps its generation through a reload under load, and new ones get the next",
  async fn(): Promise<void> {
    await using pool = await startProtected();
    await using visitor = await Visitor.come(pool.port);
    assert.equal((await visitor.ask()).generation, 1);
    const { cookie } = visitor;
    const load = startMixedLoad(pool.port, 3);
    let reloaded = false;
    const visiting = visitor.askUntil(() => reloaded);
    await reload(pool);
    reloaded = true;
    await visiting;
    await visitor.ask();
    assert.deepEqual(visitor.story, [1]);
    assert.equal(visitor.cookie, cookie);
    await using newcomer = await Visitor.come(pool.port);
    for (let i = 0; i < 4; i++) await newcomer.ask();
    assert.deepEqual(newcomer.story, [2]);
    assert.deepEqual((await load.stop()).failures, []);

    const { workers, pool: figures } = await pool.metrics();
    const former = workers.filter((worker) => worker.former);
    assert.deepEqual(
      former.map(({ generation, ready }) => [generation, ready]),
      [[1, false], [1, false]],
    );
    assert.deepEqual([figures.ready, workers.length], [2, 4]);
  },
});

Deno.test({
  name:
    "when SKEW_GRACE_MS has passed, clients are moved to the next generation without a failed request",
  async fn(): Promise<void> {
    await using pool = await startProtected({ SKEW_GRACE_MS: "1000" });
    await using visitor = await Visitor.come(pool.port);
    await visitor.ask();
    const { cookie } = visitor;
    const visiting = visitor.askUntil(({ generation }) => generation !== 1);
    await reload(pool);
    await visiting;
    await visitor.ask();
    assert.deepEqual(visitor.story, [1, 2]);
    assert.notEqual(visitor.cookie, cookie);
    const ended = await pool.waitForEvent("generation-ended");
    assert.deepEqual([ended.generation, ended.reason], [1, "grace"]);
    for (const workerId of [0, 1]) {
      const { expected } = await pool.waitForEvent("worker-exited", {
        where: (event) => event.generation === 1 && event.workerId === workerId,
      });
      assert.ok(expected, "they were drained");
    }
  },
});

Deno.test({
  name:
    "former workers that are killed cost their clients no GET: they move on",
  async fn(): Promise<void> {
    // A killed worker refuses connections before its end is noticed.
    await using pool = await startProtected({ ...UNJUDGED, ...UNTRIED });
    await using visitor = await Visitor.come(pool.port);
    await visitor.ask();
    await reload(pool);
    await visitor.ask();
    const { workers } = await pool.metrics();
    const victims = workers.filter((worker) => worker.former)
      .map(({ pid }) => pid);
    assert.equal(victims.length, 2);
    const visiting = visitor.askUntil(({ generation }) => generation !== 1);
    for (const pid of victims) Deno.kill(pid, "SIGKILL");
    await visiting;
    assert.deepEqual(visitor.story, [1, 2]);
    const ended = await pool.waitForEvent("generation-ended");
    assert.equal(ended.reason, "lost");
    assert.equal((await pool.metrics()).workers.length, 2);
  },
});

Deno.test({
  name:
    `${RELOADS} reloads in a row move a client along, always forward, and lose none of its requests`,
  async fn(): Promise<void> {
    await using pool = await startProtected();
    await using visitor = await Visitor.come(pool.port);
    await visitor.ask();
    const load = startMixedLoad(pool.port, 3);
    let reloaded = false;
    const visiting = visitor.askUntil(() => reloaded);
    for (let count = 0; count < RELOADS; count++) {
      await reload(pool);
      // Beside those that are still being drained.
      const { workers } = await pool.metrics();
      const serving = workers.filter(({ state }) => state === "ready");
      const generations = Math.min(count + 2, 1 + KEPT_PER_PLACE);
      assert.equal(serving.length, 2 * generations);
    }
    reloaded = true;
    await visiting;
    await visitor.ask();
    assert.ok(!visitor.story.includes(null), `${visitor.story}`);
    assert.deepEqual(visitor.story, visitor.story.toSorted());
    assert.equal(visitor.story[0], 1);
    assert.ok(!visitor.story.includes(2), "it stays until its own has ended");
    assert.ok(visitor.story.at(-1)! >= RELOADS, "it has left the ended ones");
    assert.deepEqual((await load.stop()).failures, []);
  },
});

Deno.test({
  name: "by default no cookie is set, and nobody is kept",
  async fn(): Promise<void> {
    await using pool = await startProtected({
      SKEW_PROTECTION: "off",
      ...UNTRIED,
    });
    const { headers } = await get(pool.port, "/");
    assert.equal(headers.get("set-cookie"), undefined);
    await reload(pool);
    const { workers } = await pool.metrics();
    assert.ok(workers.every(({ former }) => !former));
    assert.ok(!pool.events.some(({ type }) => type === "generation-kept"));
  },
});
