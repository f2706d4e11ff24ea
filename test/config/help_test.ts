import assert from "node:assert/strict";
import { helpText, versionText } from "../../src/config/help.ts";
import {
  flagOf,
  SETTING_NAMES,
  SETTINGS,
  variableOf,
} from "../../src/config/settings.ts";
import { VERSION } from "../../src/version.ts";

Deno.test("the help names every setting's flag and variable", () => {
  const text = helpText();
  for (const name of SETTING_NAMES) {
    const { placeholder } = SETTINGS[name].kind;
    const usage = `${flagOf(name)} ${placeholder}`.trimEnd();
    assert(
      [`${flagOf(name)},`, `${usage} `, `${usage}\n`].some((flag) =>
        text.includes(`\n  --${flag}`)
      ),
      `--${usage} runs into its explanation, or is missing`,
    );
    assert.match(text, new RegExp(`[\\[ \\n]${variableOf(name)}[\\]=,]`));
  }
  assert.match(text, /\[POOL_SIZE=4\]/);
  assert.match(text, /\[ACCESS_LOG=off\]/);
  assert.match(text, /max\(16, POOL_SIZE\)/);
});

Deno.test("the help fits a terminal of 80 columns and has no trailing spaces", () => {
  for (const line of helpText().split("\n")) {
    assert(line.length <= 80, line);
    assert.equal(line, line.trimEnd());
  }
});

Deno.test("the version is the one in deno.json", async () => {
  const path = new URL("../../deno.json", import.meta.url);
  const { version } = JSON.parse(await Deno.readTextFile(path));
  assert.equal(VERSION, version);
  assert(versionText().startsWith(`prefork-pool ${version} `));
});
