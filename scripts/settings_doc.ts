/**
 * Writes `docs/settings.md` from the table of settings: `deno task
 * docs:settings`. A test holds the file to what this makes.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import {
  flagsOf,
  SETTING_GROUPS,
  type SettingName,
  settingOf,
  variableOf,
} from "../src/config/settings.ts";
import type { Setting } from "../src/config/settings/setting.ts";

/** Where the document is. */
export const SETTINGS_DOCUMENT: string = fileURLToPath(
  new URL("../docs/settings.md", import.meta.url),
);

const HEAD = `\
<!-- deno-fmt-ignore-file -->
<!-- Made by "deno task docs:settings" from src/config/settings/. -->

# Settings

Every setting is an environment variable, the same with \`PREFORK_\` in front,
which wins over it and does not reach the workers, and a flag, which wins over
both; \`ENV_FILE\` has what none of them says. An empty variable counts as unset.
\`--check\` tells whether yours are usable, with all problems at once. A program
that embeds a pool (\`startPool\`) writes them in camel case: \`poolSize\`;
there the default of \`transport\` is \`deno\`.

A quantity's unit is in its name: \`_MS\` milliseconds, \`_S\` seconds, \`_MB\`
megabytes, \`_BYTES\` bytes. **R**: a reload takes it, from \`ENV_FILE\`. **C**: the
command line's alone, no option of \`startPool\`. **S**: a secret, which is never
shown. **A**: names of many an application, whose values are left to it where
they are none of ours.
`;

/** The text of the document. */
export function settingsDocument(): string {
  const groups = Object.entries(SETTING_GROUPS).map(([title, settings]) => {
    const rows = Object.keys(settings).map((name) => row(name as SettingName));
    return [
      `## ${title}`,
      "",
      "| variable, flag | default | meaning | allowed | |",
      "| --- | --- | --- | --- | --- |",
      ...rows,
      "",
    ].join("\n");
  });
  return `${HEAD}\n${groups.join("\n")}`;
}

function row(name: SettingName): string {
  const setting = settingOf(name);
  const flags = flagsOf(name).map((flag) => `\`--${flag}\``).join(", ");
  const cells = [
    `\`${variableOf(name)}\`<br>${flags}`,
    defaultText(setting),
    setting.help,
    setting.kind.allowed,
    marks(setting),
  ];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function defaultText({ default: value, derived }: Setting<unknown>): string {
  if (derived !== undefined) return `\`${derived}\``;
  if (value === null || (Array.isArray(value) && value.length === 0)) {
    return "none";
  }
  if (typeof value === "boolean") return value ? "`on`" : "`off`";
  return `\`${value}\``;
}

function marks(setting: Setting<unknown>): string {
  return [
    setting.reloadable === true ? "R" : "",
    setting.embeddable === false ? "C" : "",
    setting.secret === true ? "S" : "",
    setting.generic === true ? "A" : "",
  ].join("");
}

if (import.meta.main) {
  await Deno.writeTextFile(SETTINGS_DOCUMENT, settingsDocument());
}
