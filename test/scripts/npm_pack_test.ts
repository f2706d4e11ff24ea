/**
 * The npm package as a user gets it: packed, installed, run and ended.
 *
 * Deno's own package comes from npm's cache where that has it, as it has where
 * the suite is run by `npx deno`.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { packForNpm } from "../../scripts/npm_pack.ts";
import { VERSION } from "../../src/version.ts";
import { withDeadline } from "../support/deadline.ts";
import { startPool } from "../support/pool_process.ts";
import { descendantsOf, waitUntilGone } from "../support/processes.ts";
import { ignoreWithout } from "../support/programs.ts";

/** npm copies a binary of 95 MB, twice; beyond this it hangs. */
const TIMEOUT_MS = 180_000;

/** Runs a program to its end; resolves to its standard output. */
async function run(
  program: string,
  args: readonly string[],
  cwd: string,
): Promise<string> {
  const child = new Deno.Command(program, {
    args: [...args],
    cwd,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const { code, stdout, stderr } = await withDeadline(
    child.output(),
    TIMEOUT_MS,
    () => `${program} ${args.join(" ")} goes on running`,
  );
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** A folder that is removed in the end, with a space in its name. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "npm pack " });

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** Installs the tarball as a user does, with options of npm's. */
async function install(
  tarball: string,
  cwd: string,
  ...options: readonly string[]
): Promise<void> {
  await Deno.mkdir(cwd, { recursive: true });
  const quiet = ["--no-audit", "--no-fund", "--no-update-notifier"];
  await run("npm", ["install", ...quiet, ...options, tarball], cwd);
}

async function text(url: string): Promise<string> {
  const response = await fetch(url);
  assert.equal(response.status, 200, url);
  return await response.text();
}

Deno.test({
  name: "the npm package",
  ignore: ignoreWithout("npm", "node"),
  async fn(t): Promise<void> {
    using folder = new Folder();
    const tarball = await packForNpm(`${folder.path}/packed`);
    const app = `${folder.path}/app`;
    // What the application configures is none of the pool's concern.
    await Deno.mkdir(app);
    await Deno.writeTextFile(`${app}/deno.json`, '{ "imports": 7 }');
    await Deno.writeTextFile(
      `${app}/server.js`,
      'require("node:http").createServer((_, response) =>' +
        ' response.end("from node")).listen(process.env.PORT);',
    );
    await install(tarball, app, "--prefer-offline", "--ignore-scripts");
    const program = `${app}/node_modules/.bin/prefork-pool`;

    await t.step(
      "is installed without a script of its making, and holds the licences of what it contains",
      async () => {
        const packed = await run("tar", ["tf", tarball], folder.path);
        assert.doesNotMatch(packed, /\.ts$/m);
        const root = `${app}/node_modules/prefork-pool`;
        const manifest = JSON.parse(
          await Deno.readTextFile(`${root}/package.json`),
        );
        assert.equal(manifest.version, VERSION);
        assert.deepEqual(Object.keys(manifest.dependencies), ["deno"]);
        assert.equal(manifest.scripts, undefined);
        const licences = await Deno.readTextFile(
          `${root}/THIRD_PARTY_LICENSES.txt`,
        );
        for (
          const name of ["hono", "@logtape/logtape", "prom-client", "uplot"]
        ) {
          assert.match(licences, new RegExp(`^${name} \\d`, "m"));
        }
        assert.match(licences, /Permission is hereby granted/);
      },
    );

    await t.step(
      "serves the demo, the dashboard and the figures, and ends by SIGTERM with all of its processes",
      async () => {
        await using pool = await startPool({ program: [program], cwd: app });
        assert.match(await text(pool.url), /^Hello from worker \d/);
        assert.match(await text(`${pool.url}/_dashboard`), /main\.js/);
        for (const name of ["main.js", "uplot.js", "style.css"]) {
          assert.notEqual(await text(`${pool.url}/_dashboard/${name}`), "");
        }
        const figures = await text(`${pool.url}/_metrics?format=prometheus`);
        assert.match(figures, /^prefork_requests_total/m);
        // The thread is in the package, too.
        const transport = Deno.build.os === "linux" ? "epoll" : "deno";
        assert.equal((await pool.metrics()).transport, transport);
        // What was started is Deno itself, and no shell in front of it.
        const pids = await descendantsOf(pool.pid, "deno");
        assert.ok(pids.includes(pool.pid));
        assert.equal((await pool.stop("SIGTERM")).code, 0);
        await waitUntilGone(pids);
      },
    );

    await t.step("runs another program by npx", async () => {
      const command = ["node", "server.js"];
      const npx = ["npx", "--offline", "prefork-pool"];
      await using pool = await startPool({ program: npx, command, cwd: app });
      assert.equal(await text(pool.url), "from node");
      // npx passes no signal on, so the pool's own command ends it.
      await run(program, ["stop", "--admin", pool.url], app);
      assert.equal((await pool.status).code, 0);
    });

    await t.step(
      "is installed for everybody, offline, and found through links on PATH",
      async () => {
        const prefix = `${folder.path}/global`;
        await install(
          tarball,
          prefix,
          ...["--offline", "--global", "--prefix", prefix],
        );
        await Deno.symlink(
          `${prefix}/bin/prefork-pool`,
          `${folder.path}/pool`,
        );
        const version = await run(`${folder.path}/pool`, ["--version"], "/");
        assert.ok(version.startsWith(`prefork-pool ${VERSION} `), version);
      },
    );

    await t.step(
      "says what is missing where npm has left Deno out",
      async () => {
        await Deno.remove(`${app}/node_modules/@deno`, { recursive: true });
        const path = `${folder.path}/path`;
        await Deno.mkdir(path);
        for (const name of ["dirname", "readlink"]) {
          await Deno.symlink(`/usr/bin/${name}`, `${path}/${name}`);
        }
        const { code, stderr } = await new Deno.Command("/bin/sh", {
          args: [program, "--version"],
          clearEnv: true,
          env: { PATH: path },
        }).output();
        const said = new TextDecoder().decode(stderr);
        assert.equal(code, 1, said);
        assert.match(said, /there is no Deno beside .* optional dependencies/);
      },
    );
  },
});

Deno.test("what is published are the program and its documents", async () => {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "publish",
      "--dry-run",
      "--allow-dirty",
      "--allow-slow-types",
      "--no-check",
    ],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const said = new TextDecoder().decode(stdout) +
    new TextDecoder().decode(stderr);
  assert.equal(code, 0, said);
  const paths = [...said.matchAll(/^ +file:\/\/(\S+) \(/gm)]
    .map((match) => decodeURI(match[1]!).slice(root.length));
  const kinds = new Set(paths.map((path) => path.replace(/\/.*/, "/")));
  assert.deepEqual([...kinds].toSorted(), [
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "deno.json",
    "docs/",
    "mod.ts",
    "src/",
    "tools/",
  ]);
});
