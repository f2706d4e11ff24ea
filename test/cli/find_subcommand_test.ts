/** Where the name of a subcommand may stand. */

import assert from "node:assert/strict";
import { findSubcommand } from "../../src/cli/find_subcommand.ts";
import { CliError } from "../../src/cli/subcommand.ts";
import { runCommand } from "../support/command_line.ts";

Deno.test("a subcommand is found first, and behind the options that name a pool", () => {
  for (
    const [args, name, rest] of [
      [["status", "--json"], "status", ["--json"]],
      [["--name", "web", "status"], "status", ["--name", "web"]],
      [["--name=web", "status", "--json"], "status", ["--name=web", "--json"]],
      [["--admin", "unix:/s", "scale", "-1"], "scale", [
        "--admin",
        "unix:/s",
        "-1",
      ]],
      [["--json", "status"], "status", ["--json"]],
      [["--help", "top"], "top", ["--help"]],
    ] as const
  ) assert.deepEqual(findSubcommand(args), { name, args: rest });
});

Deno.test("what is the value of an option, or a worker's command, is no subcommand", () => {
  for (
    const args of [
      [],
      ["--name", "status"],
      ["--pool-size", "2"],
      ["--name", "web", "--", "status"],
      ["--", "top"],
      ["--check", "status"],
      ["--help", "all"],
      ["node", "status"],
    ]
  ) assert.equal(findSubcommand(args), null, args.join(" "));
});

Deno.test("a subcommand that is mistyped is told, with what was meant", () => {
  assert.throws(
    () => findSubcommand(["statu"]),
    (error) =>
      error instanceof CliError && error.usage &&
      /did you mean status\?/.test(error.message),
  );
});

Deno.test("a setting before a subcommand is refused by its name, with what to write instead", async () => {
  assert.throws(
    () => findSubcommand(["--port=9000", "status"]),
    (error) => error instanceof CliError && error.usage,
  );
  const { code, stderr } = await runCommand(["--port", "9000", "status"]);
  assert.equal(code, 2);
  assert.match(
    stderr,
    /^Cannot run status: --port is a setting of a pool that/,
  );
  assert.match(stderr, /--pid, --name, --admin/);
});

Deno.test("--name before a subcommand names the pool that runs", async () => {
  const { code, stderr } = await runCommand(
    ["--name", "nobody", "status"],
    {},
    [
      "-A",
    ],
  );
  assert.equal(code, 1);
  assert.match(stderr, /^Cannot find a pool with the name nobody\./);
});
