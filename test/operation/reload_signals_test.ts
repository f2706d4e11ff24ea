/**
 * Signals, reloads and a changed environment, as an operator sees them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { DirectProc } from "../../src/system/direct_proc.ts";
import { parseListenTable } from "../../src/system/listen_table.ts";
import { eventually } from "../support/deadline.ts";
import { demoBehindGate, GateFile } from "../support/fixture.ts";
import {
  type PoolProcess,
  spawnPool,
  startPool,
  UNTRIED,
} from "../support/pool_process.ts";
import {
  ask,
  EnvFile,
  reload,
  RELOADABLE,
  startWithFile,
} from "../support/reloadable_pool.ts";

/** Which generation another reload leads to: what was kept has been done before. */
async function generationAfterAnother(pool: PoolProcess): Promise<number> {
  const report = await reload(pool);
  assert.equal(report.ok, true);
  return report.generation;
}

Deno.test({
  name:
    "SIGHUP applies what can change while connections go on, and names what cannot",
  async fn(): Promise<void> {
    using file = new EnvFile("POOL_SIZE=1", "MAX_WORKERS=2");
    await using pool = await startPool({
      env: { ENV_FILE: file.path, ...UNTRIED },
      permissions: ["-A"],
      command: RELOADABLE,
    });
    file.write("POOL_SIZE=3", "MAX_WORKERS=4", "MAX_QUEUE=7", "ACCESS_LOG=on");
    assert.equal((await reload(pool)).ok, true);
    const { min, max, desired } = (await pool.metrics()).pool;
    assert.deepEqual([min, max, desired], [3, 4, 3]);
    const notice = await pool.waitForEvent("notice");
    assert.equal(
      notice.message,
      "Changed, but not applied: MAX_QUEUE, ACCESS_LOG. " +
        "Restart the pool to apply it.",
    );
  },
});

Deno.test({
  name: "a configuration that cannot be used is refused, and changes nothing",
  async fn(): Promise<void> {
    using file = new EnvFile("COLOUR=blue");
    await using pool = await startWithFile(file);
    file.write("COLOUR=green", "MAX_WORKERS=none");
    const report = await reload(pool);
    assert.equal(report.ok, false);
    assert.match(report.reason!, /MAX_WORKERS=none: must be/);
    assert.deepEqual(report.workers, []);
    assert.equal(pool.workerPids.length, 2);
    assert.equal((await ask(pool)).colour, "blue");
  },
});

Deno.test({
  name:
    "SIGHUP while the pool starts is kept, and one reload is done for all of them",
  async fn(): Promise<void> {
    using gate = new GateFile();
    await using pool = spawnPool({
      env: { POOL_SIZE: "1", ...UNTRIED },
      command: demoBehindGate(gate.path, "*"),
    });
    await pool.waitForEvent("worker-spawned");
    pool.signal("SIGHUP");
    pool.signal("SIGHUP");
    const { message } = await pool.waitForEvent("notice");
    assert.match(message, /^The pool is starting: it is reloaded when it has/);
    gate.open();
    const { report } = await pool.waitForEvent("reload-finished");
    assert.deepEqual([report.ok, report.generation], [true, 2]);
    assert.equal(await generationAfterAnother(pool), 3);
  },
});

Deno.test({
  name:
    "SIGHUP during a reload is kept, and one reload is done for all of them",
  async fn(): Promise<void> {
    using gate = new GateFile();
    gate.open();
    await using pool = await startPool({
      env: { POOL_SIZE: "1", ...UNTRIED },
      command: demoBehindGate(gate.path, "*"),
    });
    gate.close();
    pool.signal("SIGHUP");
    await pool.waitForEvent("reload-started");
    pool.signal("SIGHUP");
    pool.signal("SIGUSR1");
    gate.open();
    for (const generation of [2, 3]) {
      const { report } = await pool.waitForEvent("reload-finished", {
        where: ({ report }) => report.generation === generation,
      });
      assert.equal(report.ok, true);
    }
    assert.equal(await generationAfterAnother(pool), 4);
  },
});

/** How many sockets of TCP a process listens on. */
async function countListening(pid: number): Promise<number> {
  const proc = new DirectProc();
  const own = (await proc.sockets([pid])).get(pid);
  return parseListenTable(await proc.table("tcp"))
    .filter(({ inode }) => own?.has(inode)).length;
}

Deno.test({
  name: "SIGUSR1 leaves no port open for debuggers (needs /proc)",
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    await using pool = await startPool({ env: { POOL_SIZE: "1", ...UNTRIED } });
    const before = await countListening(pool.pid);
    // Deno heeds the signal once it has run for half a second.
    await eventually(async () =>
      assert.ok((await pool.metrics()).uptimeSeconds >= 1)
    );
    assert.equal((await reload(pool, "SIGUSR1")).ok, true);
    await eventually(async () =>
      assert.equal(await countListening(pool.pid), before)
    );
  },
});

Deno.test("SIGUSR2 does nothing", async () => {
  await using pool = await startPool({ env: { POOL_SIZE: "1", ...UNTRIED } });
  pool.signal("SIGUSR2");
  assert.equal(await generationAfterAnother(pool), 2);
  assert.equal((await pool.stop()).code, 0);
});

Deno.test({
  name:
    "SIGTTIN and SIGTTOU want one worker more and one fewer, within the bounds",
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "2", MIN_WORKERS: "1", MAX_WORKERS: "3" },
      command: RELOADABLE,
    });
    const steps: readonly (readonly ["SIGTTIN" | "SIGTTOU", number])[] = [
      ["SIGTTIN", 3],
      ["SIGTTOU", 2],
      ["SIGTTOU", 1],
    ];
    for (const [signal, to] of steps) {
      const from = pool.events.length;
      pool.signal(signal);
      const scaled = await pool.waitForEvent("pool-scaled", { from });
      assert.deepEqual([scaled.to, scaled.reason], [to, "command"]);
    }
    // At the bound a signal changes nothing; the next one tells when it has been seen.
    const from = pool.events.length;
    pool.signal("SIGTTOU");
    pool.signal("SIGTTIN");
    const scaled = await pool.waitForEvent("pool-scaled", { from });
    assert.deepEqual([scaled.from, scaled.to], [1, 2]);
  },
});
