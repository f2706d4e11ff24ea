/** The reference of settings is what the table of settings says. */

import assert from "node:assert/strict";
import {
  SETTINGS_DOCUMENT,
  settingsDocument,
} from "../../scripts/settings_doc.ts";

Deno.test("docs/settings.md is made from the table of settings, as it is now", async () => {
  assert.equal(
    await Deno.readTextFile(SETTINGS_DOCUMENT),
    settingsDocument(),
    'Run "deno task docs:settings"',
  );
});
