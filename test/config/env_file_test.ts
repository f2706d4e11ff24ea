/**
 * Variables from a file.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Config } from "../../src/config/config.ts";
import { ConfigError } from "../../src/config/config_error.ts";
import { loadConfig } from "../../src/config/load_config.ts";

/** Loads a configuration with a file of these lines. */
function load(
  lines: readonly string[],
  args: readonly string[] = [],
  variables: Readonly<Record<string, string>> = {},
): Config {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(path, lines.join("\n"));
    const env = new Map(Object.entries({ ENV_FILE: path, ...variables }));
    const invocation = loadConfig({ args, env });
    assert(invocation.action === "run");
    return invocation.config;
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("a file gives settings, and all of it goes to the workers", () => {
  const { poolSize, workerEnvironment } = load([
    "# how many",
    "POOL_SIZE=7",
    "export DATABASE_URL='postgres://x#y' # where",
    'GREETING="two\\nlines"',
  ]);
  assert.equal(poolSize, 7);
  assert.deepEqual(workerEnvironment, {
    POOL_SIZE: "7",
    DATABASE_URL: "postgres://x#y",
    GREETING: "two\nlines",
  });
});

Deno.test("a flag wins over a variable, and a variable over the file", () => {
  const file = ["POOL_SIZE=7", "MAX_QUEUE=7", "COLOUR=file"];
  const variables = { POOL_SIZE: "6", MAX_QUEUE: "6", COLOUR: "environment" };
  const { poolSize, maxQueue, workerEnvironment } = load(
    file,
    ["--pool-size=5"],
    variables,
  );
  assert.deepEqual([poolSize, maxQueue], [5, 6]);
  // Workers inherit the environment as it is.
  assert.deepEqual(workerEnvironment, {});
});

Deno.test("a flag that cannot be used is blamed, and not mended by the file", () => {
  assert.throws(() => load(["POOL_SIZE=7"], ["--pool-size=0"]), {
    message: /--pool-size=0: must be/,
  });
});

Deno.test("a bad value in the file is named like any other", () => {
  assert.throws(() => load(["POOL_SIZE=lots"]), {
    message: /POOL_SIZE=lots: must be/,
  });
});

Deno.test("a file that cannot be read is a problem of ENV_FILE", () => {
  const env = new Map([["POOL_SIZE", "0"]]);
  assert.throws(
    () => loadConfig({ args: ["--env-file", "/nowhere/.env"], env }),
    (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      assert.match(
        error.message,
        /--env-file=\/nowhere\/\.env: cannot be read: No such file/,
      );
      assert.equal(error.problems.length, 2);
      return true;
    },
  );
});
