/**
 * Reloads, signals and a changed environment, as an operator sees them.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { ReloadReport } from "../../src/events/mod.ts";
import { DirectProc } from "../../src/system/direct_proc.ts";
import { parseListenTable } from "../../src/system/listen_table.ts";
import { eventually } from "../support/deadline.ts";
import { demoBehindGate, denoFixture, GateFile } from "../support/fixture.ts";
import { startMixedLoad } from "../support/mixed_load.ts";
import {
  type PoolProcess,
  spawnPool,
  startPool,
  UNTRIED,
} from "../support/pool_process.ts";
import { get } from "../support/requests.ts";

const COMMAND = denoFixture("reloadable.ts");

/** Reloads one after the other. */
const RELOADS = 20;

/** A file of variables that is there for as long as the test. */
class EnvFile implements Disposable {
  readonly #directory = Deno.makeTempDirSync();
  readonly path: string = `${this.#directory}/pool.env`;

  constructor(...lines: readonly string[]) {
    this.write(...lines);
  }

  write(...lines: readonly string[]): void {
    Deno.writeTextFileSync(this.path, lines.join("\n") + "\n");
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

/** Sends a signal that reloads, and waits for the report. */
async function reload(
  pool: PoolProcess,
  signal: "SIGHUP" | "SIGUSR1" = "SIGHUP",
): Promise<ReloadReport> {
  const from = pool.events.length;
  pool.signal(signal);
  const { report } = await pool.waitForEvent("reload-finished", {
    from,
  });
  return report;
}

/** Which generation another reload leads to: what was kept has been done before. */
async function generationAfterAnother(pool: PoolProcess): Promise<number> {
  const report = await reload(pool);
  assert.equal(report.ok, true);
  return report.generation;
}

/** What the application says of itself. */
async function ask(
  pool: PoolProcess,
): Promise<{ generation: number; colour: string | null }> {
  return JSON.parse((await get(pool.port, "/")).text);
}

/** A pool of two whose workers have a file of variables. */
function startWithFile(
  file: EnvFile,
  env: Readonly<Record<string, string>> = {},
): Promise<PoolProcess> {
  return startPool({
    env: { POOL_SIZE: "2", ENV_FILE: file.path, ...env },
    permissions: ["-A"],
    command: COMMAND,
  });
}

Deno.test({
  name:
    `complaint 3: ${RELOADS} reloads in a row under GET and POST drop no request`,
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "2" },
      command: COMMAND,
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
      command: COMMAND,
    });
    const load = startMixedLoad(pool.port);
    assert.equal((await reload(pool)).ok, true);
    await pool.waitForEvent("worker-signalled", {
      where: ({ signal }) => signal === "SIGKILL",
    });
    assert.deepEqual((await load.stop()).failures, []);
  },
});

Deno.test({
  name:
    "SIGHUP applies what can change while connections go on, and names what cannot",
  async fn(): Promise<void> {
    using file = new EnvFile("POOL_SIZE=1", "MAX_WORKERS=2");
    await using pool = await startPool({
      env: { ENV_FILE: file.path, ...UNTRIED },
      permissions: ["-A"],
      command: COMMAND,
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
      command: COMMAND,
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
