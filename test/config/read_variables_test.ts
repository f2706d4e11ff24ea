/**
 * Variables with our prefix and without: which one counts, whose it is, and
 * what the workers get.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Config } from "../../src/config/config.ts";
import { type Invocation, loadConfig } from "../../src/config/load_config.ts";
import {
  flagOf,
  prefixedVariableOf,
  SETTING_NAMES,
  type SettingName,
  settingOf,
  variableOf,
} from "../../src/config/settings.ts";
import { toggle } from "../../src/config/kinds.ts";
import { load, problems, type Variables } from "../support/configuration.ts";

type Loaded = Extract<Invocation, { readonly config: Config }>;

/** What comes of these variables, of which some are in a file. */
function loadWith(
  env: Variables,
  { file, args = [] }: {
    readonly file?: string;
    readonly args?: readonly string[];
  } = {},
): Loaded {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(path, file ?? "");
    const variables = file === undefined ? env : { ...env, ENV_FILE: path };
    return loadConfig({
      args,
      env: new Map(Object.entries(variables)),
    }) as Loaded;
  } finally {
    Deno.removeSync(path);
  }
}

function warnings(env: Variables, file?: string): readonly string[] {
  const options = file === undefined ? {} : { file };
  return loadWith(env, options).remarks
    .filter(({ level }) => level === "warning")
    .map(({ message }) => message);
}

/** Two values that most settings of a kind may have, by their placeholder. */
const VALUES: Readonly<Record<string, readonly [string, string]>> = {
  PORT: ["26100", "26200"],
  HOST: ["127.0.0.2", "127.0.0.3"],
  PATH: ["/some", "/other"],
  CIDRS: ["10.0.0.0/8", "192.168.0.0/16"],
  TOKEN: ["first", "second"],
  "N/s[:BURST]": ["10/s", "20/s"],
};

function valuesOf(name: SettingName): readonly [string, string] {
  const { kind } = settingOf(name);
  if (kind === toggle) return ["on", "off"];
  const words = /^one of (.*)$/.exec(kind.allowed)?.[1]?.split(", ");
  if (words !== undefined) return [words[0]!, words[1]!];
  return VALUES[kind.placeholder] ?? ["1", "2"];
}

/** What the settings come to, or what is wrong with them: either tells which value counts. */
function outcome(variables: Variables): string {
  const found = problems([], variables);
  if (found.length > 0) return found.join("\n");
  const { workerEnvironment: _, ...settings } = load([], variables);
  return JSON.stringify(settings);
}

for (const name of SETTING_NAMES.filter((name) => name !== "envFile")) {
  const common = variableOf(name);
  const own = prefixedVariableOf(name);
  Deno.test(`${own} says what ${common} says, and wins over it`, () => {
    const [value, other] = valuesOf(name);
    const alone = outcome({ [common]: value });
    assert.notEqual(alone, outcome({ [common]: other }));
    const prefixed = { [own]: value };
    for (const variables of [prefixed, { ...prefixed, [common]: other }]) {
      assert.equal(outcome(variables).replaceAll(own, common), alone);
    }
  });
}

Deno.test("a flag wins over PREFORK_POOL_SIZE, that over POOL_SIZE, and either over the file", () => {
  const size = (
    env: Variables,
    file = "PREFORK_POOL_SIZE=2\nPOOL_SIZE=1",
    args: readonly string[] = [],
  ): number => loadWith(env, { file, args }).config.poolSize;
  assert.equal(size({}, "POOL_SIZE=1"), 1);
  assert.equal(size({}), 2);
  assert.equal(size({ POOL_SIZE: "3" }), 3);
  assert.equal(size({ POOL_SIZE: "3", PREFORK_POOL_SIZE: "4" }), 4);
  assert.equal(
    size({ PREFORK_POOL_SIZE: "4" }, "POOL_SIZE=1", ["--pool-size=5"]),
    5,
  );
  assert.equal(size({ PREFORK_POOL_SIZE: "", POOL_SIZE: "3" }), 3);
});

Deno.test("the file can be named by PREFORK_ENV_FILE", () => {
  const path = Deno.makeTempFileSync();
  Deno.writeTextFileSync(path, "POOL_SIZE=7");
  assert.equal(load([], { PREFORK_ENV_FILE: path }).poolSize, 7);
  Deno.removeSync(path);
});

Deno.test("a value of a common name that is none of ours is left to the application, and said", () => {
  const foreign = {
    LOG_LEVEL: "trace",
    LOG_FORMAT: "combined",
    ACCESS_LOG: "/var/log/access.log",
    RATE_LIMIT: "100",
    POLICY: "strict",
  };
  const { config } = loadWith(foreign);
  const defaults = loadWith({}).config;
  assert.deepEqual(config, defaults);
  const said = warnings(foreign);
  for (const [variable, value] of Object.entries(foreign)) {
    const [line, ...others] = said.filter((text) => text.startsWith(variable));
    assert.deepEqual(others, []);
    assert.ok(line?.startsWith(`${variable}=${value} is left to the `), line);
    assert.ok(line?.includes(`PREFORK_${variable}`), line);
  }
  assert.equal(said.length, 5);
});

Deno.test("with the prefix, or as a flag, such a value is an error", () => {
  const [problem] = problems([], { PREFORK_LOG_LEVEL: "trace" });
  assert.match(problem!, /^PREFORK_LOG_LEVEL=trace: must be one of debug/);
  assert.equal(problems(["--log-level=trace"]).length, 1);
});

Deno.test("beside a common name of the application's, ours is taken from where it is", () => {
  const { config, remarks } = loadWith({
    LOG_LEVEL: "trace",
    PREFORK_LOG_LEVEL: "debug",
  });
  assert.equal(config.logLevel, "debug");
  assert.deepEqual(remarks, []);
  const file = "PREFORK_LOG_LEVEL=error";
  assert.equal(
    loadWith({ LOG_LEVEL: "trace" }, { file }).config.logLevel,
    "error",
  );
});

Deno.test("a name that is not common is ours, and a bad value of it an error", () => {
  for (const name of ["POOL_SIZE", "HEALTH_PATH", "PORT", "ADMIN_TOKEN"]) {
    assert.equal(problems([], { [name]: "not good" }).length, 1, name);
  }
});

Deno.test("an unknown variable with our prefix is named, with the one that was meant", () => {
  assert.deepEqual(warnings({ PREFORK_POOL_SISE: "3" }), [
    "PREFORK_POOL_SISE is no setting, and does nothing; did you mean " +
    "PREFORK_POOL_SIZE?",
  ]);
  assert.match(
    warnings({ PREFORK_XYZZY_FROB: "3" })[0]!,
    /^PREFORK_XYZZY_FROB is no setting/,
  );
  assert.match(
    warnings({}, "PREFORK_PROT=1")[0]!,
    /did you mean PREFORK_PORT\?/,
  );
});

Deno.test("what others put into the environment under our prefix is nobody's mistake", () => {
  assert.deepEqual(
    warnings({
      // The mark of a pool that this one runs in.
      PREFORK_POOL_ID: "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
      // Of a Kubernetes service "prefork-pool".
      PREFORK_POOL_SERVICE_HOST: "10.0.0.1",
      PREFORK_POOL_SERVICE_PORT: "80",
      PREFORK_POOL_SERVICE_PORT_HTTP: "80",
      PREFORK_POOL_PORT: "tcp://10.0.0.1:80",
      PREFORK_POOL_PORT_80_TCP: "tcp://10.0.0.1:80",
      PREFORK_POOL_PORT_80_TCP_ADDR: "10.0.0.1",
    }),
    [],
  );
});

Deno.test("the token in ADMIN_TOKEN is the pool's, and the start says how both get one", () => {
  const { config, remarks } = loadWith({ ADMIN_TOKEN: "ours" });
  assert.equal(config.adminToken, "ours");
  assert.deepEqual(config.workerEnvironment, { ADMIN_TOKEN: "" });
  assert.equal(remarks.length, 1);
  assert.match(remarks[0]!.message, /PREFORK_ADMIN_TOKEN/);
  assert.doesNotMatch(remarks[0]!.message, /ours/);
  const file = "ADMIN_TOKEN=ours\nCOLOUR=blue";
  const ofFile = loadWith({}, { file });
  assert.equal(ofFile.config.adminToken, "ours");
  assert.deepEqual(ofFile.config.workerEnvironment, { COLOUR: "blue" });
});

Deno.test("where no token is given, none is written into the workers' environment: they may have one from elsewhere", () => {
  assert.deepEqual(loadWith({}).config.workerEnvironment, {});
});

Deno.test("beside PREFORK_ADMIN_TOKEN or --admin-token, ADMIN_TOKEN is the application's", () => {
  const ways: readonly [Variables, readonly string[], string?][] = [
    [{ ADMIN_TOKEN: "its", PREFORK_ADMIN_TOKEN: "ours" }, []],
    [{ ADMIN_TOKEN: "its" }, ["--admin-token=ours"]],
    [{ PREFORK_ADMIN_TOKEN: "ours" }, [], "ADMIN_TOKEN=its"],
    [{}, [], "ADMIN_TOKEN=its\nPREFORK_ADMIN_TOKEN=ours"],
  ];
  for (const [env, args, file] of ways) {
    const options = file === undefined ? { args } : { args, file };
    const { config, remarks } = loadWith(env, options);
    assert.equal(config.adminToken, "ours");
    assert.deepEqual(config.workerEnvironment, { ADMIN_TOKEN: "its" });
    assert.deepEqual(remarks, []);
  }
});

Deno.test("nothing of a file that has our prefix goes to the workers", () => {
  const file = "PREFORK_LOG_LEVEL=debug\nLOG_LEVEL=trace\nPREFORK_X_Y=1";
  assert.deepEqual(loadWith({}, { file }).config.workerEnvironment, {
    LOG_LEVEL: "trace",
    PREFORK_X_Y: "1",
  });
});

Deno.test("every setting with a variable has its flag under the same name", () => {
  for (const name of SETTING_NAMES) {
    assert.equal(
      prefixedVariableOf(name),
      `PREFORK_${flagOf(name).replaceAll("-", "_").toUpperCase()}`,
    );
  }
});
