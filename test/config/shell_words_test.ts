import assert from "node:assert/strict";
import { splitShellWords } from "../../src/config/shell_words.ts";

Deno.test("words are split as a POSIX shell splits them", () => {
  const cases: readonly [string, readonly string[]][] = [
    ["", []],
    ["  \t\n ", []],
    ["node server.js", ["node", "server.js"]],
    ["  a   b  ", ["a", "b"]],
    [`'my app' "b c"`, ["my app", "b c"]],
    [`pre'mid'"post"`, ["premidpost"]],
    [`'' ""`, ["", ""]],
    [`a\\ b`, ["a b"]],
    [`'a\\b'`, ["a\\b"]],
    [`"a\\"b\\\\c\\$d\\e"`, [`a"b\\c$d\\e`]],
    [`"it's"`, ["it's"]],
    [`'say "hi"'`, [`say "hi"`]],
    ["a\\\nb", ["ab"]],
    ['"a\\\nb"', ["ab"]],
    ["a \\\n b", ["a", "b"]],
  ];
  for (const [text, words] of cases) {
    assert.deepEqual(splitShellWords(text), words, JSON.stringify(text));
  }
});

Deno.test("nothing is expanded", () => {
  assert.deepEqual(splitShellWords("a $HOME *.js {port} | b # c"), [
    "a",
    "$HOME",
    "*.js",
    "{port}",
    "|",
    "b",
    "#",
    "c",
  ]);
});

Deno.test("an open quote and a backslash at the end are turned down", () => {
  for (const text of ["'a", '"a', `a "b' c`, "a\\", '"a\\"']) {
    assert.equal(splitShellWords(text), null, text);
  }
});
