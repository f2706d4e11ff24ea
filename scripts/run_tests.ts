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

const IGNORE = "--ignore=";

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

/** What `deno test` is to run, the longest first. */
function modulesOf(files: readonly string[], directory: string): string[] {
  const apart = files.filter((file) => APART.has(directoryOf(file)));
  const others = files.filter((file) => !APART.has(directoryOf(file)));
  const shared = [...Map.groupBy(others, directoryOf).values()]
    .toSorted((a, b) => b.length - a.length)
    .map((those) => together(those, directory));
  return [...shared, ...apart];
}

/** Runs the tests that are asked for; resolves to the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const ignored = args.filter((arg) => arg.startsWith(IGNORE))
    .map((arg) => arg.slice(IGNORE.length));
  const files = args.filter((arg) => !arg.startsWith(IGNORE))
    .flatMap((path) => [...testFiles(path.replace(/\/$/, ""))])
    .filter((file) => !ignored.includes(file))
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
