/**
 * A pool that may open few files, and clients that take them all.
 *
 * @module
 */

import assert from "node:assert/strict";
import { delay } from "../support/deadline.ts";
import { startPool } from "../support/pool_process.ts";
import { RawClient } from "../support/raw_client.ts";
import { getRequest, whoAnswers } from "../support/requests.ts";

/** Enough for a pool of two workers and a few dozen clients. */
const MAX_OPEN_FILES = 80;

/** More clients than that leaves room for. */
const FLOOD = 120;

/** Of them, those who are there first: more than are given up, and fewer than there is room for. */
const EARLY = 24;

/** How long the pool is watched at the limit. */
const WATCH_MS = 500;

/** The unit of /proc: USER_HZ is 100 on every Linux. */
const MS_PER_TICK = 10;

Deno.test({
  name:
    "a pool out of descriptors keeps serving, replaces workers, does not spin, and recovers",
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "2", HEALTH_INTERVAL_MS: "100", HEALTH_FALL: "1" },
      maxOpenFiles: MAX_OPEN_FILES,
    });
    const { port } = pool;
    const early = await connect(EARLY, port);
    await using client = await RawClient.connect({ port });
    const ask = async (): Promise<number> =>
      (await client.ask(getRequest("/api/health"))).status;
    assert.equal(await ask(), 200);

    const flood = await connect(FLOOD - EARLY, port);
    await pool.waitForEvent("accept-paused", {
      where: ({ reason }) => reason === "descriptors",
    });
    // Who has been idle for longest is given up, and not who has just come.
    assert.equal((await early[0]!.readUntilEnd()).bytes.length, 0);
    for (let round = 0; round < 10; round++) assert.equal(await ask(), 200);

    const before = cpuMs(pool.pid);
    const watchedAt = performance.now();
    await delay(WATCH_MS);
    const used = cpuMs(pool.pid) - before;
    const watchedMs = performance.now() - watchedAt;
    assert.ok(used < watchedMs / 2, `${used} ms of ${watchedMs}`);

    const unhealthy = pool.events
      .filter(({ type }) => type === "worker-unhealthy");
    assert.deepEqual(unhealthy, []);

    const [killed] = pool.workerPids;
    const from = pool.events.length;
    Deno.kill(killed!, "SIGKILL");
    await pool.waitForEvent("worker-ready", { from });
    for (let round = 0; round < 10; round++) assert.equal(await ask(), 200);

    await Promise.all([...early, ...flood].map((one) => one.close()));
    assert.equal(await ask(), 200);
    await whoAnswers(port);
    await pool.waitForEvent("accept-resumed");
  },
});

function connect(count: number, port: number): Promise<RawClient[]> {
  return Promise.all(
    Array.from({ length: count }, () => RawClient.connect({ port })),
  );
}

/** Processor time the process has used. */
function cpuMs(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return MS_PER_TICK * (Number(fields[11]) + Number(fields[12]));
}
