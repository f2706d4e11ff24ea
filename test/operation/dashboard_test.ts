/**
 * The dashboard as a person sees it: what is shown, to whom, on which screen.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Locator, Page } from "playwright-core";
import type { MetricsHistory } from "../../src/metrics/history.ts";
import { startPoolWithPages } from "../support/admin_pages.ts";
import { violationsOf } from "../support/axe.ts";
import { BROWSER_PROGRAM, BrowserPage } from "../support/browser.ts";
import { eventually } from "../support/deadline.ts";
import { DEMO } from "../support/fixture.ts";
import { ignoreWithout } from "../support/programs.ts";
import { UNJUDGED } from "../support/pool_process.ts";
import { RawClient } from "../support/raw_client.ts";
import { get, getRequest } from "../support/requests.ts";

const ignore = ignoreWithout(BROWSER_PROGRAM);

/** An output that would run a script if it were put into the page as it is. */
const MARKUP = "<img src=x onerror=alert(1)>";

Deno.test({
  name:
    `the dashboard shows what was and what happens (needs ${BROWSER_PROGRAM})`,
  ignore,
  async fn(t): Promise<void> {
    await using pages = await startPoolWithPages("PORT", {
      env: { POOL_SIZE: "2", ...UNJUDGED },
      command: ["sh", "-c", 'echo "$0"; exec "$@"', MARKUP, ...DEMO],
    });
    const { pool } = pages;
    for (let i = 0; i < 7; i++) await get(pool.port, "/");
    await historyHas(pages.url, 7);
    await using browser = await BrowserPage.open(`${pages.url}/_dashboard`);
    const { page } = browser;
    const status = page.locator("#connection");
    const headline = page.locator("#headline-text");
    const events = page.getByRole("region", { name: "What happened" });

    await t.step(
      "the pool in a sentence, its figures, its workers",
      async () => {
        await status.getByText("Live").waitFor();
        await headline.getByText("All 2 workers are ready").waitFor();
        assert.equal(await page.locator("#figure-requests").textContent(), "7");
        assert.deepEqual(
          await page.getByRole("button", { name: /^Worker \d ready$/ }).count(),
          2,
        );
        await page.getByText("2 workers, between 2 and 16").waitFor();
      },
    );
    await t.step(
      "four charts apart, with what was before it was opened",
      async () => {
        await assertChartsApart(page);
        await page.getByRole("img", {
          name: /^Requests per second over time: answered .* now, (?!0 |–)/,
        }).waitFor();
      },
    );
    await t.step("the charts by key, sample by sample", async () => {
      await page.getByRole("group", { name: /^Charts/ }).focus();
      await page.keyboard.press("Home");
      await page.locator("#moment").getByText(/^at \d\d:\d\d:\d\d$/).waitFor();
    });
    await t.step(
      "a worker that is killed, its successor, and a suspect",
      async () => {
        await using client = await RawClient.connect({ port: pool.port });
        await client.send(getRequest("/slow?ms=60000"));
        const tile = page.locator(".tile", { hasText: "1 in flight" });
        const pid = Number(/pid (\d+)/.exec(await tile.innerText())?.[1]);
        const [, name = ""] = /(Worker \d)/.exec(await tile.innerText()) ?? [];
        assert.ok(pool.workerPids.includes(pid));
        Deno.kill(pid, "SIGKILL");
        await events.getByText("ended by SIGKILL").first().waitFor();
        const { pid: successor } = await pool.waitForEvent("worker-ready", {
          where: ({ replaces }) => replaces?.reason === "exit",
        });
        const successors = tileOf(page, name).getByText(`pid ${successor},`);
        await successors.waitFor();
        assert.match(await tileOf(page, name).innerText(), /Restarts\s+1/);
        await page.getByRole("region", { name: /ended a worker/ })
          .getByText("GET /slow?ms=60000").waitFor();
      },
    );
    await t.step(
      "what workers write, as text, and of whom one wants",
      async () => {
        const output = page.getByRole("region", { name: "Application output" });
        await output.getByText(MARKUP).first().waitFor();
        assert.equal(await page.locator("img").count(), 0);
        await page.getByRole("button", { name: "Worker 1" }).click();
        await output.locator("b", { hasText: "0" }).first()
          .waitFor({ state: "hidden" });
        await output.locator("b", { hasText: "1" }).first().waitFor();
        assert.equal(await page.locator("#output-of").inputValue(), "1");
      },
    );
    await t.step("in a way that everybody can use", async () => {
      assert.deepEqual(await violationsOf(page), []);
    });
    await t.step("without errors, and with nothing from elsewhere", () => {
      assert.deepEqual(browser.errors, []);
      assert.deepEqual([...browser.origins], [pages.url]);
    });
    await t.step("and says so when the pool is gone", async () => {
      await pool.kill();
      await status.getByText("No response from the pool").waitFor();
      await headline.getByText("No response from the pool since").waitFor();
    });
  },
});

Deno.test({
  name:
    `on a phone, the dashboard shows a flood, and no commands to whom they are kept from (needs ${BROWSER_PROGRAM})`,
  ignore,
  async fn(t): Promise<void> {
    await using pages = await startPoolWithPages("PORT", {
      env: {
        POOL_SIZE: "1",
        MAX_WORKERS: "1",
        WORKER_CONCURRENCY: "2",
        // Nobody waits for what the worker still works at.
        STOP_TIMEOUT_MS: "200",
      },
    });
    // deno-lint-ignore no-undef -- newer than the linter's list of globals.
    await using clients = new AsyncDisposableStack();
    await using browser = await BrowserPage.open(`${pages.url}/_dashboard`, {
      colorScheme: "dark",
      viewport: { width: 360, height: 740 },
      denied: "/_admin/",
    });
    const { page } = browser;
    await t.step("who waits, and for what", async () => {
      for (let i = 0; i < 30; i++) {
        const client = await RawClient.connect({ port: pages.pool.port });
        clients.use(client);
        await client.send(getRequest("/slow?ms=60000"));
      }
      await page.locator("#headline-text")
        .getByText("28 requests wait for one of 1 worker").waitFor();
      await page.getByRole("img", { name: /waiting 28 now/ }).waitFor();
      await page.locator(".tile").getByText("2 in flight").waitFor();
    });
    await t.step("all of it within the width of the screen", async () => {
      const { width, height } = await sizeOf(page);
      assert.equal(width, 360);
      assert.ok(height < 4000, `${height} px are to be scrolled`);
    });
    await t.step("without what the caller may not do", async () => {
      assert.equal(
        await page.getByRole("button", { name: "Reload" }).count(),
        0,
      );
    });
    await t.step("in a way that everybody can use", async () => {
      assert.deepEqual(await violationsOf(page), []);
    });
  },
});

/** The tile with this heading. */
function tileOf(page: Page, name: string): Locator {
  return page.locator(".tile", { hasText: name });
}

/** Waits until the pool has kept so many requests. */
async function historyHas(url: string, requests: number): Promise<void> {
  await eventually(async () => {
    const response = await fetch(`${url}/_metrics/history`);
    const { requestsPerSecond }: MetricsHistory = await response.json();
    const sum = requestsPerSecond.reduce((a, b) => a + b, 0);
    // A second takes a little longer than a second.
    assert.ok(sum > requests / 2, `${sum} requests`);
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

/** How large the page is, with what is to be scrolled. */
async function sizeOf(
  page: Page,
): Promise<{ readonly width: number; readonly height: number }> {
  return await page.evaluate(
    "({ width: document.documentElement.scrollWidth, " +
      "height: document.documentElement.scrollHeight })",
  );
}
