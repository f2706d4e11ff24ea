/**
 * The end of a worker that is more than one process: wrappers, jobs, and what
 * has been put into the background.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fixture } from "../support/fixture.ts";
import { type PoolProcess, startPool } from "../support/pool_process.ts";
import { spawnPool } from "../support/pool_process.ts";
import { aliveAmong, waitUntilGone } from "../support/processes.ts";
import { ignoreWithout } from "../support/programs.ts";
import { get } from "../support/requests.ts";

/** Longer than any test: what ends within one has not been killed. */
const STOP_TIMEOUT_MS = "600000";

const WORKER = fixture("parting_worker.mjs");

/** What the pool is run with: all, or what the original unit grants, which does not let it see processes itself. */
const PERMISSIONS = {
  "all permissions": ["-A"],
  "the least permissions": ["--allow-net", "--allow-run", "--allow-env"],
};

const ignore = Deno.build.os !== "linux" || ignoreWithout("node");

/** Lines that the workers have written. */
function outputOf(pool: PoolProcess): readonly string[] {
  return pool.events.flatMap((event) =>
    event.type === "worker-output" ? [event.line] : []
  );
}

/** Signals that were sent, in order. */
function signalsOf(pool: PoolProcess): readonly string[] {
  return pool.events.flatMap((event) =>
    event.type === "worker-signalled" ? [event.signal] : []
  );
}

/** Wrappers around a worker that takes a moment to end. */
const WRAPPERS: Readonly<Record<string, readonly string[]>> = {
  "sh -c": ["sh", "-c", `node ${WORKER} clean-up; true`],
  "a pipeline": ["sh", "-c", `node ${WORKER} clean-up | cat`],
  "a script with a helper beside": [
    "sh",
    "-c",
    `sleep 300 & node ${WORKER} clean-up & wait`,
  ],
  "a script that handles the signal": [
    "sh",
    "-c",
    `node ${WORKER} clean-up & child=$!
    trap 'kill -TERM $child; wait $child; exit 0' TERM
    wait $child`,
  ],
  "a shell in a shell": [
    "sh",
    "-c",
    `sh -c 'node ${WORKER} clean-up; true'; :`,
  ],
};

for (const [name, command] of Object.entries(WRAPPERS)) {
  for (const [granted, permissions] of Object.entries(PERMISSIONS)) {
    Deno.test({
      name:
        `the application behind ${name} makes its clean-up, with ${granted} (needs node and /proc)`,
      ignore,
      async fn(): Promise<void> {
        await using pool = await startPool({
          env: { POOL_SIZE: "1", STOP_TIMEOUT_MS, DRAIN_TIMEOUT_MS: "0" },
          command,
          permissions,
        });
        assert.equal((await pool.stop()).code, 0);
        const output = outputOf(pool);
        assert.deepEqual(output.slice(-2), ["asked by SIGTERM", "cleaned up"]);
        assert.deepEqual(signalsOf(pool), ["SIGTERM"]);
      },
    });
  }
}

Deno.test({
  name:
    "a script that has not come to start the application is ended at once (needs /proc)",
  ignore,
  async fn(): Promise<void> {
    await using pool = spawnPool({
      env: { POOL_SIZE: "1", STOP_TIMEOUT_MS },
      command: ["sh", "-c", "echo waiting; until false; do sleep 0.01; done"],
    });
    await pool.waitForEvent("worker-output");
    assert.equal((await pool.stop()).code, 0);
    assert.deepEqual(signalsOf(pool), ["SIGTERM"]);
  },
});

Deno.test({
  name:
    "a clean-up that takes longer than STOP_TIMEOUT_MS is killed, behind a wrapper too (needs node and /proc)",
  ignore,
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "1", STOP_TIMEOUT_MS: "200" },
      command: ["sh", "-c", `node ${WORKER} ignore-term; true`],
    });
    assert.equal((await pool.stop()).code, 0);
    assert.deepEqual(signalsOf(pool), ["SIGTERM", "SIGKILL"]);
  },
});

Deno.test({
  name:
    "a job that the application waits for is not signalled by a reload (needs node and /proc)",
  ignore,
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "1", STOP_TIMEOUT_MS },
      command: ["node", WORKER, "wait-for-job"],
    });
    await get(pool.port, "/job");
    pool.signal("SIGHUP");
    const { status } = await pool.waitForEvent("worker-exited");
    assert.equal(status.code, 0);
    const jobLines = outputOf(pool).filter((line) => line.startsWith("job"));
    assert.deepEqual(jobLines, ["job done", "job ended with 0"]);
  },
});

Deno.test({
  name:
    "a job that its application leaves behind when it is asked to end may finish (needs node and /proc)",
  ignore,
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "1", STOP_TIMEOUT_MS },
      command: ["node", WORKER],
    });
    const job = Number((await get(pool.port, "/job")).text);
    assert.equal((await pool.stop()).code, 0);
    const left = await pool.waitForEvent("worker-left-processes");
    assert.equal(left.asked, true);
    assert.ok(left.processes!.some(({ pid }) => pid === job));
    assert.ok(outputOf(pool).includes("job done"));
    assert.deepEqual(signalsOf(pool), ["SIGTERM"]);
  },
});

for (const [granted, permissions] of Object.entries(PERMISSIONS)) {
  Deno.test({
    name:
      `what a dead worker has detached is named and ended, with ${granted} (needs node and /proc)`,
    ignore,
    async fn(): Promise<void> {
      await using pool = await startPool({
        env: { POOL_SIZE: "1", STOP_TIMEOUT_MS, MAX_RETRIES: "0" },
        command: ["node", WORKER],
        permissions,
      });
      const pid = Number((await get(pool.port, "/detached")).text);
      assert.deepEqual(await aliveAmong([pid]), [pid]);
      Deno.kill(pool.workerPids[0]!, "SIGKILL");
      const left = await pool.waitForEvent("worker-left-processes");
      assert.deepEqual(left.processes, [
        { pid, command: "sleep 300", detached: true },
      ]);
      assert.deepEqual([left.asked, left.daemonised], [false, false]);
      await waitUntilGone([pid]);
      assert.equal((await pool.stop()).code, 0);
    },
  });

  Deno.test({
    name:
      `a worker that puts itself into the background is told to stay in the foreground, and ended, with ${granted} (needs node and /proc)`,
    ignore,
    async fn(): Promise<void> {
      await using pool = spawnPool({
        env: { POOL_SIZE: "1", STOP_TIMEOUT_MS },
        command: ["sh", "-c", `setsid node ${WORKER} &`],
        permissions,
      });
      assert.equal((await pool.status).code, 1);
      const failed = await pool.waitForEvent("worker-start-failed");
      assert.match(
        failed.reason,
        /^exited with code 0, but has put itself into the background: node .* \(pid \d+\); have it run in the foreground$/,
      );
      const left = await pool.waitForEvent("worker-left-processes");
      assert.equal(left.daemonised, true);
      await waitUntilGone(left.processes!.map(({ pid }) => pid));
    },
  });
}

Deno.test({
  name:
    "while what a dead worker has left holds its port, the replacement takes another (needs node and /proc)",
  ignore,
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "1", STOP_TIMEOUT_MS: "500" },
      // A server that does not end, behind a shell that is killed.
      command: ["sh", "-c", `node ${WORKER} ignore-term; true`],
    });
    const first = await pool.waitForEvent("worker-ready");
    Deno.kill(pool.workerPids[0]!, "SIGKILL");
    const second = await pool.waitForEvent("worker-ready", {
      where: ({ pid }) => pid !== first.pid,
    });
    assert.notEqual(second.port, first.port);
    const left = await pool.waitForEvent("worker-left-processes");
    await waitUntilGone(left.processes!.map(({ pid }) => pid));
    assert.ok(!pool.events.some(({ type }) => type === "port-skipped"));
  },
});

Deno.test({
  name:
    "a pool ends though a worker does not that was killed, and says so (needs python3 and /proc)",
  ignore: Deno.build.os !== "linux" || ignoreWithout("python3"),
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "1", STOP_TIMEOUT_MS: "200" },
      command: ["python3", fixture("undying_worker.py")],
    });
    const [tracer] = outputOf(pool)
      .flatMap((line) => /^traced by (\d+)$/.exec(line)?.[1] ?? []);
    try {
      assert.equal((await pool.stop()).code, 0);
    } finally {
      Deno.kill(Number(tracer), "SIGKILL");
    }
    const { message } = await pool.waitForEvent("notice", {
      where: ({ level }) => level === "error",
    });
    assert.match(message, /^Worker 0 \(pid \d+\) was killed and does not end/);
    assert.deepEqual(signalsOf(pool), ["SIGTERM", "SIGKILL"]);
  },
});

for (const signal of ["SIGINT", "SIGQUIT"]) {
  Deno.test({
    name: `STOP_SIGNAL=${signal} is what a worker is asked with (needs node)`,
    ignore,
    async fn(): Promise<void> {
      await using pool = await startPool({
        env: { POOL_SIZE: "1", STOP_TIMEOUT_MS, STOP_SIGNAL: signal },
        command: ["node", WORKER, "clean-up"],
      });
      assert.equal((await pool.stop()).code, 0);
      assert.deepEqual(outputOf(pool), [`asked by ${signal}`, "cleaned up"]);
      assert.deepEqual(signalsOf(pool), [signal]);
    },
  });
}

Deno.test({
  name:
    "what the application leaves behind is asked to end before it is killed (needs node and /proc)",
  ignore,
  async fn(): Promise<void> {
    const job =
      "trap 'echo job asked; exit' TERM; while :; do sleep 0.05; done";
    const program = `
      require("node:child_process")
        .spawn("sh", ["-c", ${JSON.stringify(job)}], { stdio: "inherit" });
      process.on("SIGTERM", () => process.exit(0));
      require("node:http").createServer((_, response) => response.end())
        .listen(process.env.PORT, "127.0.0.1");`;
    await using pool = await startPool({
      env: { POOL_SIZE: "1", STOP_TIMEOUT_MS: "4000" },
      command: ["node", "-e", program],
    });
    assert.equal((await pool.stop()).code, 0);
    assert.deepEqual(signalsOf(pool), ["SIGTERM"]);
    assert.ok(
      pool.events.some((event) =>
        event.type === "worker-output" && event.line === "job asked"
      ),
    );
  },
});
