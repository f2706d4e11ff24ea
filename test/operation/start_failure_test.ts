/**
 * What a user is told when a pool cannot run: one sentence with the remedy, an
 * exit code, and never a stack trace. What keeps it from listening is in
 * `test/integration/listen_failure_test.ts`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { assertSays, type Says } from "../support/failed_start.ts";
import {
  PoolProcess,
  spawnPool,
  type StartPoolOptions,
} from "../support/pool_process.ts";
import { ignoreWithout } from "../support/programs.ts";

/** A configuration or an invocation that ends by itself. */
interface Case extends StartPoolOptions {
  readonly name: string;
  readonly code: number;
  /** What is to be read. */
  readonly says: Says;
  /** What is not. */
  readonly never?: readonly RegExp[];
  /** What of the worker's words is, once. */
  readonly once?: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: "a worker's program that does not exist",
    command: ["no-such-program"],
    code: 1,
    says: [
      'Cannot start a worker: "no-such-program" was not found; ' +
      "correct the command, or PATH.",
    ],
  },
  {
    name: "a worker's command that is quoted as one word",
    command: ["node ok.mjs"],
    code: 1,
    says: [
      'Cannot start a worker: "node ok.mjs" was not found; correct the ' +
      'command, or PATH; if "node" is the program, do not quote it together ' +
      "with its arguments: -- node ok.mjs.",
    ],
  },
  {
    name: "a setting for the worker's command that is quoted as one word",
    env: { WORKER_COMMAND: "'node ok.mjs'" },
    code: 1,
    says: [
      'Cannot start a worker: "node ok.mjs" was not found; correct ' +
      'WORKER_COMMAND, or PATH; if "node" is the program, do not quote it ' +
      "together with its arguments.",
    ],
  },
  {
    name: "a worker's program that cannot be executed",
    env: { WORKER_COMMAND: "/etc/passwd" },
    code: 1,
    says: [
      'Cannot start a worker: "/etc/passwd" may not be executed; ' +
      "make it executable, or correct WORKER_COMMAND.",
    ],
  },
  {
    name: "workers that end before they are ready",
    env: { POOL_SIZE: "2" },
    command: ["sh", "-c", "echo starting up; echo no database >&2; exit 7"],
    code: 1,
    says: [
      "Cannot start the pool: no worker became ready; " +
      "the first one exited with code 7.",
      /^Command: sh -c echo starting up/m,
      /^ {2}starting up$/m,
      /^ {2}no database$/m,
      /^Correct the command, or what the program says it lacks\.$/m,
    ],
    never: [/listens on port/],
    once: ["no database"],
  },
  {
    name: "four workers whose module is missing",
    env: { POOL_SIZE: "4", LOG_LEVEL: "debug" },
    command: [
      ...["node", "-e"],
      "console.error('Cannot find module', process.pid); process.exit(1)",
    ],
    code: 1,
    says: [/Cannot start the pool: .* exited with code 1\./],
    never: [/listens on port/, / could not be started/],
    once: ["Cannot find module"],
  },
  {
    name: "workers that say more than an entry has room for",
    env: { POOL_SIZE: "3", LOG_LEVEL: "debug" },
    command: ["sh", "-c", "seq -f 'line %g.' 1 50; exit 3"],
    code: 1,
    says: [/Cannot start the pool: .* exited with code 3\./],
    once: ["line 1.", "line 30.", "line 50."],
  },
  {
    name: "workers that are never ready",
    env: { POOL_SIZE: "2", STARTUP_TIMEOUT_MS: "2000" },
    command: ["sh", "-c", "echo waiting; exec sleep 300"],
    code: 1,
    says: [
      // What else was seen depends on how soon: see test/pool/pool_test.ts.
      "the first one was not ready within 2000 ms (connection refused",
      "; STARTUP_TIMEOUT_MS is the limit.",
      /^ {2}waiting$/m,
      /^Correct the command so that it listens on port \d+/m,
    ],
  },
  {
    name: "the permission to listen missing",
    permissions: ["--no-prompt", "--allow-run", "--allow-env"],
    code: 1,
    says: ["Deno does not permit it. Run with --allow-net."],
  },
  {
    name: "the permission to run workers missing",
    permissions: ["--no-prompt", "--allow-net", "--allow-env"],
    code: 1,
    says: [
      /Cannot start a worker: running .* start the balancer with --allow-run\./,
    ],
  },
  {
    name: "the permission to read the settings missing",
    permissions: ["--no-prompt", "--allow-net", "--allow-run"],
    code: 1,
    says: [
      "Cannot read the settings from the environment: Deno does not permit " +
      "it. Run with --allow-env.",
    ],
  },
  {
    name: "settings that cannot be used, all of them told",
    env: { POOL_SIZE: "none", MAX_QUEUE: "-3" },
    args: ["--polcy=ip-hash", "--health-path", "health"],
    code: 2,
    says: [
      "POOL_SIZE=none: must be a whole number from 1 to 1024, or auto",
      "MAX_QUEUE=-3: must be a whole number",
      "--polcy: is not an option; did you mean --policy?",
      "--health-path=health: must be",
    ],
  },
];

for (const { name, code, says, never, once, ...options } of CASES) {
  Deno.test(`the pool does not start with ${name}, and says so`, async () => {
    await using pool = spawnPool({
      ...options,
      env: { LOG_FORMAT: "text", LOG_LEVEL: "error", ...options.env },
    });
    await assertSays(pool, code, says);
    for (const pattern of never ?? []) {
      assert.doesNotMatch(pool.logs, pattern);
    }
    for (const words of once ?? []) {
      // The command may have them too.
      const lines = pool.logs.split("\n")
        .filter((line) => line.includes(words) && !/command:/i.test(line));
      assert.equal(lines.length, 1, pool.logs);
    }
  });
}

/** Starts a pool by a program that becomes the one that its last arguments say. */
function startThrough(
  [program = "", ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
): PoolProcess {
  const tool = new URL("../../tools/prefork-pool.ts", import.meta.url);
  const pool = [Deno.execPath(), "run", "--quiet", "-A", fileURLToPath(tool)];
  const child = new Deno.Command(program, {
    args: [...args, ...pool],
    env: { LOG_LEVEL: "error", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return new PoolProcess(child);
}

/** Opens a port and becomes a program that has it open, as one that a service manager has activated. */
const ACTIVATE = `
import os, socket, sys
opened = socket.create_server(("127.0.0.1", 0))
opened.set_inheritable(True)
os.environ["PORT"] = str(opened.getsockname()[1])
os.execv(sys.argv[1], sys.argv[1:])`;

Deno.test({
  name:
    "the pool does not start with a PORT that it was handed open, and says so (needs python3 and Linux)",
  ignore: Deno.build.os !== "linux" || ignoreWithout("python3"),
  async fn(): Promise<void> {
    await using pool = startThrough(["python3", "-c", ACTIVATE], {
      HOST: "127.0.0.1",
      POOL_SIZE: "1",
    });
    await assertSays(pool, 1, [
      "this process has it open already. If another pool of its own does, set " +
      "PORT to a free one; if it was started with the port open, which it " +
      "does not take over (socket activation), disable the .socket unit.",
    ]);
  },
});

Deno.test({
  name:
    "the pool does not start on a port of the system's, and says so (needs setpriv)",
  ignore: ignoreWithout("setpriv"),
  async fn(): Promise<void> {
    const without = [
      ...["--bounding-set", "-net_bind_service"],
      ...["--inh-caps", "-net_bind_service", "--"],
    ];
    await using pool = startThrough(["setpriv", ...without], { PORT: "1" });
    await assertSays(pool, 1, [
      "Cannot listen on 0.0.0.0:1: the system does not permit it. " +
      "Set PORT to 1024 or above, or grant CAP_NET_BIND_SERVICE.",
    ]);
  },
});

Deno.test("--check finds what is not there as the start does, all of it, and fails", async () => {
  const permissions = ["-A"];
  const cases: readonly (readonly [StartPoolOptions, string])[] = [
    [
      { env: { SERVER_CERT_PATH: "/nowhere", SERVER_KEY_PATH: "/nowhere" } },
      "Cannot serve TLS: SERVER_CERT_PATH cannot be read: No such file",
    ],
    [{ env: { WATCH: "nowhere" } }, "Cannot watch nowhere: No such file"],
    [
      { command: ["no-such-program"] },
      'Cannot start a worker: "no-such-program" was not found; correct',
    ],
    [
      { command: ["./no-such-program"] },
      'Cannot start a worker: "./no-such-program" was not found; correct',
    ],
  ];
  for (const [options, expected] of cases) {
    const env = { LOG_FORMAT: "text", ...options.env };
    for (const args of [[], ["--check"]]) {
      await using pool = spawnPool({ ...options, env, args, permissions });
      await assertSays(pool, 1, [expected]);
    }
  }
  const env = Object.assign({}, ...cases.map(([{ env }]) => env ?? {}));
  await using pool = spawnPool({
    env,
    command: ["no-such-program"],
    args: ["--check"],
    permissions,
  });
  await assertSays(pool, 1, cases.slice(0, 3).map(([, expected]) => expected));
});

Deno.test("--check says nothing of a program that it may not look for", async () => {
  await using pool = spawnPool({
    command: ["no-such-program"],
    args: ["--check"],
  });
  await assertSays(pool, 0, [/can be used/]);
});

Deno.test("--help, --version and --check answer and end with 0", async () => {
  const answers: readonly (readonly [string, RegExp])[] = [
    ["--help", /POOL_SIZE[\s\S]*--policy/],
    ["--version", /^prefork-pool \d+\.\d+\.\d+/],
    ["--check", /can be used/],
  ];
  for (const [flag, expected] of answers) {
    await using pool = spawnPool({ args: [flag] });
    await assertSays(pool, 0, [expected]);
    assert.deepEqual(pool.workerPids, []);
  }
});

Deno.test({
  name:
    "--check and the start warn of workers that cannot fit into memory, and name the settings (Linux)",
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    const env = { POOL_SIZE: "16", MAX_WORKER_MEMORY_MB: "1000000" };
    const permissions = ["-A"];
    const warning =
      /POOL_SIZE=16 workers with MAX_WORKER_MEMORY_MB=1000000 each do not fit/;
    await using checking = spawnPool({ env, permissions, args: ["--check"] });
    await assertSays(checking, 0, [warning, /can be used/]);
    await using pool = spawnPool({ env, permissions });
    const { level, message } = await pool.waitForEvent("notice");
    assert.equal(level, "warning");
    assert.match(message, warning);
  },
});
