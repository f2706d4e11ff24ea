/**
 * Holds the core of the data plane to what makes it one: it waits for nothing,
 * looks at no clock, and knows no runtime.
 *
 * @module
 */

import assert from "node:assert/strict";

const CORE = new URL("../src/proxy/core/", import.meta.url);

/** Words of what waits, of what tells the time, and of the runtime. */
const FORBIDDEN =
  /\b(?:await|async|Promise|queueMicrotask|performance|Date\.now|new Date\(\)|setTimeout|setInterval|setImmediate|Deno|process|fetch)\b/;

/** A comment, or a text: what is said there is not done. */
const SAID =
  /\/\*[^]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g;

Deno.test("nothing in the core waits, looks at a clock, or knows the runtime", () => {
  const found = sources().flatMap(([name, source]) => offencesIn(name, source));
  assert.deepEqual(found, []);
});

Deno.test("an offence is named with its line, and what is only said is none", () => {
  const source = [
    "// One must not await a Promise here.",
    '/* Deno.now is\n * no clock */ const text = "async";',
    "const later = setTimeout(() => {}, 1); // at once",
    "const now = `${performance.now()}`;",
  ].join("\n");
  assert.deepEqual(offencesIn("a.ts", source), [
    "a.ts:4: setTimeout",
    "a.ts:5: performance",
  ]);
});

function sources(): readonly (readonly [name: string, source: string])[] {
  return [...Deno.readDirSync(CORE)]
    .map(({ name }) => name)
    .sort()
    .map((name) => [name, Deno.readTextFileSync(new URL(name, CORE))]);
}

function offencesIn(name: string, source: string): readonly string[] {
  // Lines stay where they are.
  const done = source.replaceAll(SAID, (said) => said.replace(/[^\n]/g, ""));
  return done.split("\n").flatMap((line, index) => {
    const word = FORBIDDEN.exec(line)?.[0];
    return word === undefined ? [] : [`${name}:${index + 1}: ${word}`];
  });
}
