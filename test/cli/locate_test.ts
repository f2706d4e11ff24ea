/**
 * Which of the pools that run is meant.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  type AdminTarget,
  parseAdminArguments,
} from "../../src/cli/admin_options.ts";
import { locatePool } from "../../src/cli/locate.ts";
import { CliError } from "../../src/cli/subcommand.ts";
import type { PoolRecord } from "../../src/registry/pool_record.ts";
import { registerPool } from "../../src/registry/pool_registry.ts";
import { poolRecord } from "../support/pool_record.ts";

/** The record of a pool on TCP. */
function onTcp(
  pid: number,
  host: string,
  port: number,
  rest: Partial<PoolRecord> = {},
): PoolRecord {
  const plain = { tls: false, proxyProtocol: false };
  return poolRecord({
    pid,
    settings: { host, port, adminHost: "127.0.0.1", adminPort: null },
    url: `http://${host === "0.0.0.0" ? "127.0.0.1" : host}:${port}`,
    admin: { transport: "tcp", host, port, ...plain },
    ...rest,
  });
}

const ON_DEFAULT = onTcp(1, "0.0.0.0", 8080);
const ON_OTHER = onTcp(2, "127.0.0.2", 8080, { name: "other" });
const ON_SOCKET = poolRecord({
  pid: 3,
  name: "socket",
  settings: {
    host: "unix:/run/a.sock",
    port: 8080,
    adminHost: "127.0.0.1",
    adminPort: null,
  },
  url: "unix:/run/a.sock",
  admin: {
    transport: "unix",
    path: "/run/a.sock",
    tls: false,
    proxyProtocol: false,
  },
});
const ON_ADMIN_PORT = poolRecord({
  pid: 4,
  name: "other",
  settings: {
    host: "0.0.0.0",
    port: 9000,
    adminHost: "127.0.0.1",
    adminPort: 9001,
  },
  url: "http://127.0.0.1:9000",
  admin: {
    transport: "tcp",
    host: "127.0.0.1",
    port: 9001,
    tls: false,
    proxyProtocol: false,
  },
});
const ON_ANY_PORT = onTcp(5, "0.0.0.0", 0, { url: "http://127.0.0.1:45000" });
const ALL = [ON_DEFAULT, ON_OTHER, ON_SOCKET, ON_ADMIN_PORT, ON_ANY_PORT];

/** Where the pool is that is meant, while `pools` run. */
async function locate(
  pools: readonly PoolRecord[],
  variables: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
): Promise<AdminTarget> {
  const base = await Deno.makeTempDir();
  const env = new Map(
    Object.entries({ RUNTIME_DIRECTORY: `${base}/pools`, ...variables }),
  );
  const registrations = [];
  try {
    for (const pool of pools) registrations.push(await registerPool(pool, env));
    return await locatePool(parseAdminArguments({ args, env }), env);
  } finally {
    for (const registration of registrations) registration.remove();
    await Deno.remove(base, { recursive: true });
  }
}

async function refusal(
  ...given: Parameters<typeof locate>
): Promise<string> {
  let message = "";
  await assert.rejects(locate(...given), (error) => {
    assert.ok(error instanceof CliError);
    message = error.message;
    return true;
  });
  return message;
}

for (
  const [what, variables, args, expected] of [
    ["no settings, the one with the defaults", {}, [], ON_DEFAULT],
    ["HOST, the one on that address", { HOST: "127.0.0.2" }, [], ON_OTHER],
    [
      "a unix socket, the one on it, though another has PORT",
      { HOST: "unix:/run/a.sock", PORT: "8080" },
      [],
      ON_SOCKET,
    ],
    ["PORT, the one with that port", { PORT: "9000" }, [], ON_ADMIN_PORT],
    [
      "PREFORK_PORT beside PORT, the one with the former",
      { PREFORK_PORT: "9000", PORT: "8080" },
      [],
      ON_ADMIN_PORT,
    ],
    [
      "ADMIN_PORT, the one with that",
      { ADMIN_PORT: "9001" },
      [],
      ON_ADMIN_PORT,
    ],
    ["PORT=0, the one on any port", { PORT: "0" }, [], ON_ANY_PORT],
    ["the port it came to, that one", { PORT: "45000" }, [], ON_ANY_PORT],
    ["--pid, that one, whatever PORT says", { PORT: "9000" }, [
      "--pid",
      "3",
    ], ON_SOCKET],
    ["--name, that one, whatever PORT says", { PORT: "9000" }, [
      "--name",
      "socket",
    ], ON_SOCKET],
    ["POOL_NAME, that one", { POOL_NAME: "socket" }, [], ON_SOCKET],
    [
      "POOL_NAME and PORT, the one with both",
      {
        POOL_NAME: "other",
        PORT: "9000",
      },
      [],
      ON_ADMIN_PORT,
    ],
    ["--admin, the one at that address", {}, [
      "--admin",
      "http://127.0.0.1:9001",
    ], ON_ADMIN_PORT],
    ["--admin with a socket, the one on it", {}, [
      "--admin=unix:/run/a.sock",
    ], ON_SOCKET],
  ] as const
) {
  Deno.test(`among several pools is meant, with ${what}`, async () => {
    const target = await locate(ALL, variables, args);
    assert.equal(target.record?.pid, expected.pid);
    assert.deepEqual(target.endpoint, expected.admin);
    assert.deepEqual(target.expected, { instance: expected.instance });
    // The token of the environment opens more than this run.
    assert.equal(target.token, expected.key);
  });
}

Deno.test("a pool is not meant because it is the only one, or has a part of the settings", async () => {
  for (
    const [pools, variables] of [
      [[ON_OTHER], {}],
      [[ON_ADMIN_PORT], {}],
      [[ON_SOCKET], { PORT: "8080" }],
      [[ON_DEFAULT], { HOST: "unix:/run/a.sock", PORT: "8080" }],
      [[ON_DEFAULT], { PORT: "8080", ADMIN_PORT: "9001" }],
      [[ON_OTHER], { HOST: "127.0.0.3", PORT: "8080" }],
    ] as const
  ) {
    const target = await locate(pools, variables);
    assert.equal(target.record, undefined);
    // Said where nobody responds.
    assert.match(target.hint ?? "", /^Running here:\n {2}--pid \d/);
  }
});

Deno.test("where more than one is meant, they are named, and none is taken", async () => {
  const twin = onTcp(7, "127.0.0.9", 8080, { name: "other" });
  for (
    const [variables, args] of [
      [{}, ["--name", "other"]],
      [{ POOL_NAME: "other" }, []],
    ] as const
  ) {
    const message = await refusal([ON_OTHER, twin], variables, args);
    assert.match(message, /^Cannot tell which pool is meant/);
    assert.match(message, /--pid 2 --name other/);
    assert.match(message, /--pid 7 --name other/);
  }
});

Deno.test("a process id or name that no pool has is refused, and those that run are named", async () => {
  for (const args of [["--pid", "99"], ["--name", "nobody"]]) {
    const message = await refusal([ON_SOCKET], {}, args);
    assert.match(message, /^Cannot find a pool with /);
    assert.match(message, /--pid 3 --name socket {2}unix:\/run\/a\.sock/);
  }
});

Deno.test("a port that only the pool knows, and a file that cannot be read, are no reason to ask another pool", async () => {
  assert.match(await refusal([], { PORT: "0" }), /PORT=0 is any port/);
  assert.match(
    await refusal([], { ADMIN_PORT: "0" }),
    /ADMIN_PORT=0 is any port/,
  );
  assert.match(
    await refusal([], { ENV_FILE: "/nowhere/.env" }),
    /ENV_FILE=\/nowhere\/\.env: cannot be read/,
  );
});

Deno.test("without a record the settings alone say where the pool is, and who has to respond", async () => {
  const target = await locate([], { POOL_NAME: "x", PORT: "9000" });
  assert.equal(target.url, "http://127.0.0.1:9000");
  assert.deepEqual(target.expected, { name: "x" });
});
