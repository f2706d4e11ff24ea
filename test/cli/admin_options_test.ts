/** Which pool a subcommand talks to. */

import assert from "node:assert/strict";
import { parseAdminArguments } from "../../src/cli/admin_options.ts";
import { CliError } from "../../src/cli/subcommand.ts";

function parse(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ReturnType<typeof parseAdminArguments> {
  return parseAdminArguments({ args, env: { get: (name) => env[name] } }, [
    { name: "json", help: "print JSON" },
  ]);
}

Deno.test("without a word the pool is where its own defaults and settings put it", () => {
  const urlFor = (env: Readonly<Record<string, string>>): string =>
    parse([], env).url;
  assert.equal(urlFor({}), "http://127.0.0.1:8080");
  assert.equal(urlFor({ PORT: "9000" }), "http://127.0.0.1:9000");
  assert.equal(urlFor({ PORT: "" }), "http://127.0.0.1:8080");
  assert.equal(
    urlFor({ PORT: "9000", ADMIN_PORT: "9001" }),
    "http://127.0.0.1:9001",
  );
  assert.equal(
    urlFor({ ADMIN_PORT: "9001", ADMIN_HOST: "10.0.0.7" }),
    "http://10.0.0.7:9001",
  );
  assert.equal(
    urlFor({ ADMIN_PORT: "9001", ADMIN_HOST: "::1" }),
    "http://[::1]:9001",
  );
  assert.equal(
    urlFor({ ADMIN_PORT: "9001", ADMIN_HOST: "0.0.0.0" }),
    "http://127.0.0.1:9001",
  );
  assert.equal(urlFor({ SERVER_CERT_PATH: "c.pem" }), "https://127.0.0.1:8080");
});

Deno.test("--admin names it, with or without http:// and a slash at the end", () => {
  for (
    const text of ["http://pool:9001", "http://pool:9001/", "pool:9001"]
  ) {
    assert.equal(parse(["--admin", text]).url, "http://pool:9001");
    assert.equal(parse([`--admin=${text}`]).url, "http://pool:9001");
  }
  assert.equal(parse(["--admin=https://pool"]).url, "https://pool");
});

Deno.test("the token comes from --token, else from ADMIN_TOKEN", () => {
  const env = { ADMIN_TOKEN: "of-environment" };
  assert.equal(parse([]).token, null);
  assert.equal(parse([], { ADMIN_TOKEN: "" }).token, null);
  assert.equal(parse([], env).token, "of-environment");
  assert.equal(parse(["--token", "given"], env).token, "given");
});

Deno.test("switches and words are told apart", () => {
  const { flags, positionals } = parse(["6", "--json"]);
  assert.deepEqual(flags, { json: true });
  assert.deepEqual(positionals, ["6"]);
  assert.deepEqual(parse([]).flags, { json: false });
});

for (
  const args of [
    ["--jsno"],
    ["--admin"],
    ["--admin=:::"],
    ["--admin=ftp://pool"],
    ["--json=1"],
    ["-x"],
  ]
) {
  Deno.test(`"${args.join(" ")}" is refused in one line that says why`, () => {
    assert.throws(() => parse(args), (error) => {
      assert(error instanceof CliError && error.usage);
      assert.match(error.message, /^Cannot [^\n]+$/);
      return true;
    });
  });
}

Deno.test("an unknown flag is an error that suggests the nearest one", () => {
  for (
    const [flag, hint] of [
      ["--jsno", "did you mean --json?"],
      ["--tokn=secret", "did you mean --token?"],
      ["--nothing-like-it", "--help lists them"],
    ] as const
  ) {
    const [name] = flag.split("=", 1);
    assert.throws(() => parse([flag]), {
      message: `Cannot read the arguments: ${name} is not an option; ${hint}`,
    });
  }
});

Deno.test("a socket whose path is too long for the kernel is refused, wherever it is named", () => {
  const url = `unix:/tmp/${"s".repeat(120)}`;
  const says = /Cannot use (--admin |HOST=)unix:.*: the path has 125 bytes,/;
  assert.throws(() => parse(["--admin", url]), says);
  assert.throws(() => parse([], { HOST: url }), says);
});
