/**
 * Servers of every kind behind a pool: each is told its port in the way it
 * understands, is reached through the pool, and ends with it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { eventually } from "../support/deadline.ts";
import { fixture } from "../support/fixture.ts";
import { startPool, type StartPoolOptions } from "../support/pool_process.ts";
import { waitUntilGone } from "../support/processes.ts";
import { ignoreWithout } from "../support/programs.ts";
import { get } from "../support/requests.ts";

/** One kind of worker. */
interface Kind extends StartPoolOptions {
  readonly name: string;
  readonly needs?: readonly string[];
  /** What `/` is answered with. */
  readonly answers: RegExp;
}

const deno = Deno.execPath();

const KINDS: readonly Kind[] = [
  {
    name: "Node's HTTP server",
    needs: ["node"],
    command: ["node", fixture("node_http.mjs")],
    answers: /^\{"workerId":"[01]","pid":\d+\}$/,
  },
  {
    name: "Express",
    command: [deno, "run", "-A", fixture("express_app.mjs")],
    answers: /"framework":"express"/,
  },
  {
    name: "a Deno program with a port written into it",
    command: [deno, "run", "--allow-net", fixture("deno_hard_coded.ts")],
    answers: /^hard-coded \d+ \/$/,
  },
  {
    name: "deno serve with a default export",
    command: [
      ...[deno, "serve", "--port", "{port}", "--host", "{host}"],
      fixture("deno_export_default.ts"),
    ],
    answers: /^export default \d+ \/$/,
  },
  {
    name: "Python's http.server",
    needs: ["python3"],
    command: [
      ...["python3", "-m", "http.server", "{port}", "--bind", "{host}"],
      ...["--directory", fixture("static")],
    ],
    answers: /<html/i,
  },
  {
    name: "PHP's own server",
    needs: ["php"],
    command: ["php", "-S", "{host}:{port}", "-t", fixture("php")],
    answers: /php/i,
  },
  {
    name: "ZIGTTP_BIN with HANDLER_PATH",
    needs: ["node"],
    env: {
      ZIGTTP_BIN: fixture("zigttp.mjs"),
      HANDLER_PATH: fixture("static/index.html"),
    },
    answers: /<html/i,
  },
  {
    name: "ZIGTTP_BIN alone",
    needs: ["node"],
    env: { ZIGTTP_BIN: fixture("zigttp.mjs") },
    answers: /^no handler$/,
  },
  {
    name: "WORKER_COMMAND with words in quotes",
    needs: ["node"],
    env: {
      WORKER_COMMAND: `sh -c 'GREETING="worker {id}" exec node "$0"' "${
        fixture("node_http.mjs")
      }"`,
    },
    answers: /^\{"workerId":"[01]"/,
  },
];

for (const { name, needs = [], answers, ...options } of KINDS) {
  const wants = needs.length === 0 ? "" : ` (needs ${needs.join(", ")})`;
  Deno.test({
    name: `a pool serves from ${name}${wants}`,
    ignore: ignoreWithout(...needs),
    async fn(): Promise<void> {
      await using pool = await startPool({
        ...options,
        env: { POOL_SIZE: "2", ...options.env },
      });
      for (let i = 0; i < 4; i++) {
        const answer = await get(pool.port, "/");
        assert.equal(answer.status, 200);
        assert.match(answer.text, answers);
      }
      const { workers } = await pool.metrics();
      assert.deepEqual(workers.map(({ requests }) => requests), [2, 2]);
    },
  });
}

Deno.test("of a server that serves one connection at a time none is kept idle: it would keep all others waiting", async () => {
  await using pool = await startPool({
    env: { POOL_SIZE: "1" },
    command: [deno, "run", "-A", fixture("one_connection.ts")],
  });
  for (let i = 0; i < 3; i++) {
    assert.equal((await get(pool.port, "/")).text, "ok");
    assert.equal((await pool.metrics()).connections.upstreamIdle, 0);
  }
});

Deno.test({
  name:
    "a server started by a shell, as npm start does, ends with the pool (needs node)",
  ignore: ignoreWithout("node"),
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "1" },
      // The shell goes on after its child, so it cannot make way for it.
      command: ["sh", "-c", 'node "$0"; echo ended', fixture("node_http.mjs")],
    });
    const { pid } = JSON.parse((await get(pool.port, "/")).text);
    assert.ok(!pool.workerPids.includes(pid));
    assert.equal((await pool.stop()).code, 0);
    await waitUntilGone([pid, ...pool.workerPids]);
  },
});

Deno.test("a worker that serves one connection at a time is not taken for one that hangs", async () => {
  await using pool = await startPool({
    env: {
      POOL_SIZE: "1",
      HEALTH_INTERVAL_MS: "100",
      // Three of them are over before an idle connection is given up.
      HEALTH_TIMEOUT_MS: "500",
    },
    command: [deno, "run", "-A", fixture("one_connection.ts")],
  });
  for (let times = 0; times < 3; times++) {
    assert.equal((await get(pool.port, "/")).text, "ok");
    // Until then its probes wait behind the connection that is kept.
    await eventually(async () =>
      assert.equal((await pool.metrics()).connections.upstreamIdle, 0)
    );
  }
  const spawned = pool.events.filter(({ type }) => type === "worker-spawned");
  assert.equal(spawned.length, 1);
});
