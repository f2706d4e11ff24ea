/**
 * Variables from a file.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Config } from "../../src/config/config.ts";
import { ConfigError } from "../../src/config/config_error.ts";
import { parseEnvFile } from "../../src/config/env_file.ts";
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
    message: /POOL_SIZE=lots: must be .*, line 1\)$/,
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

/** The variables of a file, by name. */
function parse(text: string): Record<string, string> {
  return Object.fromEntries(
    parseEnvFile(text).map(({ name, value }) => [name, value]),
  );
}

for (
  const [what, text, expected] of [
    ["a byte order mark", "\uFEFFA=1\nB=2", { A: "1", B: "2" }],
    ["CR LF", "A=1\r\nB='2'\r\n\r\n# c\r\nC=3\r\n", {
      A: "1",
      B: "2",
      C: "3",
    }],
    ["CR alone", "A=1\rB=2", { A: "1", B: "2" }],
    ["no newline at the end", "A=1", { A: "1" }],
    ["spaces and tabs", "  A =\t1 \t\n\tB\t= 2", { A: "1", B: "2" }],
    ["spaces within a value", "A=one two", { A: "one two" }],
    ["export", "export A=1\nexport\tB = 2", { A: "1", B: "2" }],
    ["a name that begins with export", "exported=1", { exported: "1" }],
    ["quotes", `A="1 2"\nB='3 4'\nC=\`5"6'\``, {
      A: "1 2",
      B: "3 4",
      C: `5"6'`,
    }],
    ["quotes in quotes", `A="it's"\nB='say "x"'`, {
      A: "it's",
      B: 'say "x"',
    }],
    ["spaces kept by quotes", `A=" 1 "\nB=' '`, { A: " 1 ", B: " " }],
    ["quotes within a value", `A=it's\nB=5"`, { A: "it's", B: '5"' }],
    ["escapes", String.raw`A="a\nb\t\"c\" \\ \d"`, {
      A: 'a\nb\t"c" \\ \\d',
    }],
    ["no escapes in single quotes", String.raw`A='a\nb'`, {
      A: String.raw`a\nb`,
    }],
    ["no escapes without quotes", String.raw`A=C:\new`, {
      A: String.raw`C:\new`,
    }],
    ["comments", "# A=0\nA=1 # one\n  # B=2\nC='#' # three", {
      A: "1",
      C: "#",
    }],
    ["a # that is part of the value", "A=postgres://x#y\nB=#fff\nC= # none", {
      A: "postgres://x#y",
      B: "#fff",
      C: "",
    }],
    ["nothing", "A=\nB=\"\"\nC=''", { A: "", B: "", C: "" }],
    ["an equals sign in a value", "A=b=c==", { A: "b=c==" }],
    ["a dollar", 'A=$HOME\nB="${X}"', { A: "$HOME", B: "${X}" }],
    ["several lines", "A='1\n2'\nB=\"3\r\n4\"\nC=5", {
      A: "1\n2",
      B: "3\n4",
      C: "5",
    }],
    ["the same name twice", "A=1\nA=2", { A: "2" }],
    ["dots and hyphens in names", "a.b-c=1", { "a.b-c": "1" }],
    ["an empty file", "", {}],
    ["blank lines alone", "\n \n\r\n", {}],
  ] as const
) {
  Deno.test(`a file of variables may have ${what}`, () => {
    assert.deepEqual(parse(text), expected);
  });
}

for (
  const [what, text, line] of [
    ["no equals sign", "A=1\nPOOL_SIZE 4", 2],
    ["no name", "\n=4", 2],
    ["a name that begins with a digit", "1A=4", 1],
    ["a quote that is not closed", "A='1\n2\nB=3", 1],
    ["something behind the closing quote", "A=1\n\nB='x'y", 3],
    ["a NUL", "A=1\0", 1],
    ["a mistake behind a value of two lines", "A='1\n2'\nB", 3],
  ] as const
) {
  Deno.test(`a line with ${what} is named, with file and line`, () => {
    assert.throws(
      () => load(text.split("\n")),
      (error: unknown) => {
        assert.ok(error instanceof ConfigError);
        assert.match(
          error.message,
          new RegExp(`\n  ENV_FILE=[^\n]*: line ${line}: [^\n]+$`),
        );
        return true;
      },
    );
  });
}
