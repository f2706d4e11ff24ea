/**
 * The commands of the dashboard, and how a person sees what comes of them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { startPoolWithPages } from "../support/admin_pages.ts";
import { violationsOf } from "../support/axe.ts";
import { BROWSER_PROGRAM, BrowserPage } from "../support/browser.ts";
import { demoWhileOpen, GateFile } from "../support/fixture.ts";
import { ignoreWithout } from "../support/programs.ts";

Deno.test({
  name:
    `from the dashboard, the pool is scaled and reloaded (needs ${BROWSER_PROGRAM})`,
  ignore: ignoreWithout(BROWSER_PROGRAM),
  async fn(t): Promise<void> {
    using gate = new GateFile();
    gate.open();
    await using pages = await startPoolWithPages("ADMIN_PORT", {
      env: { POOL_SIZE: "2", MAX_WORKERS: "3", POOL_NAME: "shop" },
      command: demoWhileOpen(gate.path),
    });
    await using browser = await BrowserPage.open(`${pages.url}/_dashboard`, {
      colorScheme: "dark",
    });
    const { page } = browser;
    const verdict = page.locator("#verdict");
    const reload = page.getByRole("button", { name: "Reload", exact: true });
    const panel = page.getByRole("region", { name: "Reload" });

    await t.step("one worker more, as far as the bounds allow", async () => {
      const more = page.getByRole("button", { name: "One worker more" });
      await more.click();
      await verdict.getByText("3 workers wanted, 2 before.").waitFor();
      await page.getByRole("button", { name: "Worker 2 ready" }).waitFor();
      await page.getByText("2 → 3 workers: somebody asked for it.").first()
        .waitFor();
      await page.locator('#more[aria-disabled="true"]').waitFor();
    });
    await t.step("good code takes over, by the keyboard", async () => {
      await reload.focus();
      await page.keyboard.press("Enter");
      await verdict.getByText(/^Generation 2 serves, after/).waitFor();
      await panel.getByText(/^Reloaded at .*: generation 2 serves/).waitFor();
      await page.locator(".generation", { hasText: "gen 2" }).nth(2).waitFor();
    });
    await t.step(
      "bad code is taken back, with a verdict for each worker",
      async () => {
        gate.close();
        await reload.click();
        await verdict.getByText("Reload failed; generation 2 serves on.")
          .waitFor();
        await panel.getByText(
          /^Reload failed at .*, generation 2 serves on: worker/,
        )
          .waitFor();
        assert.equal(await panel.getByRole("listitem").count(), 3);
        await panel.locator('[data-step="failed"]').first().waitFor();
        await page.locator("#headline-text").getByText(
          "The last reload failed; generation 2 serves on",
        )
          .waitFor();
      },
    );
    await t.step("in a way that everybody can use", async () => {
      assert.deepEqual(await violationsOf(page), []);
    });
    await t.step("and without errors but that of the reload", () => {
      assert.deepEqual(
        browser.errors.filter((error) => !error.includes("409")),
        [],
      );
    });
  },
});
