/**
 * A real browser, for the pages that people look at: Debian's chromium, driven
 * by playwright-core.
 *
 * @module
 */

import { type Browser, chromium, type Page } from "playwright-core";
import { delimiter, join } from "node:path";
import { DEFAULT_DEADLINE_MS } from "./deadline.ts";
import { descendantsOf, waitUntilGone } from "./processes.ts";

/** The program that is driven. */
export const BROWSER_PROGRAM = "chromium";

/** A cold start, on a machine that runs other tests too. */
const LAUNCH_DEADLINE_MS = 120_000;

/** How the page is to be shown. */
export interface OpenPageOptions {
  /** @default {"light"} */
  readonly colorScheme?: "light" | "dark";
  /** What goes with every request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A page in a browser of its own, and what went wrong in it. */
export class BrowserPage implements AsyncDisposable {
  readonly page: Page;
  /** Errors of scripts, of the console, and of requests, in order. */
  readonly errors: readonly string[];
  readonly #browser: Browser;

  private constructor(browser: Browser, page: Page, errors: string[]) {
    this.#browser = browser;
    this.page = page;
    this.errors = errors;
    page.on("pageerror", (error) => errors.push(`${error}`));
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    page.on("response", (response) => {
      if (response.status() >= 400) {
        errors.push(`${response.status()} ${response.url()}`);
      }
    });
  }

  /** Starts a browser and opens a page. */
  static async open(
    url: string,
    options: OpenPageOptions = {},
  ): Promise<BrowserPage> {
    const browser = await chromium.launch({
      executablePath: pathOf(BROWSER_PROGRAM),
      timeout: LAUNCH_DEADLINE_MS,
      // The build runs as root, for whom chromium has no sandbox; and a
      // container's shared memory is small.
      args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
    });
    const page = await browser.newPage({
      colorScheme: options.colorScheme ?? "light",
      extraHTTPHeaders: { ...options.headers },
    });
    page.setDefaultTimeout(DEFAULT_DEADLINE_MS);
    const opened = new BrowserPage(browser, page, []);
    await page.goto(url);
    return opened;
  }

  /** Ends the browser, and resolves when none of its processes runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    const pids = await descendantsOf(Deno.pid, BROWSER_PROGRAM);
    await this.#browser.close();
    await waitUntilGone(pids);
  }
}

function pathOf(program: string): string {
  const directories = (Deno.env.get("PATH") ?? "").split(delimiter);
  for (const directory of directories) {
    const path = join(directory, program);
    try {
      if (Deno.statSync(path).isFile) return path;
    } catch {
      // Not in this directory.
    }
  }
  throw new Error(`Cannot find ${program} on the PATH`);
}
