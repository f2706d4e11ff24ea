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
  /** Size of what is seen, in pixels. @default {1280 by 720} */
  readonly viewport?: { readonly width: number; readonly height: number };
  /** Requests to paths that begin so are answered 403, as by a proxy in front. @default {none} */
  readonly denied?: string;
  /** What goes with every request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A page in a browser of its own, and what went wrong in it. */
export class BrowserPage implements AsyncDisposable {
  readonly page: Page;
  /** Errors of scripts, of the console, and of requests, in order. */
  readonly errors: readonly string[];
  /** Where requests went: schemes, hosts and ports. */
  readonly origins: ReadonlySet<string>;
  readonly #browser: Browser;

  private constructor(browser: Browser, page: Page, errors: string[]) {
    this.#browser = browser;
    this.page = page;
    this.errors = errors;
    const origins = this.origins = new Set<string>();
    page.on("request", (request) => origins.add(new URL(request.url()).origin));
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
      ...options.viewport && { viewport: { ...options.viewport } },
    });
    const { denied } = options;
    if (denied !== undefined) {
      await page.route(
        ({ pathname }) => pathname.startsWith(denied),
        (route) => route.fulfill({ status: 403, body: "403 Forbidden\n" }),
      );
    }
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
