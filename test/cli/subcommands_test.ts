/**
 * The subcommands, run as a user runs them, against a pool that runs.
 *
 * @module
 */

import assert from "node:assert/strict";
import { SUBCOMMANDS } from "../../src/cli/subcommands.ts";
import { startPoolWithPages } from "../support/admin_pages.ts";
import { runCommand, runHere } from "../support/command_line.ts";
import { demoWhileOpen, GateFile } from "../support/fixture.ts";
import { freePort } from "../support/free_port.ts";
import { startPool } from "../support/pool_process.ts";

Deno.test("status shows the pool that PORT names, as text and as JSON", async () => {
  await using pool = await startPool({ env: { POOL_SIZE: "2" } });
  const env = { PORT: `${pool.port}` };
  const text = await runCommand(["status"], env);
  assert.equal(text.code, 0);
  assert.equal(text.stderr, "");
  assert.match(text.stdout, /: serving for .*\nworkers {3}2 ready of 2 wanted/);
  for (const pid of pool.workerPids) {
    assert.match(text.stdout, new RegExp(`^ *\\d +ready +${pid} `, "m"));
  }
  const json = await runHere(["status", "--json"], env);
  assert.equal(JSON.parse(json.stdout).workers.length, 2);
});

Deno.test("scale sets the wanted number, and says what the bounds allow", async () => {
  await using pool = await startPool({
    env: { POOL_SIZE: "1", MAX_WORKERS: "3" },
  });
  const scale = async (amount: string): Promise<string> => {
    const env = { PORT: `${pool.port}` };
    const { code, stdout } = await runHere(["scale", amount], env);
    assert.equal(code, 0);
    return stdout.trim();
  };
  assert.equal(await scale("2"), "2 workers are wanted now, 1 before.");
  assert.equal(
    await scale("+5"),
    "3 workers are wanted now, 2 before. Capped by MAX_WORKERS.",
  );
  assert.equal(await scale("-1"), "2 workers are wanted now, 3 before.");
  assert.equal((await pool.metrics()).pool.desired, 2);
});

Deno.test("reload waits for the verdict: exit code 0, or 1 when the old generation serves on", async () => {
  using gate = new GateFile();
  gate.open();
  await using pool = await startPool({
    env: { POOL_SIZE: "1" },
    command: demoWhileOpen(gate.path),
  });
  const env = { PORT: `${pool.port}` };
  const good = await runHere(["reload"], env);
  assert.equal(good.code, 0);
  assert.match(
    good.stdout,
    /^worker 0: replaced \(.*\nReloaded in .* generation 2 serves\.\n$/,
  );
  gate.close();
  const bad = await runCommand(["reload"], env);
  assert.equal(bad.code, 1);
  assert.match(bad.stdout, /^worker 0: failed \(.*\nCannot reload: /);
  assert.match(bad.stdout, /Generation 2 serves on\.\n$/);
});

Deno.test("the pages are reached on a port of their own, by ADMIN_PORT or --admin", async () => {
  await using pages = await startPoolWithPages("ADMIN_PORT", {
    env: { POOL_SIZE: "1" },
  });
  const PORT = `${pages.pool.port}`;
  const ADMIN_PORT = `${pages.port}`;
  assert.equal((await runCommand(["status"], { PORT, ADMIN_PORT })).code, 0);
  const byFlag = ["status", "--admin", pages.url];
  assert.equal((await runHere(byFlag, { PORT })).code, 0);
  // On the public port they are the application's to answer for.
  const elsewhere = await runHere(["status"], { PORT });
  assert.equal(elsewhere.code, 1);
  assert.match(elsewhere.stderr, /Cannot see the admin pages at .* \(404\)/);
});

Deno.test("where no pool is, it is said where it was looked for and how to say otherwise", async () => {
  const url = `http://127.0.0.1:${freePort()}`;
  for (const name of ["status", "top", "reload", "scale"]) {
    const args = [name, ...(name === "scale" ? ["2"] : []), "--admin", url];
    const { code, stdout, stderr } = await runHere(args);
    assert.equal(code, 1, name);
    assert.equal(stdout, "");
    assert.match(stderr, new RegExp(`^Cannot reach a pool at ${url}: `));
    assert.match(stderr, /--admin URL, PORT or ADMIN_PORT\.\n$/);
  }
});

Deno.test("arguments that cannot be understood end with 2 and one line", async () => {
  for (
    const args of [
      ["status", "--jsno"],
      ["status", "all"],
      ["scale"],
      ["scale", "many"],
      ["scale", "1", "2"],
      ["reload", "--admin=:::"],
    ]
  ) {
    const { code, stdout, stderr } = await runHere(args);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, /^Cannot [^\n]+\n$/);
  }
});

Deno.test("each subcommand explains itself, and is named in the help of the whole", async () => {
  const whole = await runCommand(["--help"]);
  for (const name of ["status", "top", "reload", "scale"]) {
    assert.match(whole.stdout, new RegExp(`^  ${name} `, "m"));
    const { code, stdout } = await runHere([name, "--help"]);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^Usage: prefork-pool ${name} `));
    assert.match(stdout, /--admin URL/);
    for (const line of stdout.split("\n")) assert.ok(line.length <= 80, line);
  }
});

Deno.test("an option is explained two spaces beside it, or below where it is long", async () => {
  for (const [name, { load }] of Object.entries(SUBCOMMANDS)) {
    const { help, options } = await load();
    assert.doesNotMatch(help, / $/m, name);
    for (const { name: option, value } of options) {
      const flag = `--${option}${value === undefined ? "" : ` ${value}`}`;
      const line = help.split("\n").find((text) =>
        text.replace(/^ {2}(?:-\w, )?/, "").startsWith(flag)
      );
      assert.match(line ?? flag, /(?: {2}|, )--.*(?: {2}\S.*|")$/, name);
    }
  }
});

Deno.test("logs --worker shows the lines of one worker alone, and refuses what is no number", async () => {
  using gate = new GateFile();
  gate.open();
  await using pool = await startPool({
    env: { POOL_SIZE: "2" },
    command: [
      "sh",
      "-c",
      'echo hello from {id}; exec "$@"',
      "sh",
      ...demoWhileOpen(gate.path),
    ],
  });
  const env = { PORT: `${pool.port}` };
  const { code, stdout } = await runCommand(["logs", "--worker", "1"], env);
  assert.equal(code, 0);
  assert.match(stdout, /^1 \| hello from 1$/m);
  assert.doesNotMatch(stdout, /^0 \|/m);
  const wrong = await runCommand(["logs", "-w", "one"], env);
  assert.equal(wrong.code, 2);
  assert.match(
    wrong.stderr,
    /^Cannot use --worker one: give a worker's number/,
  );
});
