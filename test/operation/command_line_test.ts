/**
 * The command line, run as a user runs it, against pools in every place that
 * settings can put them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { SAME_SIGNAL_MS } from "../../src/lifecycle/signals.ts";
import { TOKEN } from "../support/admin_pages.ts";
import { delay, eventually } from "../support/deadline.ts";
import { postHead } from "../support/message_text.ts";
import { RawClient } from "../support/raw_client.ts";
import { get } from "../support/requests.ts";
import { FIRST } from "../support/tls.ts";
import {
  commandLine,
  type CommandResult,
  runCommand,
  runHere,
} from "../support/command_line.ts";
import { fixture } from "../support/fixture.ts";
import { freePort } from "../support/free_port.ts";
import {
  type PoolProcess,
  startPool,
  type StartPoolOptions,
} from "../support/pool_process.ts";

const ALL = ["-A"];

/** A place for records, sockets and files, gone in the end. */
class Folder implements AsyncDisposable {
  readonly path = Deno.makeTempDirSync();
  readonly env = { RUNTIME_DIRECTORY: `${this.path}/pools` };

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }

  /** Starts a pool that may leave a record here. */
  start(options: StartPoolOptions = {}): Promise<PoolProcess> {
    return startPool({
      permissions: ALL,
      ...options,
      env: {
        POOL_SIZE: "1",
        // A reload waits for no requests.
        RELOAD_CANARY_REQUESTS: "0",
        ...this.env,
        ...options.env,
      },
    });
  }

  /** Runs a subcommand with the records here. */
  run(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<CommandResult> {
    return runHere(args, { ...this.env, ...env });
  }

  /** The same as a process, which may read the records. */
  spawn(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<CommandResult> {
    return runCommand(args, { ...this.env, ...env }, ALL);
  }
}

/** An address of this machine that others reach, too. */
function ownAddress(): string | undefined {
  return Deno.networkInterfaces().find(({ family, address }) =>
    family === "IPv4" && !address.startsWith("127.")
  )?.address;
}

function settingsIn(
  folder: string,
): Readonly<Record<string, Readonly<Record<string, string>>>> {
  const tls = {
    SERVER_CERT_PATH: FIRST.certPath,
    SERVER_KEY_PATH: FIRST.keyPath,
  };
  const port = (): string => `${freePort()}`;
  return {
    "an address that is not the first": { HOST: "127.0.0.2", PORT: port() },
    "an IPv6 address": { HOST: "::1", PORT: port() },
    "all addresses": { HOST: "::", PORT: port() },
    "an address that others reach": {
      HOST: ownAddress() ?? "127.0.0.3",
      PORT: port(),
    },
    "TLS": { PORT: port(), ...tls },
    "names with PREFORK_": { PREFORK_PORT: port(), PORT: "1" },
    "a port for the admin pages": { PORT: port(), ADMIN_PORT: port() },
    "a host for the admin pages": {
      PORT: port(),
      ADMIN_PORT: port(),
      ADMIN_HOST: "127.0.0.2",
      ADMIN_TOKEN: TOKEN,
    },
    "the PROXY protocol, with a token": {
      PORT: port(),
      PROXY_PROTOCOL: "on",
      PREFORK_ADMIN_TOKEN: TOKEN,
    },
    "TLS behind the PROXY protocol": {
      PORT: port(),
      PROXY_PROTOCOL: "on",
      ADMIN_TOKEN: TOKEN,
      ...tls,
    },
    "a proxy in the environment": {
      PORT: port(),
      HTTP_PROXY: "http://127.0.0.1:9",
      HTTPS_PROXY: "http://127.0.0.1:9",
      ALL_PROXY: "http://127.0.0.1:9",
    },
    "a file of variables": { ENV_FILE: `${folder}/.env` },
    "a unix socket": { HOST: `unix:${folder}/pool.sock` },
    "the PROXY protocol on a unix socket": {
      HOST: `unix:${folder}/pool.sock`,
      PROXY_PROTOCOL: "on",
    },
    "any port": { PORT: "0" },
  };
}

/** Where the permission to read and write files is needed: for the pool as well, or for its record. */
const NEED_FILES: ReadonlySet<string> = new Set([
  "a file of variables",
  "a unix socket",
  "the PROXY protocol on a unix socket",
  "any port",
]);

for (const where of Object.keys(settingsIn("/"))) {
  Deno.test(`status, health, reload, scale and stop find the pool by its own environment: ${where}`, async () => {
    await using folder = new Folder();
    const settings = settingsIn(folder.path)[where]!;
    await Deno.writeTextFile(
      `${folder.path}/.env`,
      `\uFEFFPORT = "${freePort()}"\r\nHOST='127.0.0.4'\r\n`,
    );
    // Only the settings of this case, not those of the tests.
    const cleared = where === "a file of variables"
      ? { PORT: "", HOST: "" }
      : {};
    await using pool = await folder.start({ env: { ...cleared, ...settings } });
    const host: Record<string, string> = settings.HOST === undefined &&
        where !== "a file of variables"
      ? { HOST: "127.0.0.1" }
      : {};
    const environments = [
      { ...folder.env, ...host, ...settings },
      // Without a record, as the settings alone say.
      ...NEED_FILES.has(where) ? [] : [{ ...host, ...settings }],
    ];
    const noRecords = { RUNTIME_DIRECTORY: `${folder.path}/none` };
    for (const env of environments) {
      const run = async (...args: string[]): Promise<string> => {
        const { code, stdout, stderr } = await runHere(args, {
          ...noRecords,
          ...env,
        });
        assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
        return stdout;
      };
      assert.equal(await run("health"), "health: yes\n");
      const status = JSON.parse(await run("status", "--json"));
      assert.equal(status.instance.pid, pool.pid);
      assert.match(await run("reload"), /^Reloaded in .* generation/m);
      assert.match(await run("scale", "1"), /^1 workers are wanted now/);
    }
    // As a process of its own, with no more permissions than it takes.
    const health = await runCommand(
      ["health"],
      environments.at(-1)!,
      NEED_FILES.has(where) ? ALL : undefined,
    );
    assert.equal(health.code, 0, health.stderr);
    assert.equal(health.stdout, "health: yes\n");
    const last = { ...noRecords, ...environments.at(-1) };
    const stopped = await runHere(["stop"], last);
    assert.equal(stopped.code, 0, stopped.stderr);
    assert.equal((await pool.status).code, 0);
  });
}

Deno.test("a pool on a unix socket is asked there, and not another one that has its PORT", async () => {
  await using folder = new Folder();
  await using other = await folder.start();
  const env = {
    HOST: `unix:${folder.path}/gone.sock`,
    PORT: `${other.port}`,
  };
  for (const args of [["reload"], ["scale", "3"], ["stop"]]) {
    const { code, stderr } = await folder.run(args, env);
    assert.equal(code, 1);
    assert.match(stderr, /^Cannot reach a pool at unix:.*gone\.sock: there is/);
    assert.match(stderr, new RegExp(`--pid ${other.pid} `));
  }
  const { generation, pool } = await other.metrics();
  assert.deepEqual([generation, pool.desired], [1, 1]);
});

Deno.test("the record of a killed pool leads nobody to the one that has its port now", async () => {
  await using folder = new Folder();
  const PORT = `${freePort()}`;
  const first = await folder.start({ env: { PORT, POOL_NAME: "first" } });
  await first.kill();
  await first[Symbol.asyncDispose]();
  await using second = await startPool({ env: { PORT, POOL_SIZE: "1" } });
  for (const args of [["--pid", `${first.pid}`], ["--name", "first"]]) {
    const { code, stderr } = await folder.spawn(["reload", ...args], { PORT });
    assert.equal(code, 1);
    assert.match(stderr, /^Cannot find a pool with /);
  }
  // Without a look at the records, whoever responds has to say who it is.
  for (const args of [["--pid", `${first.pid}`], ["--name", "first"]]) {
    const { code, stderr } = await runCommand(["reload", ...args], { PORT });
    assert.equal(code, 1);
    assert.match(
      stderr,
      new RegExp(`^Cannot find the pool .*: process ${second.pid}`),
    );
  }
  assert.equal((await second.metrics()).generation, 1);
});

Deno.test("what is asked of a run that has ended is refused by the one that is there", async () => {
  await using pool = await startPool({ env: { POOL_SIZE: "1" } });
  const ask = (field: string | null): Promise<Response> =>
    fetch(`${pool.url}/_admin/scale?workers=2`, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        ...field === null ? {} : { "Prefork-Instance": field },
      },
    });
  const stranger = await ask(crypto.randomUUID());
  assert.equal(stranger.status, 421);
  assert.match((await stranger.json()).error, /asked of another pool/);
  const mine = await ask(null);
  assert.equal(mine.status, 200);
  await mine.body?.cancel();
  const id = mine.headers.get("Prefork-Instance");
  const again = await ask(id);
  assert.equal(again.status, 200);
  await again.body?.cancel();
  // The status is there for everyone, and nothing else of it is.
  const health = await fetch(`${pool.url}/_health`);
  assert.equal(health.headers.get("Prefork-Instance"), null);
  await health.body?.cancel();
});

Deno.test("nothing that is asked on this machine goes to a proxy of the environment", async () => {
  const seen: string[] = [];
  await using proxy = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      seen.push(`${request.url} ${request.headers.get("authorization")}`);
      return new Response(null, { status: 403 });
    },
  );
  const address = `http://127.0.0.1:${proxy.addr.port}`;
  await using pool = await startPool({
    env: { POOL_SIZE: "1", ADMIN_TOKEN: TOKEN },
  });
  const env: Record<string, string> = {
    ADMIN_TOKEN: TOKEN,
    // Deno itself asks for news elsewhere.
    DENO_NO_UPDATE_CHECK: "1",
  };
  for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]) {
    env[name] = env[name.toLowerCase()] = address;
  }
  for (
    const admin of [
      ["--admin", pool.url],
      ["--admin", `http://localhost:${pool.port}`],
    ]
  ) {
    for (const args of [["status"], ["reload"], ["scale", "1"], ["health"]]) {
      const { code, stderr } = await runCommand([...args, ...admin], env);
      assert.equal(code, 0, stderr);
    }
  }
  const check = await healthCheck({ ...env, PORT: `${pool.port}` });
  assert.equal(check, 0);
  assert.deepEqual(seen, []);
});

Deno.test("the image's health check fails where no pool responds", async () => {
  assert.equal(await healthCheck({ PORT: `${freePort()}` }), 1);
});

/** Runs the health check of the Dockerfile; resolves to its exit code. */
async function healthCheck(
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const dockerfile = await Deno.readTextFile(`${root}Dockerfile`);
  const [, words = "[]"] = /^HEALTHCHECK [^]*?^ *CMD (\[.*\])$/m
    .exec(dockerfile) ?? [];
  const [program = ""] = JSON.parse(words) as string[];
  const { code } = await new Deno.Command(
    program.replace(/^\/opt\/prefork-pool\//, root),
    {
      env: { ...env },
      stdout: "null",
      stderr: "null",
    },
  ).output();
  return code;
}

Deno.test("list shows the pools of this user, and forgets those that have ended", async () => {
  await using folder = new Folder();
  const empty = await folder.run(["list"]);
  assert.match(empty.stdout, /^No pool of this user /);
  await using named = await folder.start({
    env: { POOL_NAME: "shop", ADMIN_TOKEN: TOKEN },
  });
  await using killed = await folder.start();
  const text = (await folder.spawn(["list"])).stdout;
  assert.match(text, new RegExp(`^${named.pid} +shop +serving +1/1 `, "m"));
  assert.match(text, new RegExp(`^${killed.pid} +- +serving +1/1 `, "m"));
  const json = (await folder.run(["list", "--json"])).stdout;
  assert.equal(JSON.parse(json).length, 2);
  assert.equal(JSON.parse(json)[0].token, true);
  assert.doesNotMatch(json, /"key"/);
  for await (const { name } of Deno.readDir(folder.env.RUNTIME_DIRECTORY)) {
    const path = `${folder.env.RUNTIME_DIRECTORY}/${name}`;
    assert.equal((await Deno.lstat(path)).mode! & 0o777, 0o600);
    assert.ok(!(await Deno.readTextFile(path)).includes(TOKEN));
  }
  await killed.kill();
  await named.stop();
  assert.match((await folder.run(["list"])).stdout, /^No pool of this user /);
});

Deno.test("a pool that is stopping is listed as draining, and stop waits for it: nothing is cut", async () => {
  await using folder = new Folder();
  await using pool = await folder.start();
  const chosen = ["--pid", `${pool.pid}`];
  await using upload = await RawClient.connect({ port: pool.port });
  await upload.send(postHead("/upload", "Content-Length: 2") + "a");
  await eventually(async () =>
    assert.equal((await pool.metrics()).inFlight, 1)
  );
  const asked = await folder.spawn(["stop", "--no-wait", ...chosen]);
  assert.equal(asked.code, 0, asked.stderr);
  await eventually(() => assert.rejects(get(pool.port, "/"), /ECONNREFUSED/));
  // From then on a signal would end it at once.
  await delay(SAME_SIGNAL_MS);
  const list = (await folder.run(["list"])).stdout;
  assert.match(list, new RegExp(`^${pool.pid} +- +draining +- `, "m"));
  const status = await folder.run(["status", ...chosen]);
  assert.match(
    status.stderr,
    /: it is stopping \(pid [0-9]+\), and listens no/,
  );
  const again = await folder.run(["stop", "--no-wait", ...chosen]);
  assert.equal(again.code, 0, again.stderr);
  assert.equal((await upload.ask("b")).status, 200);
  assert.equal((await pool.status).code, 0);
});

Deno.test({
  name: "output that cannot be written is told in a line (needs /dev/full)",
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    for (const args of [["--version"], ["completions", "bash"]]) {
      const { code, stderr } = await new Deno.Command("sh", {
        args: ["-c", '"$@" > /dev/full', "sh", ...commandLine(args)],
        stderr: "piped",
      }).output();
      assert.equal(code, 1);
      assert.match(
        new TextDecoder().decode(stderr),
        /^Cannot write the output: .*\n$/,
      );
    }
  },
});

Deno.test("list says which permissions it needs", async () => {
  const { code, stderr } = await runCommand(["list"]);
  assert.equal(code, 1);
  assert.match(stderr, /^Cannot list the pools: .*--allow-read --allow-write/);
});

Deno.test("a pool starts all the same where its record cannot be left, and says why", async () => {
  await using folder = new Folder();
  await Deno.symlink(folder.path, folder.env.RUNTIME_DIRECTORY);
  await using pool = await folder.start();
  const notice = await pool.waitForEvent("notice");
  assert.equal(notice.level, "warning");
  assert.match(notice.message, /^Cannot leave a record .*is a link; remove it/);
});

Deno.test("logs shows what the workers write, events what else happens, and -f goes on", async () => {
  await using folder = new Folder();
  const env = { HOST: "127.0.0.1", PORT: `${freePort()}` };
  await using pool = await folder.start({
    env,
    command: [
      "sh",
      "-c",
      'printf "hello \\033[2J\\n"; echo careful >&2; exec "$0" "$@"',
      "node",
      fixture("node_http.mjs"),
    ],
  });
  await pool.waitForEvent("worker-output", {
    where: ({ line }) => line === "careful",
  });
  const logs = (await folder.spawn(["logs"], env)).stdout;
  assert.match(logs, /^0 \| hello \\x1b\[2J$/m);
  assert.match(logs, /^0 \| careful$/m);
  const last = (await folder.run(["logs", "-n", "1"], env)).stdout;
  assert.equal(last.split("\n").length, 2);
  const events = (await folder.spawn(["events"], env)).stdout;
  assert.match(events, /^\S+Z info worker 0 ready on /m);
  assert.doesNotMatch(events, /careful/);
  const json = (await folder.run(["events", "--all", "--json"], env)).stdout;
  const types = json.trim().split("\n").map((line) => JSON.parse(line).type);
  assert.ok(types.includes("worker-output") && types.includes("listening"));
  await followToTheEnd(folder, pool, env);
});

/** Follows the events from before a change to the end of the pool. */
async function followToTheEnd(
  folder: Folder,
  pool: PoolProcess,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const [program = "", ...args] = commandLine(["events", "-f", "-n", "1"], ALL);
  const child = new Deno.Command(program, {
    args,
    env: { ...folder.env, ...env, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  let text = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    const first = text === "";
    text += part;
    // What is kept has been shown; whatever comes now is followed.
    if (first) await folder.run(["scale", "2"], env);
    if (/scaling from 1 to 2/.test(part)) pool.signal("SIGTERM");
  }
  assert.match(text, /pool draining/);
  assert.match(await stderr, /The pool has ended/);
  assert.equal((await child.status).code, 0);
}

Deno.test("POST /_admin/stop ends the pool as SIGTERM does, and needs the same right as a reload", async () => {
  await using pool = await startPool({ env: { POOL_SIZE: "1" } });
  const ask = (headers: Record<string, string>): Promise<Response> =>
    fetch(`${pool.url}/_admin/stop`, { method: "POST", headers });
  const foreign = await ask({});
  assert.equal(foreign.status, 403);
  await foreign.body?.cancel();
  const response = await ask({ "Content-Type": "application/json" });
  assert.equal(response.status, 202);
  assert.deepEqual(await response.json(), { pid: pool.pid });
  assert.equal((await pool.status).code, 0);
});
