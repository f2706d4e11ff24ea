/**
 * Runs tests: `deno run -A scripts/run_tests.ts PATH... [--ignore=FILE]`, each
 * path a directory or a file.
 *
 * `deno test` gives each file an isolate of its own, which takes as much CPU
 * time as hundreds of tests of a function. So the files of a directory share
 * one, unless they start pools: those take long, and run beside each other.
 *
 * @module
 */

import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

/** Directories whose files start pools or other programs, each for itself. */
const APART: ReadonlySet<string> = new Set([
  "test/cli",
  "test/conformance",
  "test/deploy",
  "test/docs",
  "test/examples",
  "test/fuzz",
  "test/integration",
  "test/operation",
  "test/scripts",
]);

/** Half as many more at once as there are CPUs: many wait. */
const JOBS = Math.ceil(1.5 * navigator.hardwareConcurrency);

/** The files of tests at `path` and below. */
function* testFiles(path: string): Generator<string> {
  if (path.endsWith("_test.ts")) return yield path;
  for (const { name, isDirectory } of Deno.readDirSync(path)) {
    if (isDirectory || name.endsWith("_test.ts")) {
      yield* testFiles(`${path}/${name}`);
    }
  }
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** Writes a module that has the tests of those files, and tells its path. */
function together(files: readonly string[], directory: string): string {
  const name = directoryOf(files[0]!).replaceAll("/", "_");
  const path = `${directory}/${name}_test.ts`;
  const lines = files.map((file) =>
    `import ${JSON.stringify(pathToFileURL(file).href)};\n`
  );
  Deno.writeTextFileSync(path, lines.join(""));
  return path;
}

/** What `deno test` is to run: the largest first, so that none is left alone in the end. */
function modulesOf(files: readonly string[], directory: string): string[] {
  const groups = Map.groupBy(files, (file) => {
    const from = directoryOf(file);
    return APART.has(from) ? file : from;
  });
  return [...groups.values()]
    .map((those) => ({ those, bytes: sizeOf(those) }))
    .toSorted((a, b) => b.bytes - a.bytes)
    .map(({ those }) =>
      those.length === 1 ? those[0]! : together(those, directory)
    );
}

function sizeOf(files: readonly string[]): number {
  return files.reduce((sum, file) => sum + Deno.statSync(file).size, 0);
}

/** Runs the tests that are asked for; resolves to the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const { values: { ignore }, positionals } = parseArgs({
    args: [...args],
    options: { ignore: { type: "string", multiple: true, default: [] } },
    allowPositionals: true,
  });
  const files = positionals
    .flatMap((path) => [...testFiles(path.replace(/\/$/, ""))])
    .filter((file) => !ignore.includes(file))
    .toSorted();
  // The tests are interrupted along with us, and we remove what is ours then.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {});
  }
  const directory = await Deno.makeTempDir();
  try {
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: [
        ..."test -A --no-check --config test/deno.json --parallel --quiet"
          .split(" "),
        ...modulesOf(files, directory),
      ],
      env: { DENO_JOBS: Deno.env.get("DENO_JOBS") ?? `${JOBS}` },
    }).spawn().status;
    return code;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
