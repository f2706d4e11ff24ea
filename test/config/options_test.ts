import assert from "node:assert/strict";
import { ConfigError } from "../../src/config/config_error.ts";
import { loadConfig } from "../../src/config/load_config.ts";
import { type PoolOptions, resolveOptions } from "../../src/config/options.ts";

Deno.test("without options the defaults are those of the command line", () => {
  const invocation = loadConfig({ args: [], env: new Map() });
  assert(invocation.action === "run");
  assert.deepEqual(resolveOptions(), invocation.config);
});

Deno.test("options are taken over and the rest follows from them", () => {
  const config = resolveOptions({
    port: 9000,
    poolSize: 20,
    command: ["node", "server.js"],
    healthPath: "/up",
    adminToken: null,
  });
  assert.equal(config.workerPort, 9001);
  assert.equal(config.maxWorkers, 20);
  assert.equal(config.healthStrict, true);
  assert.deepEqual(config.workerCommand, {
    kind: "arguments",
    argv: ["node", "server.js"],
  });
});

Deno.test("poolSize auto is one worker for each CPU available", () => {
  const { poolSize } = resolveOptions({ poolSize: "auto" });
  assert.equal(poolSize, navigator.hardwareConcurrency);
});

Deno.test("problems name the options, all together", () => {
  const wrong: unknown = {
    poolSize: "8",
    port: 1.5,
    policy: "best",
    poolsize: 3,
    logLevel: "debug",
    adminToken: "sword fish",
    trustedProxies: "10.0.0.0/8",
    command: [],
  };
  assert.throws(() => resolveOptions(wrong as PoolOptions), (error) => {
    assert(error instanceof ConfigError);
    assert.deepEqual(error.problems.map((p) => `${p.setting}=${p.value}`), [
      'poolSize="8"',
      "port=1.5",
      'policy="best"',
      "poolsize=null",
      "logLevel=null",
      "adminToken=null",
      'trustedProxies="10.0.0.0/8"',
      "command=[]",
    ]);
    assert.match(error.message, /poolsize: .* did you mean poolSize\?/);
    assert.doesNotMatch(error.message, /sword/);
    assert.match(error.message, /must be an array of networks/);
    return true;
  });
});

Deno.test("rules across settings name the options", () => {
  assert.throws(
    () => resolveOptions({ minWorkers: 5 }),
    /minWorkers=5: must be at most poolSize \(4\)/,
  );
});

Deno.test("a list given as an option may be changed afterwards", () => {
  const trustedProxies = ["10.0.0.0/8"];
  const config = resolveOptions({ trustedProxies });
  trustedProxies.push("0.0.0.0/0");
  assert.deepEqual(config.trustedProxies, ["10.0.0.0/8"]);
});

Deno.test("the token of the admin pages is withheld from workers, unless they are given one", () => {
  assert.deepEqual(resolveOptions({}).workerEnvironment, {});
  const adminToken = "ours";
  assert.deepEqual(
    resolveOptions({ adminToken }).workerEnvironment,
    { ADMIN_TOKEN: "" },
  );
  const workerEnvironment = { ADMIN_TOKEN: "theirs" };
  assert.deepEqual(
    resolveOptions({ adminToken, workerEnvironment }).workerEnvironment,
    workerEnvironment,
  );
});

Deno.test("what no process can be given, or no text shows, is a problem like any other", () => {
  const holdsItself: Record<string, unknown> = {};
  holdsItself.self = holdsItself;
  const given: readonly [Record<string, unknown>, RegExp][] = [
    [{ command: ["a\0b"] }, /command=\["a.*without NUL/],
    [{ workerEnvironment: { A: 5 } }, /workerEnvironment={"A":5}: must be/],
    [{ workerEnvironment: { "A=B": "" } }, /names have no =/],
    [{ workerEnvironment: ["A=B"] }, /workerEnvironment=\["A=B"\]/],
    [{ poolSize: holdsItself }, /poolSize=.*Circular.*: must be/],
    [{ rateLimit: { perSecond: 2n, burst: 1 } }, /rateLimit=.*2n/],
    [{ POOL_SIZE: 2 }, /POOL_SIZE: is not an option; did you mean poolSize\?/],
    [{ logLevel: "info" }, /logLevel: is the command line's alone/],
  ];
  for (const [options, message] of given) {
    assert.throws(() => resolveOptions(options as PoolOptions), message);
    assert.throws(() => resolveOptions(options as PoolOptions), ConfigError);
  }
  assert.equal(
    resolveOptions({ command: null } as unknown as PoolOptions).workerCommand
      .kind,
    "demo",
  );
});
