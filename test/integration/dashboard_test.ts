/**
 * The dashboard as a person sees it.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { startPoolWithPages } from "../support/admin_pages.ts";
import { BROWSER_PROGRAM, BrowserPage } from "../support/browser.ts";
import { DEMO } from "../support/fixture.ts";
import { ignoreWithout } from "../support/programs.ts";
import { UNJUDGED } from "../support/pool_process.ts";
import { get } from "../support/requests.ts";

const ignore = ignoreWithout(BROWSER_PROGRAM);

/** An output that would run a script if it were put into the page as it is. */
const MARKUP = "<img src=x onerror=alert(1)>";

for (
  const { place, colorScheme } of [
    { place: "PORT", colorScheme: "light" },
    { place: "ADMIN_PORT", colorScheme: "dark" },
  ] as const
) {
  Deno.test({
    name:
      `on ${place} in ${colorScheme} colours, the dashboard (needs ${BROWSER_PROGRAM})`,
    ignore,
    async fn(t): Promise<void> {
      await using pages = await startPoolWithPages(place, {
        env: { POOL_SIZE: "2", ...UNJUDGED },
        command: ["sh", "-c", 'echo "$0"; exec "$@"', MARKUP, ...DEMO],
      });
      const { pool } = pages;
      for (let i = 0; i < 7; i++) await get(pool.port, "/");
      const url = `${pages.url}/_dashboard`;
      await using browser = await BrowserPage.open(url, { colorScheme });
      const { page } = browser;
      const status = page.getByRole("status");
      const events = page.locator("#event-rows");

      await t.step("shows workers and figures", async () => {
        await status.getByText("Live").waitFor();
        assert.equal(await page.locator("#state").textContent(), "serving");
        assert.equal(await page.locator("#total").textContent(), "7");
        assert.equal(await page.locator("#worker-rows tr").count(), 2);
      });
      await t.step("draws its charts beside each other", async () => {
        await assertChartsApart(page);
      });
      await t.step("shows what has happened and what happens", async () => {
        await events.getByText("worker-ready").first().waitFor();
        Deno.kill(pool.workerPids[0]!, "SIGKILL");
        await events.getByText("worker-exited").waitFor();
        const { pid } = await pool.waitForEvent("worker-ready", {
          where: ({ replaces }) => replaces?.reason === "exit",
        });
        await page.locator("#worker-rows").getByText(`${pid}`).waitFor();
      });
      await t.step("shows what workers write as text", async () => {
        await events.getByText(MARKUP).first().waitFor();
        assert.equal(await page.locator("img").count(), 0);
      });
      await t.step("can be read by everyone", () => assertReadable(page));
      await t.step("has had no errors so far", () => {
        assert.deepEqual(browser.errors, []);
      });
      await t.step("says so when the pool is gone", async () => {
        await pool.kill();
        await status.getByText("No answer from the pool").waitFor();
      });
    },
  });
}

/** Four charts, each where no other one is. */
async function assertChartsApart(page: Page): Promise<void> {
  const charts = await page.locator("#charts .uplot").all();
  assert.equal(charts.length, 4);
  const boxes = await Promise.all(charts.map((chart) => chart.boundingBox()));
  for (const [index, a] of boxes.entries()) {
    assert(a !== null && a.width > 100 && a.height > 100);
    for (const b of boxes.slice(index + 1)) {
      assert(b !== null);
      const apart = a.x + a.width <= b.x || b.x + b.width <= a.x ||
        a.y + a.height <= b.y || b.y + b.height <= a.y;
      assert(apart, `${JSON.stringify(a)} and ${JSON.stringify(b)}`);
    }
  }
}

/** Names for those who do not see, and contrast for those who do not see well. */
async function assertReadable(page: Page): Promise<void> {
  assert.equal(await page.locator("html").getAttribute("lang"), "en");
  for (const name of ["Workers", "Scaling decisions", "Last events"]) {
    const table = page.getByRole("table", { name });
    assert.ok(await table.getByRole("columnheader").count() > 3, name);
  }
  assert.equal(await page.getByRole("img").count(), 4);
  for (const selector of ["body", "dt", "#state", "caption", "#connection"]) {
    const ratio = await contrastOf(page, selector);
    assert.ok(ratio >= 4.5, `${selector}: ${ratio}`);
  }
}

/** The ratio of contrast between a text and what is behind it (WCAG 2.2 §1.4.3 wants 4.5). */
async function contrastOf(page: Page, selector: string): Promise<number> {
  const [text, ground] = await page.locator(selector).first().evaluate(
    (element) => {
      // Runs in the browser, of whose globals nothing is known here.
      const { getComputedStyle } = globalThis as unknown as {
        getComputedStyle(element: unknown): Record<string, string>;
      };
      let behind = element as unknown as { parentElement: typeof behind };
      while (
        behind.parentElement !== null &&
        getComputedStyle(behind)["backgroundColor"] === "rgba(0, 0, 0, 0)"
      ) behind = behind.parentElement;
      return [
        getComputedStyle(element)["color"]!,
        getComputedStyle(behind)["backgroundColor"]!,
      ];
    },
  );
  const [darker = 0, lighter = 0] = [luminance(text!), luminance(ground!)]
    .sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

/** Relative luminance of a colour such as `rgb(1, 2, 3)`. */
function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = (color.match(/[\d.]+/g) ?? [])
    .map((channel) => {
      const ratio = Number(channel) / 255;
      return ratio <= 0.040_45
        ? ratio / 12.92
        : ((ratio + 0.055) / 1.055) ** 2.4;
    });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
