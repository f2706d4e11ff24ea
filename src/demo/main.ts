/**
 * Runs the demo application as a worker.
 *
 * ```sh
 * PORT=8081 WORKER_ID=0 deno run --allow-net --allow-env src/demo/main.ts
 * ```
 *
 * Settings: PORT (default 8000), HOST (default 127.0.0.1), WORKER_ID (default
 * 0). Says nothing unless something fails. On SIGTERM it stops accepting, lets
 * requests end, and exits with 0.
 *
 * @module
 */

import { createDemo } from "./application.ts";

const port = Number(Deno.env.get("PORT") ?? 8000);
const hostname = Deno.env.get("HOST") ?? "127.0.0.1";
const workerId = Deno.env.get("WORKER_ID");

const stop = new AbortController();
// Before listening: the pool may ask us to end from the first response on.
Deno.addSignalListener("SIGTERM", () => stop.abort());
Deno.addSignalListener("SIGINT", () => {
  // Ctrl-C reaches every process at the terminal. In a pool it is for the
  // balancer, which sends SIGTERM once our requests have ended.
  if (workerId === undefined) stop.abort();
});

const application = createDemo({
  workerId: workerId ?? "0",
  port,
  stopping: stop.signal,
});

const server = Deno.serve(
  { port, hostname, onListen: () => {} },
  (request) => application.fetch(request),
);

stop.signal.addEventListener("abort", async () => {
  await server.shutdown();
  // The signal listeners would keep the process alive.
  Deno.exit(0);
});
