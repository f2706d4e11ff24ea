/**
 * What applications write is their operator's log: all of it, in the form and
 * in the place that was asked for, and never in the way of a request.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { DEFAULT_DEADLINE_MS, delay } from "../support/deadline.ts";
import { ignoreWithout } from "../support/programs.ts";
import {
  type PoolProcess,
  spawnPool,
  startPool,
  UNJUDGED,
} from "../support/pool_process.ts";

const WORKER = [
  "node",
  fileURLToPath(new URL("../fixtures/talkative_worker.mjs", import.meta.url)),
];

const TEXT = { LOG_FORMAT: "text", LOG_LEVEL: "info" };

const BURST_LINES = 20_000;

/** Asks for `path`, and waits for the response. */
async function ask(port: number, path: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    signal: AbortSignal.timeout(DEFAULT_DEADLINE_MS),
  });
  await response.body?.cancel();
  return response.status;
}

/** Starts a pool whose log is for people, and tells its port. */
async function startTextPool(
  env: Readonly<Record<string, string>>,
  permissions?: readonly string[],
): Promise<{ readonly pool: PoolProcess; readonly port: number }> {
  const pool = spawnPool({
    env: { ...TEXT, POOL_SIZE: "1", ...env },
    command: WORKER,
    ...permissions === undefined ? {} : { permissions },
  });
  const [, port] = await pool.waitForLine(/listening on http:\S+:(\d+)/);
  return { pool, port: Number(port) };
}

Deno.test("a burst of 20,000 lines into a pipe that is read is kept, whatever LOG_LEVEL is", async () => {
  const { pool, port } = await startTextPool({ LOG_LEVEL: "info" });
  await using _pool = pool;
  await ask(port, "/burst");
  await waitForText(() => pool.logs, /burst 19999 /);
  const numbers = [...pool.logs.matchAll(/\[worker 0\] burst (\d+) /g)]
    .map(([, number]) => Number(number));
  assert.equal(numbers.length, BURST_LINES);
  assert.ok(numbers.every((number, i) => number === i));
  assert.doesNotMatch(pool.logs, /dropped/);
});

Deno.test("WORKER_LOG_FILE has each worker's output, and is opened anew on SIGHUP", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/0.log`;
  try {
    const { pool, port } = await startTextPool({
      LOG_LEVEL: "info",
      WORKER_LOGS: "raw",
      WORKER_LOG_FILE: `${directory}/{id}.log`,
    }, ["-A"]);
    await using _pool = pool;
    await ask(port, "/burst");
    await waitForText(() => readIfThere(path), /burst 19999 y+\n/);
    await ask(port, "/say/before");
    const before = await waitForText(() => readIfThere(path), /^before$/m);
    assert.equal([...before.matchAll(/^burst \d+ y+$/mg)].length, BURST_LINES);
    await Deno.rename(path, `${path}.1`);
    pool.signal("SIGHUP");
    await pool.waitForLine(/reloaded in/);
    await ask(port, "/say/after");
    assert.equal(
      await waitForText(() => readIfThere(path), /^after$/m),
      "after\n",
    );
    assert.equal(await Deno.readTextFile(`${path}.1`), before);
    assert.doesNotMatch(pool.logs, /burst|before|after$/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test({
  name:
    "a log file that is as large as files may be ends no pool, and is written on once it has been moved (needs prlimit)",
  ignore: ignoreWithout("prlimit"),
  async fn(): Promise<void> {
    const directory = await Deno.makeTempDir();
    const path = `${directory}/0.log`;
    try {
      const { pool, port } = await startTextPool({
        WORKER_LOG_FILE: `${directory}/{id}.log`,
      }, ["-A"]);
      await using _pool = pool;
      await new Deno.Command("prlimit", {
        args: ["--pid", `${pool.pid}`, "--fsize=65536"],
      }).output();
      await ask(port, "/burst");
      await pool.waitForLine(/Cannot write to .*: File too large/);
      assert.equal((await Deno.stat(path)).size, 65_536);
      await Deno.rename(path, `${path}.1`);
      pool.signal("SIGHUP");
      await waitForText(() => readIfThere(path), /burst \d+ y+\n/);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test("the permission to write WORKER_LOG_FILE is asked for by its name", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await using pool = spawnPool({
      env: { ...TEXT, WORKER_LOG_FILE: `${directory}/{id}.log` },
      permissions: ["--no-prompt", "--allow-net", "--allow-run", "--allow-env"],
      command: WORKER,
    });
    assert.equal((await pool.status).code, 2, pool.logs);
    assert.match(pool.logs, /WORKER_LOG_FILE=\S+: .*run with --allow-write/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("WORKER_LOG_FILE in a directory that is missing is an unusable configuration, also for --check", async () => {
  for (const args of [[], ["--check"]]) {
    await using pool = spawnPool({
      env: { ...TEXT, WORKER_LOG_FILE: "/no/such/place/{id}.log" },
      permissions: ["-A"],
      args,
      command: WORKER,
    });
    assert.equal((await pool.status).code, 2, pool.logs);
    assert.match(pool.logs, /WORKER_LOG_FILE=.*does not exist; create it/);
  }
});

for (const kind of ["text", "empty", "endless", "binary", "both"]) {
  Deno.test(`workers that flood their output (${kind}) are in nobody's way, and it is said once`, async () => {
    await using pool = await startPool({
      env: {
        POOL_SIZE: "2",
        WORKER_LOG_RATE: "1000",
        WORKER_LOG_BYTES: "100000",
        // What reads the pool's log here is not to be flooded too.
        WORKER_LOGS: "off",
        // Who floods without a pause hears no signal.
        STOP_TIMEOUT_MS: "200",
        ...UNJUDGED,
      },
      command: WORKER,
    });
    // Somebody who listens makes lines of it.
    const listening = new AbortController();
    const events = await fetch(`${pool.url}/_events`, {
      signal: listening.signal,
    });
    const read = events.body!.pipeTo(new WritableStream(), {
      signal: listening.signal,
    }).catch(() => {});
    try {
      for (let i = 0; i < 2; i++) {
        assert.equal(await ask(pool.port, `/flood/${kind}`), 200);
      }
      for (const workerId of [0, 1]) {
        await pool.waitForEvent("worker-output-dropped", {
          where: (event) => event.workerId === workerId,
        });
      }
      for (let i = 0; i < 20; i++) {
        assert.equal(await ask(pool.port, "/"), 200);
        assert.equal(await ask(pool.port, "/_health"), 200);
      }
      const { output, workers } = await pool.metrics() as unknown as {
        output: { droppedLines: number; droppedBytes: number };
        workers: readonly { droppedLines: number }[];
      };
      assert.ok(output.droppedBytes > 0);
      assert.equal(
        workers.reduce((sum, worker) => sum + worker.droppedLines, 0) <=
          output.droppedLines,
        true,
      );
      const began = pool.events.filter((event) =>
        event.type === "worker-output-dropped" && event.phase === "began"
      );
      assert.equal(began.length, 2);
    } finally {
      listening.abort();
      await read;
    }
    // A signal is heeded meanwhile.
    pool.signal("SIGTERM");
    assert.equal((await pool.status).code, 0);
  });
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** A text that grows, once it matches. Looked at now and then: there may be much of it. */
async function waitForText(
  read: () => string | Promise<string>,
  pattern: RegExp,
): Promise<string> {
  const deadlineAt = performance.now() + DEFAULT_DEADLINE_MS;
  for (;;) {
    const text = await read();
    if (pattern.test(text)) return text;
    assert.ok(
      performance.now() < deadlineAt,
      `${pattern} does not come: ${text.slice(-200)}`,
    );
    await delay(20);
  }
}
