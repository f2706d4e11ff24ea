/**
 * Makes the npm package: `deno task npm:pack DIR` writes a tarball to `DIR` and
 * prints its path.
 *
 * Neither Deno nor Node runs TypeScript below `node_modules`, so the package
 * holds what `deno bundle` makes of the program, of the thread it begins and of
 * the demo application, packages included, with their licences. Deno itself is its one dependency,
 * and `scripts/npm/prefork-pool` starts it. npm packs it, outside of the
 * checkout: a `package.json` in here would change how Deno finds packages.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { resolve } from "node:path";

/** The version with which the program is built and tested. */
const DENO_VERSION = "2.9.6";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const PROGRAM = "tools/prefork-pool.ts";
const DEMO = "src/demo/main.ts";
const THREAD = "src/plane/data_plane_thread.ts";

/** Modules that are run by their paths: how the program names them, and what that is in the package. */
const REFERENCES = [
  ['"../demo/main.ts"', '"../demo/main.js"'],
  ['"./data_plane_thread.ts"', '"../thread/data_plane_thread.js"'],
] as const;

/** A module that is found at run time, and that no bundler sees. */
const UNSEEN_MODULE =
  /import\.meta\.resolve\([^)]*\.ts["'`]|new URL\([^)]*\.ts["'`],\s*import\.meta/;

/** What `deno.json` says that the package has to say too. */
interface Configuration {
  readonly version: string;
  readonly license: string;
  readonly unstable?: readonly string[];
}

/** Makes the tarball in `directory`; returns its path. */
export async function packForNpm(directory: string): Promise<string> {
  await Deno.mkdir(directory, { recursive: true });
  const stage = await Deno.makeTempDir({ prefix: "prefork-pool-npm-" });
  try {
    await stagePackage(stage);
    const output = await run("npm", [
      "pack",
      "--json",
      "--ignore-scripts",
      "--pack-destination",
      resolve(directory),
    ], stage);
    const [{ filename }] = JSON.parse(output) as [{ filename: string }];
    return resolve(directory, filename);
  } finally {
    await Deno.remove(stage, { recursive: true });
  }
}

async function stagePackage(stage: string): Promise<void> {
  const bundle = ["bundle", "--quiet", "--minify", "--code-splitting"];
  const deno = Deno.execPath();
  await run(deno, [...bundle, "--outdir", `${stage}/program`, PROGRAM], ROOT);
  await run(deno, [...bundle, "--outdir", `${stage}/demo`, DEMO], ROOT);
  await run(deno, [...bundle, "--outdir", `${stage}/thread`, THREAD], ROOT);
  await pointToModules(`${stage}/program`);
  await Deno.mkdir(`${stage}/bin`);
  await Deno.copyFile(
    `${ROOT}scripts/npm/prefork-pool`,
    `${stage}/bin/prefork-pool`,
  );
  await Deno.copyFile(`${ROOT}scripts/npm/README.md`, `${stage}/README.md`);
  for (const name of ["LICENSE", "CHANGELOG.md"]) {
    await Deno.copyFile(ROOT + name, `${stage}/${name}`);
  }
  await Deno.writeTextFile(
    `${stage}/THIRD_PARTY_LICENSES.txt`,
    await licences(),
  );
  const configuration: Configuration = JSON.parse(
    await Deno.readTextFile(`${ROOT}deno.json`),
  );
  await writeJson(`${stage}/package.json`, manifest(configuration));
  await writeJson(`${stage}/deno.json`, denoConfiguration(configuration));
}

function manifest(
  { version, license }: Configuration,
): Record<string, unknown> {
  return {
    name: "prefork-pool",
    version,
    description:
      "Pre-fork process pool and load balancer: starts the HTTP servers it " +
      "balances, replaces the dead, reloads without losing a request",
    keywords: ["load-balancer", "process-manager", "cluster", "prefork"],
    license,
    type: "module",
    bin: { "prefork-pool": "bin/prefork-pool" },
    os: ["linux", "darwin"],
    dependencies: { deno: DENO_VERSION },
  };
}

/** Ends Deno's search for a configuration at the package: the application's is none of the pool's. */
function denoConfiguration(
  { unstable }: Configuration,
): Record<string, unknown> {
  return { lock: false, ...unstable === undefined ? {} : { unstable } };
}

/** Has the program look for the modules it runs by their paths where the package has them. */
async function pointToModules(directory: string): Promise<void> {
  const counts = new Map<string, number>();
  for await (const { name } of Deno.readDir(directory)) {
    const path = `${directory}/${name}`;
    let text = await Deno.readTextFile(path);
    for (const [reference, bundled] of REFERENCES) {
      if (!text.includes(reference)) continue;
      counts.set(reference, (counts.get(reference) ?? 0) + 1);
      text = text.replaceAll(reference, bundled);
    }
    const unseen = UNSEEN_MODULE.exec(text)?.[0];
    if (unseen !== undefined) {
      throw new Error(
        `Cannot pack: ${unseen} is found at run time, and is not in the ` +
          "bundle. Bundle it in scripts/npm_pack.ts, as the demo is.",
      );
    }
    await Deno.writeTextFile(path, text);
  }
  for (const [reference] of REFERENCES) {
    const count = counts.get(reference) ?? 0;
    if (count === 1) continue;
    throw new Error(
      `Cannot pack: ${count} modules name ${reference}, not one.`,
    );
  }
}

/** The licence texts of all packages that the program and the demo are made of. */
async function licences(): Promise<string> {
  const { npmCache } = JSON.parse(
    await run(Deno.execPath(), ["info", "--json"], ROOT),
  ) as { npmCache: string };
  const parts: string[] = [];
  for (const [name, version] of await bundledPackages()) {
    const text = await licence(npmCache, `${name}/${version}`);
    const rule = "=".repeat(78);
    parts.push(`${rule}\n${name} ${version}\n${rule}\n\n${text.trim()}\n`);
  }
  return "The program contains these packages, under these licences.\n\n" +
    parts.join("\n");
}

/** Name and version of each package in the bundles. */
async function bundledPackages(): Promise<[string, string][]> {
  const packages = new Set<string>();
  for (const entry of [PROGRAM, THREAD, DEMO]) {
    const graph = JSON.parse(
      await run(Deno.execPath(), ["info", "--json", entry], ROOT),
    ) as { npmPackages: Record<string, { name: string; version: string }> };
    for (const { name, version } of Object.values(graph.npmPackages)) {
      packages.add(`${name} ${version}`);
    }
  }
  return [...packages].toSorted().map((entry) => {
    const [name = "", version = ""] = entry.split(" ");
    return [name, version];
  });
}

/** The text of a package's licence, as Deno's cache has it, from whichever registry. */
async function licence(npmCache: string, place: string): Promise<string> {
  for await (const registry of Deno.readDir(npmCache)) {
    const directory = `${npmCache}/${registry.name}/${place}`;
    try {
      for await (const { name } of Deno.readDir(directory)) {
        if (!/^(licen[cs]e|copying)/i.test(name)) continue;
        return await Deno.readTextFile(`${directory}/${name}`);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error(`Cannot pack: no licence text is found of ${place}.`);
}

function writeJson(path: string, value: unknown): Promise<void> {
  return Deno.writeTextFile(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Runs a program to its end; returns what it printed. */
async function run(
  program: string,
  args: readonly string[],
  cwd: string,
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (code !== 0) {
    throw new Error(
      `Cannot pack: "${program} ${args.join(" ")}" exited with ${code}.\n` +
        new TextDecoder().decode(stderr),
    );
  }
  return new TextDecoder().decode(stdout);
}

if (import.meta.main) {
  const [directory] = Deno.args;
  if (directory === undefined || Deno.args.length > 1) {
    console.error("Usage: deno task npm:pack DIR");
    Deno.exit(2);
  }
  console.log(await packForNpm(directory));
}
