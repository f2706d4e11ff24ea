import assert from "node:assert/strict";
import type { Config } from "../../src/config/config.ts";
import { ConfigError } from "../../src/config/config_error.ts";
import { loadConfig } from "../../src/config/load_config.ts";
import {
  flagOf,
  SETTING_NAMES,
  variableOf,
} from "../../src/config/settings.ts";

type Variables = Readonly<Record<string, string>>;

function load(args: readonly string[], variables: Variables = {}): Config {
  const env = new Map(Object.entries(variables));
  const invocation = loadConfig({ args, env, availableCpus: 6 });
  assert(invocation.action === "run" || invocation.action === "check");
  return invocation.config;
}

/** The problems as lines, as the message shows them. */
function problems(
  args: readonly string[],
  variables: Variables = {},
): readonly string[] {
  try {
    load(args, variables);
  } catch (error) {
    assert(error instanceof ConfigError, String(error));
    const lines = error.message.split("\n  ").slice(1);
    assert.equal(lines.length, error.problems.length);
    return lines;
  }
  return [];
}

Deno.test("with nothing given the defaults of the contract hold", () => {
  const { workerCommand, ...config } = load([]);
  assert.equal(workerCommand.kind, "demo");
  assert.equal(workerCommand.argv[0], Deno.execPath());
  assert.match(workerCommand.argv.at(-1)!, /^file:.*\/src\/demo\/main\.ts$/);
  assert.deepEqual(config, {
    port: 8080,
    host: "0.0.0.0",
    poolSize: 4,
    minWorkers: 4,
    maxWorkers: 16,
    maxWorkersAuto: false,
    spareWorkers: 0,
    workerPort: 8081,
    envFile: null,
    workerEnvironment: {},
    reloadSurge: 1,
    reloadCanaryRequests: 5,
    skewProtection: false,
    skewGraceMs: 300_000,
    maxRequests: 0,
    maxRequestsJitter: 0.1,
    maxWorkerAgeS: 0,
    maxWorkerMemoryMb: 0,
    policy: "round-robin",
    slowStartMs: 0,
    workerConcurrency: 0,
    maxQueue: 1024,
    proxyProtocol: false,
    queueTimeoutMs: 10_000,
    healthPath: "/api/health",
    healthStrict: false,
    healthIntervalMs: 2000,
    healthTimeoutMs: 2000,
    healthFall: 3,
    healthRise: 1,
    serverCertPath: null,
    serverKeyPath: null,
    startupTimeoutMs: 30_000,
    drainTimeoutMs: 30_000,
    drainDelayMs: 0,
    requestTimeoutMs: 60_000,
    slowRequestMs: 30_000,
    headTimeoutMs: 10_000,
    idleTimeoutMs: 75_000,
    bodyTimeoutMs: 60_000,
    maxHeadBytes: 16_384,
    maxBodyBytes: 0,
    maxConnections: 10_000,
    trustedProxies: [],
    rateLimit: null,
    scaleUpRate: 100,
    scaleDownRate: 10,
    scaleIntervalMs: 5000,
    scaleDownDelayMs: 30_000,
    adminPort: null,
    adminHost: "127.0.0.1",
    adminToken: null,
    adminAllow: [],
    logLevel: "info",
    logFormat: "text",
    accessLog: false,
  });
});

Deno.test("a setting is read from its variable, and from its flag in both spellings", () => {
  assert.equal(load([], { POOL_SIZE: "8" }).poolSize, 8);
  assert.equal(load(["--pool-size", "8"]).poolSize, 8);
  assert.equal(load(["--pool-size=8"]).poolSize, 8);
  assert.equal(load([], { ACCESS_LOG: "on" }).accessLog, true);
  assert.equal(load(["--access-log"]).accessLog, true);
  assert.equal(load(["--access-log=off"]).accessLog, false);
  assert.equal(load([], { SCALE_UP_RATE: "12.5" }).scaleUpRate, 12.5);
  assert.deepEqual(
    load([], { TRUSTED_PROXIES: "10.0.0.0/8, ::1" }).trustedProxies,
    ["10.0.0.0/8", "::1"],
  );
});

Deno.test("the flag wins over the environment, even over a value that is not allowed", () => {
  assert.equal(load(["--port=81"], { PORT: "82" }).port, 81);
  assert.equal(load(["--port=81"], { PORT: "many" }).port, 81);
});

Deno.test("an empty variable counts as unset", () => {
  const unset = Object.fromEntries(
    SETTING_NAMES.map((name) => [variableOf(name), ""]),
  );
  assert.deepEqual(load([], unset), load([]));
});

Deno.test("every setting has a variable in capitals and the same flag in kebab-case", () => {
  for (const name of SETTING_NAMES) {
    assert.match(variableOf(name), /^[A-Z]+(_[A-Z]+)*$/);
    assert.equal(
      flagOf(name).replaceAll("-", "_").toUpperCase(),
      variableOf(name),
    );
  }
  assert.equal(variableOf("queueTimeoutMs"), "QUEUE_TIMEOUT_MS");
  assert.equal(flagOf("queueTimeoutMs"), "queue-timeout-ms");
});

Deno.test("the certificate and its key have short flags, and need each other", () => {
  assert.deepEqual(problems(["--cert=a.pem"]), [
    "--cert=a.pem: needs SERVER_KEY_PATH",
  ]);
  assert.deepEqual(problems([], { SERVER_KEY_PATH: "k.pem" }), [
    "SERVER_KEY_PATH=k.pem: needs SERVER_CERT_PATH",
  ]);
  const config = load(["--cert=a.pem", "--key", "k.pem"]);
  assert.equal(config.serverCertPath, "a.pem");
  assert.equal(config.serverKeyPath, "k.pem");
});

Deno.test("a request is slow after half the time it may take, unless told otherwise; 0 is never", () => {
  const slow = (environment: Record<string, string>): number =>
    load([], environment).slowRequestMs;
  assert.equal(slow({ REQUEST_TIMEOUT_MS: "5001" }), 2_501);
  assert.equal(slow({ REQUEST_TIMEOUT_MS: "5000", SLOW_REQUEST_MS: "0" }), 0);
  assert.equal(slow({ SLOW_REQUEST_MS: "90000" }), 90_000);
});

Deno.test("all problems are reported together, each with setting, value and what is allowed", () => {
  assert.deepEqual(
    problems(["--pool-size=0", "--policy=best"], {
      PORT: "65536",
      HEALTH_PATH: "health",
      TRUSTED_PROXIES: "10.0.0.0/8,10.0.0.0/40",
    }),
    [
      "--pool-size=0: must be a whole number from 1 to 1024, or auto",
      "--policy=best: must be one of round-robin, least-connections, " +
      "power-of-two, ip-hash",
      "PORT=65536: must be a whole number from 0 to 65535",
      "TRUSTED_PROXIES=10.0.0.0/8,10.0.0.0/40: must be networks such as " +
      "10.0.0.0/8,fd00::/8",
      'HEALTH_PATH=health: must be a path that starts with "/", of visible ' +
      "ASCII characters without #",
    ],
  );
});

Deno.test("numbers in other notations are turned down", () => {
  for (
    const text of ["1e3", "0x10", "+1", "-1", "1.5", " 1", "1 ", "٣", "NaN"]
  ) {
    assert.equal(problems([], { MAX_QUEUE: text }).length, 1, text);
  }
});

Deno.test("an unknown flag is an error that suggests the nearest one", () => {
  assert.deepEqual(problems(["--pool-sise=8"]), [
    "--pool-sise: is not an option; did you mean --pool-size?",
  ]);
  assert.deepEqual(problems(["--PORT", "81"]), [
    "--PORT: is not an option; did you mean --port?",
  ]);
  assert.deepEqual(problems(["--frobnicate"]), [
    "--frobnicate: is not an option; --help lists them",
  ]);
  assert.deepEqual(problems(["-xyz"]), [
    "-x: is not an option; --help lists them",
  ]);
});

Deno.test("a flag without its value is named, and the next flag is not taken for it", () => {
  const expected = ["--port: needs a value: --port=PORT"];
  assert.deepEqual(problems(["--port"]), expected);
  assert.deepEqual(problems(["--port", "--host", "127.0.0.1"]), expected);
  assert.deepEqual(problems(["--port", "--", "node", "server.js"]), expected);
});

Deno.test("a word on its own is an error that says where the command goes", () => {
  const [problem, ...others] = problems(["--port=81", "status"]);
  assert.deepEqual(others, []);
  assert.match(problem!, /^status: .* goes after --/);
});

Deno.test("the admin token is never shown", () => {
  const secret = "swordfish";
  const attempts: readonly [string[], Variables][] = [
    [[], { ADMIN_TOKEN: `${secret} ` }],
    [[`--admin-token=${secret} `], {}],
    [["--admin-token", `${secret} `], {}],
    [["--admin-tokn", secret], {}],
    [[`--admin-tokn=${secret}`], {}],
  ];
  for (const [args, variables] of attempts) {
    const found = problems(args, variables);
    assert.equal(found.length, 1, args.join(" "));
    assert(!found.join().includes(secret), found.join());
  }
});

Deno.test("help, version and check are recognised, the first two whatever else is wrong", () => {
  const env = new Map([["PORT", "many"]]);
  const action = (...args: string[]): string =>
    loadConfig({ args, env }).action;
  assert.equal(action("--help", "--nonsense"), "help");
  assert.equal(action("-h"), "help");
  assert.equal(action("--version"), "version");
  assert.equal(action("--version", "--help"), "help");
  assert.throws(() => action("--check"), ConfigError);
  const checked = loadConfig({ args: ["--check"], env: new Map() });
  assert.equal(checked.action, "check");
});

Deno.test("the words after -- are the worker's command, flags among them included", () => {
  const config = load([
    "--port=81",
    "--",
    "node",
    "app.js",
    "--port",
    "{port}",
  ]);
  assert.equal(config.port, 81);
  assert.deepEqual(config.workerCommand, {
    kind: "arguments",
    argv: ["node", "app.js", "--port", "{port}"],
  });
  assert.deepEqual(problems(["--"]), [
    "--: must be followed by the worker's command",
  ]);
});

Deno.test("the command comes from --, else WORKER_COMMAND, else ZIGTTP_BIN", () => {
  const variables = {
    WORKER_COMMAND: "php -S '{host}:{port}'",
    ZIGTTP_BIN: "/opt/zigttp",
    HANDLER_PATH: "app.js",
  };
  const { WORKER_COMMAND, ZIGTTP_BIN } = variables;
  assert.deepEqual(load(["--", "x"], variables).workerCommand.argv, ["x"]);
  assert.deepEqual(load([], { WORKER_COMMAND, ZIGTTP_BIN }).workerCommand, {
    kind: "command",
    argv: ["php", "-S", "{host}:{port}"],
  });
  assert.deepEqual(
    load([], { ...variables, WORKER_COMMAND: "" }).workerCommand,
    {
      kind: "zigttp",
      argv: ["/opt/zigttp", "-p", "{port}", "app.js"],
    },
  );
  assert.deepEqual(load([], { ZIGTTP_BIN }).workerCommand.argv, [
    "/opt/zigttp",
    "-p",
    "{port}",
  ]);
  assert.equal(problems([], { WORKER_COMMAND: "node 'x" }).length, 1);
});

Deno.test("a setting that would do nothing is an error", () => {
  assert.deepEqual(problems([], { HANDLER_PATH: "app.js" }), [
    "HANDLER_PATH=app.js: needs ZIGTTP_BIN",
  ]);
  assert.deepEqual(problems(["--", "node"], { HANDLER_PATH: "app.js" }), []);
  assert.deepEqual(problems(["--admin-host=::1"]), [
    "--admin-host=::1: needs ADMIN_PORT",
  ]);
});

Deno.test("the bounds of scaling follow POOL_SIZE and must hold it", () => {
  const large = load([], { POOL_SIZE: "20" });
  assert.deepEqual([large.minWorkers, large.maxWorkers], [20, 20]);
  assert.deepEqual(problems(["--min-workers=5"]), [
    "--min-workers=5: must be at most POOL_SIZE (4)",
  ]);
  assert.deepEqual(problems([], { MAX_WORKERS: "3" }), [
    "MAX_WORKERS=3: must be at least POOL_SIZE (4)",
  ]);
  assert.deepEqual(problems([], { SCALE_DOWN_RATE: "100" }), [
    "SCALE_DOWN_RATE=100: must be below SCALE_UP_RATE (100)",
  ]);
});

Deno.test("no rule blames a setting for another one's bad value", () => {
  assert.equal(problems(["--pool-size=x", "--max-workers=2"]).length, 1);
  assert.equal(problems(["--max-workers=2", "--pool-size"]).length, 1);
});

Deno.test("the worker ports follow PORT, leave room for the workers and do not hold PORT", () => {
  assert.equal(load(["--port=9000"]).workerPort, 9001);
  assert.equal(load(["--port=0"]).workerPort, 0);
  assert.equal(load(["--worker-port=0", "--port=5"]).workerPort, 0);
  assert.equal(load(["--worker-port=8064"]).workerPort, 8064);
  assert.deepEqual(problems(["--worker-port=8065"]), [
    "--worker-port=8065: the workers' ports, 8065 to 8080, must not hold " +
    "PORT (8080)",
  ]);
  assert.equal(problems(["--worker-port=8080"]).length, 1);
  assert.deepEqual(problems(["--port=65530"]), [
    "WORKER_PORT=65531: must be at most 65519, to leave room for 16 workers " +
    "(MAX_WORKERS)",
  ]);
  assert.equal(load(["--worker-port=65519"]).workerPort, 65519);
});

Deno.test("the admin listener has a port of its own", () => {
  assert.equal(load(["--admin-port=9090"]).adminPort, 9090);
  assert.equal(load(["--admin-port=0", "--port=0"]).adminPort, 0);
  assert.equal(problems(["--admin-port=8080"]).length, 1);
});

Deno.test("a HEALTH_PATH that was set makes health strict", () => {
  assert.equal(load([], { HEALTH_PATH: "/api/health" }).healthStrict, true);
  for (const path of ["/a b", "/ä", "/#a", "a"]) {
    assert.equal(problems([], { HEALTH_PATH: path }).length, 1, path);
  }
});

Deno.test("HOST is an address or a name", () => {
  for (const host of ["127.0.0.1", "::", "localhost", "a-1.example.com"]) {
    assert.equal(load([], { HOST: host }).host, host);
  }
  for (const host of ["[::1]", "1.2.3", "a b", "-a", "a..b", "http://a"]) {
    assert.equal(problems([], { HOST: host }).length, 1, host);
  }
});

Deno.test("the configuration is frozen", () => {
  assert(Object.isFrozen(load([])));
});

Deno.test("POOL_SIZE=auto is one worker for each CPU available", () => {
  assert.equal(load([], { POOL_SIZE: "auto" }).poolSize, 6);
});

Deno.test("MAX_WORKERS=auto is twice the CPUs available and one, but not below POOL_SIZE", () => {
  const auto = load([], { MAX_WORKERS: "auto" });
  assert.deepEqual([auto.maxWorkers, auto.maxWorkersAuto], [13, true]);
  const large = load([], { MAX_WORKERS: "auto", POOL_SIZE: "20" });
  assert.equal(large.maxWorkers, 20);
  assert.deepEqual(problems([], { MAX_WORKERS: "many" }), [
    "MAX_WORKERS=many: must be a whole number from 1 to 1024, or auto",
  ]);
});

const mayPassOver = Deno.env.get("CI") !== "true";

Deno.test({
  name:
    "complaint 14: POOL_SIZE=auto honours affinity, with no permission (wants taskset)",
  ignore: mayPassOver && !hasTaskset(),
  async fn(): Promise<void> {
    const url = import.meta.resolve("../../src/config/load_config.ts");
    const program = `import { loadConfig } from ${JSON.stringify(url)};
      const args = ["--pool-size=auto", "--", "x"];
      console.log(loadConfig({ args, env: new Map() }).config.poolSize);`;
    const child = new Deno.Command("taskset", {
      args: ["-c", "0", Deno.execPath(), "run", "--no-prompt", "-"],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(program));
    await writer.close();
    const { stdout } = await child.output();
    assert.equal(new TextDecoder().decode(stdout), "1\n");
  },
});

function hasTaskset(): boolean {
  try {
    const probe = new Deno.Command("taskset", { args: ["-c", "0", "true"] });
    return probe.outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
