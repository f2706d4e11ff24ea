/**
 * What of the pool's environment its workers get.
 *
 * @module
 */

import assert from "node:assert/strict";
import { denoFixture } from "../support/fixture.ts";
import { startPool } from "../support/pool_process.ts";

const COMMAND = denoFixture("pool_worker.ts", "env");

Deno.test("names with PREFORK_ stay with the pool, the others reach the workers as they are", async () => {
  await using pool = await startPool({
    env: {
      POOL_SIZE: "1",
      LOG_LEVEL: "trace",
      PREFORK_LOG_LEVEL: "debug",
      ADMIN_TOKEN: "of-the-application",
      PREFORK_ADMIN_TOKEN: "of-the-pool",
      RATE_LIMIT: "100 per hour",
      POLICY: "strict",
    },
    command: COMMAND,
  });
  const environment: Record<string, string> = await (await fetch(pool.url))
    .json();
  assert.equal(environment.LOG_LEVEL, "trace");
  assert.equal(environment.ADMIN_TOKEN, "of-the-application");
  assert.equal(environment.RATE_LIMIT, "100 per hour");
  assert.equal(environment.POLICY, "strict");
  assert.notEqual(environment.PORT, `${pool.port}`);
  const own = Object.keys(environment).filter((name) =>
    name.startsWith("PREFORK_")
  );
  // What the processes of this pool, and of each worker, are known by.
  assert.deepEqual(own.sort(), ["PREFORK_POOL_ID", "PREFORK_WORKER"]);
  assert.match(pool.logs, /RATE_LIMIT=100 per hour is left to the application/);
});

Deno.test("a token in ADMIN_TOKEN is withheld, and the start says once how to give both", async () => {
  await using pool = await startPool({
    env: { POOL_SIZE: "1", ADMIN_TOKEN: "of-the-pool" },
    command: COMMAND,
  });
  const environment = await (await fetch(pool.url)).text();
  assert.doesNotMatch(environment, /of-the-pool/);
  assert.equal(pool.logs.split("PREFORK_ADMIN_TOKEN").length, 2, pool.logs);
});

Deno.test("what the service manager tells the pool stays with the pool, which serves without it too", async () => {
  const told = {
    NOTIFY_SOCKET: "/nonexistent/notify",
    WATCHDOG_USEC: "30000000",
    WATCHDOG_PID: "1",
    LISTEN_FDS: "0",
    LISTEN_PID: "1",
    LISTEN_FDNAMES: "http",
  };
  await using pool = await startPool({
    env: { POOL_SIZE: "1", INVOCATION_ID: "0123", ...told },
    command: COMMAND,
  });
  const environment: Record<string, string> = await (await fetch(pool.url))
    .json();
  assert.deepEqual(
    Object.keys(environment).filter((name) => name in told),
    [],
  );
  assert.equal(environment.INVOCATION_ID, "0123");
  assert.match(pool.logs, /NOTIFY_SOCKET=.*--allow-write=\/nonexistent/);
});
