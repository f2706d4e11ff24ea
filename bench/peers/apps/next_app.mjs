/**
 * The shop of `next/` as Next.js renders it on the server, by the means that
 * Next documents for a server of one's own: what `next start` serves, and all
 * peers can run it. `/?products=N` is a page of N products, `/` the page of
 * one. It has to be built before; see `bench/support/next_build.ts`.
 */

import { createServer } from "node:http";
import { createRequire } from "node:module";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { threadId } from "node:worker_threads";

// Not imported: Deno checks this file too, and knows only packages of deno.json.
const next = createRequire(import.meta.url)("next");

const app = next({
  dev: false,
  dir: fileURLToPath(new URL("next", import.meta.url)),
});
const handle = app.getRequestHandler();
await app.prepare();

createServer((request, response) => {
  response.setHeader("X-Worker", `${process.pid}-${threadId}`);
  handle(request, response);
}).listen(Number(process.env.PORT ?? 0), "127.0.0.1");
