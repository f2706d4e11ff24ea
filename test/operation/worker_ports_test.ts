/**
 * The worker, and nobody else, is who clients reach: whoever else listens on
 * its port, and wherever it listens itself.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { fixture } from "../support/fixture.ts";
import { freePort } from "../support/free_port.ts";
import { spawnPool, startPool } from "../support/pool_process.ts";
import { ignoreWithout } from "../support/programs.ts";
import { get } from "../support/requests.ts";
import { FIRST } from "../support/tls.ts";

const NOT_LINUX = Deno.build.os !== "linux";
const NO_NODE = ignoreWithout("node");

const deno = Deno.execPath();
const node = ["node", fixture("port_worker.mjs")];

/** With /proc open, and without: then a shell reads it. */
const PERMISSIONS: Readonly<Record<string, readonly string[]>> = {
  "with all permissions": ["-A"],
  "without /proc": ["--allow-net", "--allow-run", "--allow-env"],
};

/** Another program: a server of this process, on a port of a worker. */
class Stranger implements AsyncDisposable {
  readonly #server: Server = createServer((_request, response) => {
    response.end("the stranger");
  });

  /** Listens; `shared` with others. */
  async listen(port: number, shared: boolean): Promise<void> {
    const options = { port, host: "127.0.0.1", reusePort: shared };
    await new Promise<void>((resolve) => this.#server.listen(options, resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

for (const [way, permissions] of Object.entries(PERMISSIONS)) {
  Deno.test({
    name:
      `a program that took the port first is not taken for the worker, ${way} (needs node)`,
    ignore: NOT_LINUX || NO_NODE,
    async fn(): Promise<void> {
      const taken = freePort();
      await using stranger = new Stranger();
      await using pool = spawnPool({
        permissions,
        env: {
          POOL_SIZE: "1",
          WORKER_PORT: String(taken),
          TAKEN_PORT: String(taken),
        },
        command: node,
      });
      await pool.waitForEvent("worker-spawned", {
        where: ({ port }) => port === taken,
      });
      await stranger.listen(taken, false);
      const failed = await pool.waitForEvent("worker-start-failed");
      assert.match(
        failed.reason,
        new RegExp(`its port is held by .*\\(pid ${Deno.pid}\\)`),
      );
      const ready = await pool.waitForEvent("worker-ready");
      assert.ok(ready.port > taken);
      await pool.waitForEvent("state-changed", {
        where: ({ to }) => to === "serving",
      });
      assert.equal((await get(pool.port, "/")).text, "the worker");
    },
  });

  Deno.test({
    name:
      `a program that joins a worker on its port is noticed and named, and the worker replaced, ${way}`,
    ignore: NOT_LINUX,
    async fn(): Promise<void> {
      await using stranger = new Stranger();
      await using pool = await startPool({
        permissions,
        env: { POOL_SIZE: "1" },
        command: [
          deno,
          "run",
          "-A",
          "--unstable-net",
          fixture("shared_port_worker.ts"),
        ],
      });
      const first = await pool.waitForEvent("worker-ready");
      await stranger.listen(first.port, true);
      const unhealthy = await pool.waitForEvent("worker-unhealthy");
      assert.equal(unhealthy.diagnosis, "displaced");
      assert.match(unhealthy.reason, new RegExp(`\\(pid ${Deno.pid}\\)$`));
      await pool.waitForEvent("worker-ready", {
        where: ({ port }) => port !== first.port,
      });
      for (let i = 0; i < 10; i++) {
        assert.equal((await get(pool.port, "/")).text, "the worker");
      }
    },
  });

  Deno.test({
    name:
      `a worker that listens elsewhere is told where, and where it is expected, ${way} (needs node)`,
    ignore: NOT_LINUX || NO_NODE,
    async fn(): Promise<void> {
      const elsewhere = freePort();
      await using pool = spawnPool({
        permissions,
        env: { POOL_SIZE: "1", APP_PORT: String(elsewhere) },
        command: node,
      });
      const { reason, remedy, port } = await pool.waitForEvent(
        "worker-start-delayed",
      );
      assert.equal(
        reason,
        `it listens on 127.0.0.1:${elsewhere}, and not on 127.0.0.1:${port}`,
      );
      assert.match(remedy ?? "", /PORT/);
    },
  });

  Deno.test({
    name:
      `a Deno program whose port is written into it is moved, and only once, ${way}`,
    ignore: NOT_LINUX,
    async fn(): Promise<void> {
      await using pool = await startPool({
        permissions,
        env: { POOL_SIZE: "1", FIXED_PORT: String(freePort()) },
        command: [deno, "run", "-A", fixture("deno_fixed_port.ts")],
      });
      const { moved } = await pool.waitForEvent("worker-moved");
      assert.ok(moved);
      assert.equal((await get(pool.port, "/")).text, "fixed");
      const from = pool.events.length;
      const [worker] = (await pool.metrics()).workers;
      Deno.kill(worker!.pid!, "SIGKILL");
      await pool.waitForEvent("worker-ready", { from });
      assert.equal(
        pool.events.filter(({ type }) => type === "worker-moved").length,
        1,
      );
    },
  });
}

Deno.test({
  name:
    "two pools with the same worker ports share them out before their workers listen (needs node)",
  ignore: NOT_LINUX || NO_NODE,
  async fn(): Promise<void> {
    const env = {
      POOL_SIZE: "2",
      WORKER_PORT: String(freePort()),
      APP_BUSY_MS: "500",
    };
    await using first = spawnPool({ env, command: node });
    await using second = spawnPool({ env, command: node });
    const ports = new Set<number>();
    for (const pool of [first, second]) {
      for (const workerId of [0, 1]) {
        const { port } = await pool.waitForEvent("worker-ready", {
          where: (event) => event.workerId === workerId,
        });
        ports.add(port);
      }
    }
    assert.equal(ports.size, 4);
    for (const { events } of [first, second]) {
      assert.ok(!events.some(({ type }) => type === "worker-start-failed"));
    }
  },
});

Deno.test({
  name: "a worker that listens on ::1 alone is reached there (needs node)",
  ignore: NOT_LINUX || NO_NODE,
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "1", APP_HOST: "::1" },
      command: node,
    });
    const { hostname } = await pool.waitForEvent("worker-ready");
    assert.equal(hostname, "::1");
    assert.equal((await get(pool.port, "/")).text, "the worker");
  },
});

Deno.test({
  name: "a worker that speaks TLS is said to (needs node)",
  ignore: NO_NODE,
  async fn(): Promise<void> {
    await using pool = spawnPool({
      env: { POOL_SIZE: "1", APP_CERT: FIRST.certPath, APP_KEY: FIRST.keyPath },
      command: node,
    });
    const { reason } = await pool.waitForEvent("worker-start-delayed");
    assert.match(reason, /speaks TLS/);
  },
});

Deno.test({
  name:
    "a worker that goes by Host is said to, and is asked with HEALTH_HOST (needs node)",
  ignore: NO_NODE,
  async fn(): Promise<void> {
    const env = { POOL_SIZE: "1", HEALTH_PATH: "/", APP_NAMES: "shop.test" };
    await using unknown = spawnPool({ env, command: node });
    const { reason, remedy } = await unknown.waitForEvent(
      "worker-start-delayed",
    );
    assert.match(
      reason,
      /responded with 403 to HEALTH_PATH \/ with Host 127\.0\.0\.1/,
    );
    assert.match(remedy ?? "", /HEALTH_HOST/);
    await using known = await startPool({
      env: { ...env, HEALTH_HOST: "shop.test" },
      command: node,
    });
    await known.waitForEvent("worker-ready");
  },
});

Deno.test({
  name:
    "a worker that still computes when its time is over is said to (needs node)",
  ignore: NOT_LINUX || NO_NODE,
  async fn(): Promise<void> {
    await using pool = spawnPool({
      env: {
        POOL_SIZE: "1",
        STARTUP_TIMEOUT_MS: "2500",
        APP_BUSY_MS: "3600000",
      },
      command: node,
    });
    const { reason } = await pool.waitForEvent("worker-start-failed");
    assert.match(reason, /while it was computing\); STARTUP_TIMEOUT_MS is/);
  },
});

Deno.test("a Deno program's figures stay where they are: its site is on its port", async () => {
  const figures = freePort();
  await using pool = await startPool({
    env: { POOL_SIZE: "1", FIGURES_PORT: String(figures) },
    command: [deno, "run", "-A", fixture("deno_two_servers.ts")],
  });
  assert.equal((await get(pool.port, "/")).text, "the site");
  assert.equal((await get(figures, "/")).text, "figures");
});

Deno.test({
  name: "of two servers with ports written into the program none is moved",
  ignore: NOT_LINUX,
  async fn(): Promise<void> {
    await using pool = spawnPool({
      env: {
        POOL_SIZE: "1",
        FIGURES_PORT: String(freePort()),
        SITE_PORT: String(freePort()),
      },
      command: [deno, "run", "-A", fixture("deno_two_servers.ts")],
    });
    const { elsewhere } = await pool.waitForEvent("worker-start-delayed");
    assert.equal(elsewhere.length, 2);
    assert.ok(!pool.events.some(({ type }) => type === "worker-moved"));
  },
});

Deno.test("deno serve without a port is given the worker's", async () => {
  await using pool = await startPool({
    env: { POOL_SIZE: "2" },
    command: [deno, "serve", fixture("deno_export_default.ts")],
  });
  assert.match((await get(pool.port, "/")).text, /^export default/);
});
