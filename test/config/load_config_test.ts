import assert from "node:assert/strict";
import { ConfigError } from "../../src/config/config_error.ts";
import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load_config.ts";
import {
  flagOf,
  SETTING_NAMES,
  variableOf,
} from "../../src/config/settings.ts";
import { load, problems, type Variables } from "../support/configuration.ts";

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
    workerCwd: null,
    stopTimeoutMs: 10_000,
    stopSignal: "SIGTERM",
    reloadSurge: 1,
    reloadCanaryRequests: 5,
    skewProtection: false,
    rewriteLocation: true,
    skewGraceMs: 300_000,
    maxRequests: 0,
    maxRequestsJitter: 0.1,
    maxWorkerAgeS: 0,
    maxWorkerMemoryMb: 0,
    policy: "round-robin",
    slowStartMs: 0,
    workerConcurrency: "auto",
    maxQueue: 1024,
    proxyProtocol: false,
    queueTimeoutMs: 10_000,
    healthPath: "/api/health",
    healthStrict: false,
    healthHost: null,
    workerServeAddress: "auto",
    startupLimitMs: 120_000,
    healthIntervalMs: 2000,
    healthTimeoutMs: 2000,
    healthFall: 3,
    healthRise: 1,
    outlierDetection: true,
    serverCertPath: null,
    serverKeyPath: null,
    startupTimeoutMs: 30_000,
    drainTimeoutMs: 30_000,
    drainDelayMs: 0,
    requestTimeoutMs: 60_000,
    maxRetries: 2,
    slowRequestMs: 30_000,
    headTimeoutMs: 10_000,
    idleTimeoutMs: 75_000,
    bodyTimeoutMs: 60_000,
    maxHeadBytes: 16_384,
    maxBodyBytes: 0,
    maxConnections: 10_000,
    traceRatio: 0.01,
    tracing: false,
    transport: "auto",
    trustedProxies: [],
    watch: [],
    rateLimit: null,
    scaleUpRate: 100,
    scaleDownRate: 10,
    scaleIntervalMs: 5000,
    scaleDownDelayMs: 30_000,
    poolName: null,
    adminPort: null,
    adminHost: "127.0.0.1",
    adminToken: null,
    affinity: null,
    adminAllow: [],
    logLevel: "info",
    logFormat: "auto",
    accessLog: "off",
    workerLogs: "prefix",
    workerLogFile: null,
    workerLogRate: 10_000,
    workerLogBytes: 4_194_304,
  });
});

Deno.test("a setting is read from its variable, and from its flag in both spellings", () => {
  assert.equal(load([], { POOL_SIZE: "8" }).poolSize, 8);
  assert.equal(load(["--pool-size", "8"]).poolSize, 8);
  assert.equal(load(["--pool-size=8"]).poolSize, 8);
  assert.equal(load([], { ACCESS_LOG: "on" }).accessLog, "on");
  assert.equal(load([], { ACCESS_LOG: "1" }).accessLog, "on");
  assert.equal(load(["--access-log=combined"]).accessLog, "combined");
  assert.equal(load(["--access-log"]).accessLog, "on");
  assert.equal(load(["--access-log=off"]).accessLog, "off");
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
    "--frobnicate: is not an option; --help all lists them",
  ]);
  assert.deepEqual(problems(["-xyz"]), [
    "-x: is not an option; --help all lists them",
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
  assert.match(problem!, /^status: .* goes after --.* --help/);
  assert.match(
    problems(["node", "server.js"]).join("\n"),
    /^node server\.js: [^\n]* goes after --[^\n]*$/,
  );
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

Deno.test("a log file whose directory is missing is named with what to do, at the start", () => {
  assert.throws(
    () => load([], { WORKER_LOG_FILE: "/no/such/place/{id}.log" }),
    /WORKER_LOG_FILE=\/no\/such\/place\/\{id\}\.log: its directory \/no\/such\/place does not exist; create it/,
  );
});

Deno.test("a log file that is a directory is turned down", () => {
  const path = Deno.makeTempDirSync();
  try {
    assert.throws(
      () => load([], { WORKER_LOG_FILE: path }),
      /is a directory; name a file in it, such as \{id\}\.log/,
    );
    load([], { WORKER_LOG_FILE: `${path}/{id}.log` });
    assert.deepEqual([...Deno.readDirSync(path)], []);
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("a file for output that is off is a mistake", () => {
  assert.throws(
    () => load([], { WORKER_LOG_FILE: "/tmp/{id}.log", WORKER_LOGS: "off" }),
    /WORKER_LOG_FILE=.*: needs WORKER_LOGS other than off/,
  );
});

Deno.test("--watch stands alone, or has paths behind an equals sign; WATCH has on, off or paths", () => {
  const watched = (
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): readonly string[] => {
    const invocation = loadConfig({ args, env: new Map(Object.entries(env)) });
    assert.equal(invocation.action, "run");
    return (invocation as { config: Config }).config.watch;
  };
  assert.deepEqual(watched(["--watch"]), ["."]);
  assert.deepEqual(watched(["--watch", "--", "node", "a.js"]), ["."]);
  assert.deepEqual(watched(["--watch=src,a.json"]), ["src", "a.json"]);
  assert.deepEqual(watched([], { WATCH: "on" }), ["."]);
  assert.deepEqual(watched([], { PREFORK_WATCH: "src, lib" }), ["src", "lib"]);
  assert.deepEqual(watched(["--watch=off"], { WATCH: "src" }), []);
  assert.throws(() => watched(["--watch=a,,b"]), /on, off, or paths/);
  // A word behind it is not taken for its value.
  assert.throws(() => watched(["--watch", "src"]), /src: is not understood/);
});
