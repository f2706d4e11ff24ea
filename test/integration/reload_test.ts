/**
 * Reloads under load: what was begun is served, whatever the new code does.
 *
 * @module
 */

import assert from "node:assert/strict";
import { eventually } from "../support/deadline.ts";
import { startMixedLoad } from "../support/mixed_load.ts";
import { startPool } from "../support/pool_process.ts";
import {
  ask,
  EnvFile,
  reload,
  RELOADABLE,
  startWithFile,
} from "../support/reloadable_pool.ts";

/** Reloads one after the other. */
const RELOADS = 20;

Deno.test({
  name:
    `complaint 3: ${RELOADS} reloads in a row under GET and POST drop no request`,
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "2" },
      command: RELOADABLE,
    });
    const load = startMixedLoad(pool.port);
    let proven = 0;
    for (let count = 1; count <= RELOADS; count++) {
      const report = await reload(pool, count % 2 ? "SIGHUP" : "SIGUSR1");
      assert.ok(report.ok, JSON.stringify(report));
      assert.equal(report.generation, count + 1);
      proven += report.workers.filter(({ requests }) => requests >= 5).length;
    }
    // The new ones have shown what they can; a trial lasts for a second at
    // most, in which a busy machine may answer fewer.
    assert.ok(proven > RELOADS, `${proven} of ${2 * RELOADS}`);
    const { failures, answered } = await load.stop();
    assert.deepEqual(failures, []);
    assert.ok(answered > RELOADS * 10);
    assert.equal((await pool.metrics()).generation, RELOADS + 1);
  },
});

Deno.test({
  name:
    "complaint 1: broken code is not let in under load, by SIGHUP, and mended code is",
  async fn(): Promise<void> {
    using file = new EnvFile("COLOUR=blue");
    await using pool = await startWithFile(file);
    const pids = (await pool.metrics()).workers.map(({ pid }) => pid);
    const load = startMixedLoad(pool.port);

    file.write("COLOUR=green", "BROKEN=1");
    const refused = await reload(pool);
    assert.deepEqual(
      [refused.ok, refused.reason],
      [false, "worker 0: exited with code 3"],
    );
    assert.deepEqual(
      refused.workers.map(({ verdict }) => verdict),
      ["failed", "kept"],
    );
    // The one that was refused is shown until its end is noticed.
    await eventually(async () =>
      assert.deepEqual(
        (await pool.metrics()).workers.map(({ pid }) => pid),
        pids,
      )
    );
    assert.equal((await ask(pool)).colour, "blue");

    file.write("COLOUR=green");
    assert.equal((await reload(pool)).ok, true);
    const answer = await ask(pool);
    assert.deepEqual([answer.colour, answer.generation], ["green", 3]);
    assert.deepEqual((await load.stop()).failures, []);
  },
});

Deno.test({
  name:
    "code that answers with errors is taken back after a handful of requests",
  async fn(): Promise<void> {
    using file = new EnvFile();
    await using pool = await startWithFile(file);
    const load = startMixedLoad(pool.port);
    file.write("FAILING=1");
    const report = await reload(pool);
    assert.equal(report.ok, false);
    assert.match(report.reason!, /of its first \d+ requests failed/);
    assert.equal((await ask(pool)).generation, 1);
    const { failures, answered } = await load.stop();
    // It is noticed after two, and taken out within a look at it.
    assert.ok(failures.every((failure) => failure.endsWith(" 500")));
    assert.ok(failures.length < answered, `${failures.length} of ${answered}`);
  },
});

Deno.test({
  name: "workers that ignore SIGTERM cost no request in a reload",
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "2", IGNORE_TERM: "1", STOP_TIMEOUT_MS: "500" },
      command: RELOADABLE,
    });
    const load = startMixedLoad(pool.port);
    assert.equal((await reload(pool)).ok, true);
    await pool.waitForEvent("worker-signalled", {
      where: ({ signal }) => signal === "SIGKILL",
    });
    assert.deepEqual((await load.stop()).failures, []);
  },
});
