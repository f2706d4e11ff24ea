/**
 * Where workers run: the directory as the user calls it, followed anew by each
 * generation.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fixture } from "../support/fixture.ts";
import {
  type PoolProcess,
  spawnPool,
  startPool,
  type StartPoolOptions,
  UNTRIED,
} from "../support/pool_process.ts";
import { ignoreWithout } from "../support/programs.ts";
import { get } from "../support/requests.ts";

const ignore = ignoreWithout("node");

const PERMISSIONS = {
  "all permissions": ["-A"],
  "the least permissions": ["--allow-net", "--allow-run", "--allow-env"],
};

/** Releases of an application, and a link to the one that is to run. */
class Releases implements Disposable {
  readonly #root = Deno.realPathSync(Deno.makeTempDirSync());
  /** The link. */
  readonly current: string = `${this.#root}/current`;

  constructor(...names: readonly string[]) {
    for (const name of names) this.add(name);
  }

  /** Adds a release. */
  add(name: string): void {
    Deno.mkdirSync(this.path(name));
    Deno.copyFileSync(
      fixture("parting_worker.mjs"),
      `${this.path(name)}/worker.mjs`,
    );
  }

  /** Where a release is. */
  path(name: string): string {
    return `${this.#root}/${name}`;
  }

  /** Turns the link. */
  turnTo(name: string): void {
    const next = `${this.#root}/next`;
    Deno.symlinkSync(name, next);
    Deno.renameSync(next, this.current);
  }

  /** Removes a release, or the link. */
  remove(name: string): void {
    Deno.removeSync(this.path(name), { recursive: true });
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#root, { recursive: true });
  }
}

/** A pool that was started in a directory, as a shell does it. */
function startIn(
  cwd: string,
  options: StartPoolOptions = {},
): Promise<PoolProcess> {
  return startPool({
    command: ["node", "worker.mjs"],
    ...options,
    cwd,
    env: { POOL_SIZE: "1", PWD: cwd, ...UNTRIED, ...options.env },
  });
}

/** Which release answers, and of which generation. */
async function ask(pool: PoolProcess): Promise<readonly [string, string]> {
  const { cwd, PWD, generation } = JSON.parse((await get(pool.port, "/")).text);
  assert.equal(PWD, cwd, "both name the same");
  return [cwd, generation];
}

/** Reloads, and says what came of it. */
async function reload(pool: PoolProcess): Promise<string | null> {
  const from = pool.events.length;
  pool.signal("SIGHUP");
  const { report } = await pool.waitForEvent("reload-finished", { from });
  return report.reason;
}

/** Ends the only worker, and waits for its replacement. */
async function respawn(pool: PoolProcess): Promise<void> {
  const from = pool.events.length;
  Deno.kill((await pool.metrics()).workers[0]!.pid, "SIGKILL");
  await pool.waitForEvent("worker-ready", { from });
}

for (const [granted, permissions] of Object.entries(PERMISSIONS)) {
  Deno.test({
    name:
      `a link is followed anew by each reload, and by nothing else, with ${granted} (needs node)`,
    ignore,
    async fn(): Promise<void> {
      using releases = new Releases("one", "two");
      releases.turnTo("one");
      await using pool = await startIn(releases.current, { permissions });
      assert.deepEqual(await ask(pool), [releases.path("one"), "1"]);
      releases.turnTo("two");
      await respawn(pool);
      assert.deepEqual(await ask(pool), [releases.path("one"), "1"]);
      assert.equal(await reload(pool), null);
      assert.deepEqual(await ask(pool), [releases.path("two"), "2"]);
      releases.remove("one");
      assert.equal(await reload(pool), null);
      await respawn(pool);
      assert.deepEqual(await ask(pool), [releases.path("two"), "3"]);
    },
  });

  Deno.test({
    name:
      `when the directory of a generation is gone, its link is followed anew and that is said, with ${granted} (needs node)`,
    ignore,
    async fn(): Promise<void> {
      using releases = new Releases("one", "two");
      releases.turnTo("one");
      await using pool = await startIn(releases.current, { permissions });
      releases.turnTo("two");
      releases.remove("one");
      await respawn(pool);
      assert.deepEqual(await ask(pool), [releases.path("two"), "1"]);
      const { message } = await pool.waitForEvent("notice");
      assert.equal(
        message,
        `Directory ${releases.path("one")} of generation 1 is gone: worker 0 ` +
          `is started in ${releases.path("two")}, to which ` +
          `${releases.current} leads now. Reload the pool to have all run there.`,
      );
    },
  });

  Deno.test({
    name:
      `a directory that is missing is named, and not the program, with ${granted} (needs node)`,
    ignore,
    async fn(): Promise<void> {
      using releases = new Releases("one");
      releases.turnTo("one");
      const missing = releases.path("nowhere");
      const says = `the directory "${missing}" does not exist; ` +
        "create it, or correct WORKER_CWD";
      for (const args of [["--check"], []]) {
        await using never = spawnPool({
          env: { WORKER_CWD: missing },
          args,
          command: ["node", "worker.mjs"],
          permissions,
        });
        assert.equal((await never.status).code, 2);
        assert.ok(never.logs.includes(says), never.logs);
      }
      releases.add("nowhere");
      await using pool = await startIn(releases.path("one"), {
        env: { WORKER_CWD: "../nowhere" },
        permissions,
      });
      releases.remove("nowhere");
      assert.equal(
        await reload(pool),
        `Cannot use the configuration: WORKER_CWD=../nowhere: ${says}`,
      );
    },
  });
}

Deno.test({
  name:
    "WORKER_CWD is where workers run, and the program is looked for there (needs node)",
  ignore,
  async fn(): Promise<void> {
    using releases = new Releases("one", "two");
    Deno.writeTextFileSync(
      `${releases.path("two")}/start`,
      "#!/bin/sh\nexec node worker.mjs\n",
      { mode: 0o755 },
    );
    await using pool = await startIn(releases.path("one"), {
      env: { WORKER_CWD: "../two" },
      command: ["./start"],
    });
    assert.deepEqual(await ask(pool), [releases.path("two"), "1"]);
  },
});

Deno.test({
  name: "a PWD that names another directory is not believed (needs node)",
  ignore,
  async fn(): Promise<void> {
    using releases = new Releases("one", "two");
    await using pool = await startIn(releases.path("one"), {
      env: { PWD: releases.path("two") },
    });
    assert.deepEqual(await ask(pool), [releases.path("one"), "1"]);
  },
});

Deno.test({
  name: "ENV_FILE is that of the release to which the link leads (needs node)",
  ignore,
  async fn(): Promise<void> {
    using releases = new Releases("one", "two");
    for (const name of ["one", "two"]) {
      Deno.writeTextFileSync(
        `${releases.path(name)}/pool.env`,
        `POOL_SIZE=${name === "one" ? 1 : 2}\n`,
      );
    }
    releases.turnTo("one");
    await using pool = await startPool({
      cwd: releases.current,
      env: { PWD: releases.current, ENV_FILE: "pool.env" },
      command: ["node", "worker.mjs"],
      permissions: ["-A"],
    });
    releases.turnTo("two");
    releases.remove("one");
    assert.equal(await reload(pool), null);
    assert.equal((await pool.metrics()).pool.desired, 2);
  },
});
