/**
 * What has to say the same in several places, because it is read by programs
 * that know no variables: the version of the package and that of Deno.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { VERSION } from "../src/version.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** Files that name the image with its tag. */
const WITH_IMAGE_TAG = /\.(ya?ml|md)$/;
const IMAGE_TAG = /prefork-pool:(\d[\w.-]*)|newTag: *"?(\d[\w.-]*)/g;

/** What the build, the image, the package and the documents run Deno as. */
const DENO_VERSION = /deno[@:](\d+\.\d+\.\d+)|DENO_VERSION ?= ?"?([\d.]+)/g;

function read(path: string): string {
  return Deno.readTextFileSync(ROOT + path);
}

/** Paths of all files below a folder, from the root. */
function* filesIn(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(ROOT + folder)) {
    if (isDirectory) yield* filesIn(`${folder}/${name}`);
    else yield `${folder}/${name}`;
  }
}

/** What a pattern's groups have found, without those that did not take part. */
function found(pattern: RegExp, text: string): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? "");
}

Deno.test("the version is in deno.json, and what names the image has the same", () => {
  const { version } = JSON.parse(read("deno.json")) as { version: string };
  assert.equal(VERSION, version);
  let tags = 0;
  for (const folder of ["deploy", "docs"]) {
    for (const path of filesIn(folder)) {
      if (!WITH_IMAGE_TAG.test(path)) continue;
      for (const tag of found(IMAGE_TAG, read(path))) {
        assert.equal(tag, version, path);
        tags++;
      }
    }
  }
  assert.ok(tags >= 2, "compose.yaml and kustomization.yaml have it");
});

Deno.test("the newest entry of the changelog is that of this version", () => {
  assert.equal(/^## \[(.*?)\]/m.exec(read("CHANGELOG.md"))?.[1], VERSION);
});

Deno.test("one version of Deno builds, runs and tests the program", () => {
  const versions = new Map<string, string>();
  for (
    const path of [
      ".ci/run",
      "Dockerfile",
      "README.md",
      "CONTRIBUTING.md",
      "scripts/bench_prefork.sh",
      "scripts/npm_pack.ts",
    ]
  ) {
    const all = found(DENO_VERSION, read(path));
    assert.ok(all.length > 0, `${path} names none`);
    for (const version of all) versions.set(version, path);
  }
  assert.equal(versions.size, 1, JSON.stringify([...versions]));
});
