/**
 * The development loop: files change, and the pool reloads.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import {
  type PoolProcess,
  spawnPool,
  startPool,
  type StartPoolOptions,
} from "../support/pool_process.ts";

/** A worker that responds with a word of a file beside it. */
const WORKER = `
import { word } from "./lib/word.js";
console.log(word);
if (word === "hangs") await new Promise((done) => setTimeout(done, 1e9));
if (word === "broken") throw new Error("The word is broken");
Deno.serve({ port: Number(Deno.env.get("PORT")), hostname: "127.0.0.1" },
  () => new Response(word));
`;

const COMMAND = [Deno.execPath(), "run", "-A", "--quiet", "app.js"];

/** A program in a directory of its own. */
class Project implements AsyncDisposable {
  readonly path = Deno.realPathSync(Deno.makeTempDirSync());

  constructor() {
    this.write("app.js", WORKER);
    this.say("first");
  }

  /** Writes a file, and makes the directories above it. */
  write(name: string, text: string): void {
    const path = join(this.path, name);
    Deno.mkdirSync(join(path, ".."), { recursive: true });
    Deno.writeTextFileSync(path, text);
  }

  /** Changes what the program says. */
  say(word: string): void {
    this.write("lib/word.js", `export const word = "${word}";\n`);
  }

  /** Starts a pool in it. */
  start(args: readonly string[], permissions = ["-A"]): Promise<PoolProcess> {
    return startPool(this.options(args, permissions));
  }

  /** How a pool is started in it. */
  options(args: readonly string[], permissions = ["-A"]): StartPoolOptions {
    return {
      args,
      permissions,
      cwd: this.path,
      // It is asked at once whether the new code works.
      env: { POOL_SIZE: "1", PWD: this.path, RELOAD_CANARY_REQUESTS: "0" },
      command: COMMAND,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

async function said({ url }: PoolProcess): Promise<string> {
  return await (await fetch(url)).text();
}

/** The text of the notices that say what has changed. */
function changesNamed(pool: PoolProcess): readonly string[] {
  return pool.events.flatMap((event) =>
    event.type === "notice" && event.message.endsWith(": reloading.")
      ? [event.message]
      : []
  );
}

/** Waits for the `count`th reload to end; returns whether it was good. */
async function reloaded(pool: PoolProcess, count: number): Promise<boolean> {
  const { report } = await pool.waitForEvent("reload-finished", {
    where: () =>
      pool.events.filter(({ type }) => type === "reload-finished").length >=
        count,
  });
  const last = pool.events.findLast(({ type }) => type === "reload-finished");
  return last?.type === "reload-finished" ? last.report.ok : report.ok;
}

Deno.test("with --watch a change reloads the pool once, code that is broken is refused, and mended code serves", async () => {
  await using project = new Project();
  await using pool = await project.start(["--watch"]);
  assert.equal(await said(pool), "first");
  // An editor's several steps are one change.
  project.say("");
  project.say("second");
  assert.equal(await reloaded(pool, 1), true);
  assert.equal(await said(pool), "second");
  assert.deepEqual(changesNamed(pool), ["lib/word.js has changed: reloading."]);
  project.say("broken");
  assert.equal(await reloaded(pool, 2), false);
  assert.equal(await said(pool), "second");
  project.say("third");
  assert.equal(await reloaded(pool, 3), true);
  assert.equal(await said(pool), "third");
});

Deno.test("an edit that hangs at the start gives way to the one that mends it", async () => {
  await using project = new Project();
  await using pool = await project.start(["--watch"]);
  project.say("hangs");
  await pool.waitForEvent("worker-output", {
    where: ({ line }) => line === "hangs",
  });
  project.say("mended");
  assert.equal(await reloaded(pool, 2), true);
  assert.equal(await said(pool), "mended");
  const { report } = await pool.waitForEvent("reload-finished");
  assert.match(report.reason!, /and a newer reload waits$/);
});

Deno.test("what tools and editors write is passed over, and a directory that is new is watched", async () => {
  await using project = new Project();
  project.write("node_modules/a/index.js", "1");
  await using pool = await project.start(["--watch"]);
  project.write("node_modules/a/index.js", "2");
  project.write("node_modules/b/index.js", "2");
  project.write(".git/index", "2");
  project.write("server.log", "a line");
  project.write(".app.js.swp", "");
  project.write("new/first.js", "1");
  await reloaded(pool, 1);
  assert.equal(changesNamed(pool).length, 1);
  assert.match(
    changesNamed(pool)[0]!,
    /^new(\/first\.js)? (and 1 more have|has) changed/,
  );
  project.write("new/first.js", "2");
  await reloaded(pool, 2);
  assert.match(changesNamed(pool)[1]!, /^new\/first\.js has changed/);
});

Deno.test("with --watch=PATHS nothing else is watched, and a file that another one replaces still is", async () => {
  await using project = new Project();
  await using pool = await project.start(["--watch=app.js"]);
  project.say("unseen");
  project.write("next.js", `${WORKER}// anew`);
  await Deno.rename(
    join(project.path, "next.js"),
    join(project.path, "app.js"),
  );
  await reloaded(pool, 1);
  assert.deepEqual(changesNamed(pool), ["app.js has changed: reloading."]);
  assert.equal(await said(pool), "unseen");
});

Deno.test("what cannot be watched is said at the start, with the remedy", async () => {
  await using project = new Project();
  for (
    const [args, permissions, message] of [
      [["--watch=nowhere"], ["-A"], /Cannot watch nowhere: .* Change WATCH/],
      [
        ["--watch"],
        ["--allow-net", "--allow-run", "--allow-env"],
        /--allow-read/,
      ],
    ] as const
  ) {
    await using pool = spawnPool(project.options(args, [...permissions]));
    assert.equal((await pool.status).code, 1);
    assert.match(pool.logs, message);
  }
});
