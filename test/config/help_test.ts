import assert from "node:assert/strict";
import { helpText, shortHelpText, versionText } from "../../src/config/help.ts";
import {
  flagOf,
  SETTING_NAMES,
  SETTINGS,
  variableOf,
} from "../../src/config/settings.ts";
import { SUBCOMMAND_HELP } from "../../src/cli/subcommands.ts";
import { loadConfig } from "../../src/config/load_config.ts";
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

Deno.test("the short help fits a screen of 24 lines, with the prompt below it, and has twelve settings", () => {
  const lines = shortHelpText(SUBCOMMAND_HELP).trimEnd().split("\n");
  assert(lines.length <= 23, `${lines.length} lines`);
  for (const line of lines) {
    assert(line.length <= 80, line);
    assert.equal(line, line.trimEnd());
  }
  const flags = lines.filter((line) => line.startsWith("  --"));
  assert.equal(flags.length, 12);
  // Each flag is told apart from what it does.
  for (const line of flags) assert.match(line, /^ +--[a-z-]+ \S+ +\S/);
  const text = lines.join("\n");
  assert.match(text, /--help all/);
  for (const { name, brief } of SUBCOMMAND_HELP) {
    if (brief === undefined) continue;
    assert.match(text, new RegExp(`  ${name} +${brief}(\n| )`));
  }
});

Deno.test("--help asks for the short help, with all for the long one", () => {
  const ask = (...args: string[]): unknown =>
    loadConfig({ args, env: new Map() });
  for (const args of [["--help"], ["-h"], ["--nonsense", "-h"]]) {
    assert.deepEqual(ask(...args), { action: "help", all: false });
  }
  for (const args of [["--help", "all"], ["--help=all"], ["-h", "all"]]) {
    assert.deepEqual(ask(...args), { action: "help", all: true });
  }
});

Deno.test("the version is told with those of Deno and its parts", () => {
  assert.match(versionText(), /^prefork-pool \d+\.\d+\.\d+ \(deno \d.*\)\n$/);
  assert(versionText().startsWith(`prefork-pool ${VERSION} `));
});
