/**
 * The program where people put it: behind a link on PATH, and installed by
 * Deno.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { VERSION } from "../../src/version.ts";
import { DEFAULT_DEADLINE_MS, withDeadline } from "../support/deadline.ts";
import { startPool } from "../support/pool_process.ts";

const PROGRAM = fileURLToPath(
  new URL("../../tools/prefork-pool.ts", import.meta.url),
);

/** Runs a program to its end; resolves to its output. */
async function run(
  program: string,
  args: readonly string[],
  options: Deno.CommandOptions = {},
): Promise<string> {
  const child = new Deno.Command(program, {
    ...options,
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const { code, stdout, stderr } = await withDeadline(
    child.output(),
    DEFAULT_DEADLINE_MS,
    () => `${program} goes on running`,
  );
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** A folder that is removed in the end, with spaces in its name. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "pre fork " });

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

Deno.test("a link on PATH, and a link to that, start the program, whatever its name and the working directory", async () => {
  using folder = new Folder();
  await Deno.symlink(PROGRAM, `${folder.path}/pool`);
  await Deno.symlink("pool", `${folder.path}/prefork-pool`);
  const env = { PATH: `${folder.path}:${Deno.env.get("PATH")}` };
  for (const name of ["pool", "prefork-pool"]) {
    const version = await run("sh", ["-c", `${name} --version`], {
      cwd: "/",
      env,
    });
    assert.ok(version.startsWith(`prefork-pool ${VERSION} `), version);
  }
  // All of what a pool needs is found from there.
  const check = await run(`${folder.path}/prefork-pool`, [
    "--check",
    "--",
    "node",
    "a b.js",
  ]);
  assert.equal(check, "The configuration can be used.\n");
});

Deno.test("deno install -g makes a command of it, which starts a pool", async () => {
  using folder = new Folder();
  await run(Deno.execPath(), [
    "install",
    "-g",
    "-A",
    "--root",
    folder.path,
    PROGRAM,
  ]);
  const program = `${folder.path}/bin/prefork-pool`;
  const version = await run(program, ["--version"], { cwd: "/" });
  assert.ok(version.startsWith(`prefork-pool ${VERSION} `), version);
  await using pool = await startPool({ program: [program] });
  const response = await fetch(`${pool.url}/api/health`);
  assert.equal(response.status, 200);
  await response.body?.cancel();
});
