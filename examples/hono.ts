/**
 * Hono on Deno: an application without a word about ports or processes.
 *
 * ```sh
 * ./tools/prefork-pool.ts -- deno serve --port {port} --host {host} examples/hono.ts
 * curl localhost:8080/
 * curl localhost:8080/greet/Ada
 * ```
 *
 * `deno serve` drops what is in flight when it is asked to end; the pool asks
 * it only once nothing is.
 */

import { Hono } from "hono";

const app = new Hono();

app.get("/", (c) => c.text(`pid ${Deno.pid}\n`));
app.get("/greet/:name", (c) => c.json({ hello: c.req.param("name") }));
// HEALTH_PATH: what the pool asks every two seconds. Whoever answers is healthy.
app.get("/api/health", (c) => c.text("ok"));

export default app;
