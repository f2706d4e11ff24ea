/**
 * What the tests use stands in a configuration of their own, so that nobody
 * downloads it who only starts the pool. What both have must be the same.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

interface Configuration {
  readonly imports: Readonly<Record<string, string>>;
  readonly compilerOptions: unknown;
}

async function configuration(path: string): Promise<Configuration> {
  const text = await Deno.readTextFile(new URL(path, import.meta.url));
  return JSON.parse(text) as Configuration;
}

async function lockedVersions(path: string): Promise<Map<string, string>> {
  const text = await Deno.readTextFile(new URL(path, import.meta.url));
  const { specifiers } = JSON.parse(text) as {
    readonly specifiers: Readonly<Record<string, string>>;
  };
  return new Map(Object.entries(specifiers));
}

Deno.test("the tests run the program with the dependencies and the compiler settings it ships with", async () => {
  const program = await configuration("../deno.json");
  const tests = await configuration("./deno.json");
  assert.deepEqual(tests.compilerOptions, program.compilerOptions);
  const programLock = await lockedVersions("../deno.lock");
  const testLock = await lockedVersions("./deno.lock");
  for (const [name, specifier] of Object.entries(program.imports)) {
    assert.equal(tests.imports[name], specifier);
    assert.equal(testLock.get(specifier), programLock.get(specifier), name);
  }
});

Deno.test("the examples have a configuration of their own, and the same versions", async () => {
  const program = await configuration("../deno.json");
  const tests = await configuration("./deno.json");
  const examples = await configuration("../examples/deno.json");
  assert.deepEqual(examples.compilerOptions, program.compilerOptions);
  const known = new Map(
    [...Object.entries(program.imports), ...Object.entries(tests.imports)],
  );
  for (const [name, specifier] of Object.entries(examples.imports)) {
    assert.equal(specifier, known.get(name) ?? specifier);
  }
});

Deno.test("starting the pool downloads nothing that only tests use", async () => {
  const { imports } = await configuration("../deno.json");
  const names = [
    "@logtape/logtape",
    "@opentelemetry/api",
    "hono",
    "prom-client",
    "uplot",
  ];
  assert.deepEqual(Object.keys(imports), names);
  const locked = [...(await lockedVersions("../deno.lock")).keys()];
  assert.deepEqual(
    locked.filter((specifier) =>
      !names.some((name) => specifier.startsWith(`npm:${name}@`))
    ),
    [],
  );
});

/** Whoever installs the program with `deno install -g` runs it without its deno.json. */
Deno.test("packages are imported by the very specifiers that deno.json has, so that none depends on it", async () => {
  const { imports } = await configuration("../deno.json");
  const known = Object.values(imports);
  const used = new Set<string>();
  for (const folder of ["../src/", "../tools/"]) {
    for (const text of sources(fileURLToPath(import.meta.resolve(folder)))) {
      for (const match of text.matchAll(IMPORTED)) {
        const specifier = match[1] ?? match[2] ?? "";
        if (/^(\.|node:)/.test(specifier)) continue;
        const found = known.find((name) =>
          specifier === name || specifier.startsWith(`${name}/`)
        );
        assert.ok(found, `${specifier} is not what deno.json has`);
        used.add(found);
      }
    }
  }
  assert.deepEqual([...used].toSorted(), known.toSorted());
});

const IMPORTED =
  /(?:^import .*|^\} |^export .*)from "([^"]+)";|import\(\s*"([^"]+)"/gm;

/** The text of every module below a folder. */
function* sources(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}${name}`;
    if (isDirectory) yield* sources(`${path}/`);
    else if (path.endsWith(".ts")) yield Deno.readTextFileSync(path);
  }
}
