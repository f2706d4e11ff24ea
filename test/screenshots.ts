/**
 * Makes the pictures of the dashboard and of `top`: `deno task screenshots`.
 *
 * A real pool under a real load, in whose few minutes happens what a picture
 * is to show: a worker is killed, new code comes, the load doubles, and then
 * code comes that is bad.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { BrowserPage, type OpenPageOptions } from "./support/browser.ts";
import { type PoolProcess, startPool } from "./support/pool_process.ts";
import { hasProgram } from "./support/programs.ts";
import { Terminal } from "./support/terminal.ts";
import { terminalPage } from "./support/terminal_picture.ts";

const IMAGES = fileURLToPath(new URL("../docs/images/", import.meta.url));

/** How long the load is watched before the first picture, in seconds; with an argument, so long. */
const SECONDS = Number(Deno.args[0] ?? 240);

const SCREENS = {
  light: { viewport: { width: 1440, height: 1250 } },
  dark: { viewport: { width: 1440, height: 1250 }, colorScheme: "dark" },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: "dark" },
} as const satisfies Readonly<Record<string, OpenPageOptions>>;

const TERMINAL = { rows: 24, columns: 112 };

/** How long `top` is watched before its picture: its charts begin when it does. */
const TOP_SECONDS = 60;

/** Begins a frame of `top`. */
const HOME = "\x1b[H";

/** Makes the picture smaller by using 256 colours, where it is installed. */
const QUANTISER = "pngquant";

/** A shop: quick pages, some slow ones, a line of output now and then. */
const APPLICATION = `
const release = Deno.readTextFileSync(new URL("./release", import.meta.url));
const { PORT, WORKER_ID } = Deno.env.toObject();
const broken = release === "1.5.0" && WORKER_ID === "2";
console.log("shop " + release + " listens on port " + PORT);
let requests = 0;
Deno.serve({ port: Number(PORT), hostname: "127.0.0.1", onListen() {} }, async (request) => {
  const { pathname } = new URL(request.url);
  if (pathname === "/checkout/gift-card") Deno.exit(70);
  const ms = 2 + Math.random() ** 6 * 40;
  await new Promise((resolve) => setTimeout(resolve, ms));
  if (broken && pathname.startsWith("/items")) {
    console.error("TypeError: Cannot read properties of undefined (reading 'price')");
    return new Response("500 Internal Server Error", { status: 500 });
  }
  if (++requests % 61 === 0) console.log("GET " + pathname + " 200 " + ms.toFixed(1) + " ms");
  if (requests % 499 === 0) console.error("warning: cache miss for " + pathname);
  return new Response("Worker " + WORKER_ID);
});
`;

/** Sends so many requests a second as `rate` says, until it is stopped. */
class Load implements AsyncDisposable {
  rate: (second: number) => number;
  readonly #url: string;
  readonly #running: Promise<void>;
  #stopped = false;

  constructor(url: string, rate: (second: number) => number) {
    this.rate = rate;
    this.#url = url;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    const begin = performance.now();
    const asked: Promise<void>[] = [];
    while (!this.#stopped) {
      const rate = this.rate((performance.now() - begin) / 1000);
      for (let i = 0; i < rate / 20; i++) asked.push(this.#ask(i));
      await seconds(0.05);
    }
    await Promise.all(asked);
  }

  async #ask(item: number): Promise<void> {
    try {
      await (await fetch(`${this.#url}/items/${item}`)).body?.cancel();
    } catch {
      // The pool has been stopped.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }
}

/** The load of a shop: it comes and goes. */
function wave(second: number): number {
  return 95 + 30 * Math.sin(second / 21) + 12 * Math.sin(second / 6);
}

async function main(): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/shop.ts`, APPLICATION);
    await Deno.writeTextFile(`${directory}/release`, "1.4.1");
    await using pool = await startShop(directory);
    await using load = new Load(pool.url, wave);
    await live(pool, directory, load);
    await pictureTop(pool);
    for (const name of ["light", "dark", "phone"] as const) {
      await using browser = await open(pool, SCREENS[name]);
      await picture(browser.page, `dashboard-${name}`);
    }
    await Deno.writeTextFile(`${directory}/release`, "1.5.0");
    await using browser = await open(pool, SCREENS.light);
    await browser.page.getByRole("button", { name: "Reload" }).click();
    await browser.page.locator("#verdict").getByText("Reload failed").waitFor();
    await seconds(2);
    await picture(browser.page, "dashboard-failed-reload");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function startShop(directory: string): Promise<PoolProcess> {
  return await startPool({
    permissions: ["-A"],
    env: {
      POOL_NAME: "shop",
      POOL_SIZE: "4",
      MAX_WORKERS: "5",
      SCALE_UP_RATE: "40",
      SCALE_INTERVAL_MS: "5000",
    },
    command: [Deno.execPath(), "run", "-A", `${directory}/shop.ts`],
  });
}

/** What happens before the pictures. */
async function live(
  pool: PoolProcess,
  directory: string,
  load: Load,
): Promise<void> {
  await seconds(SECONDS * 0.25);
  await (await fetch(`${pool.url}/checkout/gift-card`)).body?.cancel();
  await seconds(SECONDS * 0.25);
  await Deno.writeTextFile(`${directory}/release`, "1.4.2");
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(`${pool.url}/_admin/reload`, {
    method: "POST",
    headers,
  });
  await response.body?.cancel();
  await seconds(SECONDS * 0.15);
  load.rate = (second) => wave(second) * 2;
  await seconds(SECONDS * 0.35);
}

async function open(
  pool: PoolProcess,
  options: OpenPageOptions,
): Promise<BrowserPage> {
  const browser = await BrowserPage.open(`${pool.url}/_dashboard`, options);
  await browser.page.locator("#connection").getByText("Live").waitFor();
  // So that figures which are differences are there.
  await seconds(2.5);
  return browser;
}

/** Has `top` run for a while, and shows its last frame. */
async function pictureTop(pool: PoolProcess): Promise<void> {
  await using terminal = await Terminal.run([
    ...[Deno.execPath(), "run", "-A", "tools/prefork-pool.ts", "top"],
    ...["--admin", pool.url],
  ], TERMINAL);
  await terminal.readUntil(HOME);
  const end = performance.now() + Math.min(SECONDS, TOP_SECONDS) * 1000;
  let frame = "";
  while (performance.now() < end) frame = await terminal.readUntil(HOME);
  const html = encodeURIComponent(terminalPage(frame));
  await using browser = await BrowserPage.open(`data:text/html,${html}`);
  await picture(browser.page.locator("pre"), "top");
}

async function picture(
  shown: { screenshot(options: { path: string }): Promise<unknown> },
  name: string,
): Promise<void> {
  const path = `${IMAGES}${name}.png`;
  await shown.screenshot({ path });
  if (hasProgram(QUANTISER)) {
    const { success } = await new Deno.Command(QUANTISER, {
      args: ["--force", "--skip-if-larger", "--output", path, path],
    }).output();
    if (!success) console.warn(`Cannot make ${path} smaller`);
  }
  const { size } = await Deno.stat(path);
  console.log(`${path}: ${Math.round(size / 1024)} KiB`);
}

function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * 1000));
}

if (import.meta.main) {
  await Deno.mkdir(IMAGES, { recursive: true });
  await main();
}
