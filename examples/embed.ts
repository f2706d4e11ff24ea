/**
 * A pool inside a program of your own: started, watched, asked, stopped.
 *
 * ```sh
 * deno run --allow-net --allow-run --allow-env examples/embed.ts
 * ```
 */

import { startPool } from "../mod.ts";

const pool = await startPool({ port: 0, host: "127.0.0.1", poolSize: 2 });

const unsubscribe = pool.events.subscribe((event) => {
  if (event.type === "worker-exited" || event.type === "worker-ready") {
    console.log(`worker ${event.workerId}: ${event.type}`);
  }
});

const response = await fetch(new URL("/api/health", pool.url));
console.log(response.status, await response.text());

const { totalRequests, workers } = pool.metrics();
console.log(`${totalRequests} requests on ${workers.length} workers`);

await pool.stop();
unsubscribe();
