/** Which transport serves, who says so, and what is said where it cannot. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { libraryPaths } from "../../src/transport/epoll/abi.ts";
import { runCommand } from "../support/command_line.ts";
import { fixture } from "../support/fixture.ts";
import { get } from "../support/message_text.ts";
import { spawnPool, startPool } from "../support/pool_process.ts";
import { startPoolWithPages } from "../support/admin_pages.ts";
import { RawClient } from "../support/raw_client.ts";
import { get as fetchPage } from "../support/requests.ts";

const ignore = Deno.build.os !== "linux";

const THREE = ["--no-prompt", "--allow-net", "--allow-run", "--allow-env"];

/** All that epoll takes, and nothing beside. */
const NARROW = [
  ...THREE,
  `--allow-ffi=${libraryPaths(Deno.build).join(",")}`,
  `--allow-read=${fileURLToPath(new URL("../../src/", import.meta.url))}`,
];

const SMALL = { POOL_SIZE: "1", MAX_WORKERS: "1" };

const MISSING = /--allow-ffi=\/\S*libc?\S* --allow-read=\/\S*\/src\/ as well/;

for (
  const [transport, permissions] of [["epoll", NARROW], [
    "deno",
    THREE,
  ]] as const
) {
  Deno.test({
    name: `${transport} is said to serve by the log, the figures and status`,
    ignore,
    async fn(): Promise<void> {
      await using pool = await startPool({
        env: { ...SMALL, TRANSPORT: transport },
        permissions,
      });
      const event = await pool.waitForEvent("listening");
      assert.equal(event.transport, transport);
      assert.equal((await pool.metrics()).transport, transport);
      const { text } = await fetchPage(
        pool.port,
        "/_metrics?format=prometheus",
      );
      const line = `prefork_transport_info{transport="${transport}"} 1`;
      assert.ok(text.split("\n").includes(line));
      const status = await runCommand(["status", "--admin", pool.url]);
      assert.match(status.stdout, new RegExp(`, on ${transport}$`, "m"));
      assert.deepEqual(pool.events.filter(({ type }) => type === "notice"), []);
    },
  });
}

Deno.test({
  name:
    "without the permissions for epoll the runtime serves, and what they would gain is said once",
  ignore,
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { ...SMALL, TRANSPORT: "auto" },
      permissions: THREE,
    });
    assert.equal((await pool.metrics()).transport, "deno");
    const notices = pool.events.flatMap((event) =>
      event.type === "notice" ? [event.message] : []
    );
    assert.equal(notices.length, 1);
    assert.match(notices[0]!, /takes a sixth less CPU time/);
    assert.match(notices[0]!, MISSING);
  },
});

for (
  const [what, { env, permissions, reason }] of Object.entries({
    "without permission": {
      env: {},
      permissions: THREE,
      reason: MISSING,
    },
    "with TLS": {
      env: {
        SERVER_CERT_PATH: fixture("tls/first_cert.pem"),
        SERVER_KEY_PATH: fixture("tls/first_key.pem"),
      },
      permissions: ["-A"],
      reason: /TLS \(SERVER_CERT_PATH\) .*\. Set TRANSPORT to auto\.$/,
    },
    "on a unix socket": {
      env: { HOST: "unix:/tmp/never.sock" },
      permissions: ["-A"],
      reason: /a unix socket \(HOST\) .*\. Set TRANSPORT to auto\.$/,
    },
  })
) {
  Deno.test({
    name: `TRANSPORT=epoll ${what} is refused, with the remedy`,
    ignore,
    async fn(): Promise<void> {
      await using pool = spawnPool({
        env: { ...SMALL, TRANSPORT: "epoll", ...env },
        permissions,
      });
      assert.equal((await pool.status).code, 1);
      const { level, message } = await pool.waitForEvent("notice");
      assert.equal(level, "error");
      assert.match(message, /^Cannot serve with TRANSPORT=epoll: /);
      assert.match(message, reason);
      assert.deepEqual(pool.workerPids, []);
    },
  });
}

for (const place of ["PORT", "ADMIN_PORT"] as const) {
  Deno.test({
    name: `the pages on ${place} show what is counted by now`,
    ignore,
    async fn(): Promise<void> {
      await using pages = await startPoolWithPages(place, {
        env: { ...SMALL, TRANSPORT: "epoll" },
        permissions: ["-A"],
      });
      const { pool } = pages;
      await using client = await RawClient.connect(pool);
      for (let count = 1; count <= 20; count++) {
        assert.equal((await client.ask(get("/"))).status, 200);
        const { totalRequests } = await pool.metrics(pages.port);
        assert.equal(totalRequests, count);
      }
    },
  });
}
