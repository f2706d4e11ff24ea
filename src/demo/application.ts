/**
 * The demo application that a pool runs when it is given no other: one route
 * for each thing one may want to see a pool do.
 *
 * Reads no environment and opens no port; knows nothing of the pool.
 *
 * @module
 */

import { type Context, Hono } from "npm:hono@^4.13.19";
import { HTTPException } from "npm:hono@^4.13.19/http-exception";
import { renderHtml, renderText } from "./page.ts";
import { countBytes, eventStream, zeroStream } from "./streams.ts";

/** Longest `/slow`: as long as the pool waits for a response by default. */
const MAX_SLOW_MS = 60_000;

/** Longest `/burn`: nothing else gets a response meanwhile, health probes included. */
const MAX_BURN_MS = 10_000;

/** Largest `/bytes`: enough to show that memory stays constant. */
const MAX_BYTES = 16 * 1024 ** 3;

/** Largest body that `/echo` holds in memory. */
const MAX_ECHO_BYTES = 1024 ** 2;

/** Quickest and slowest pace of `/events`. */
const MIN_EVENT_MS = 10;
const MAX_EVENT_MS = 60_000;

/** Who the application is and when it is to stop. */
export interface DemoOptions {
  /** Slot of the worker. @default {"0"} */
  readonly workerId?: string;
  /** Port it is reached at, for display. @default {0} */
  readonly port?: number;
  /** Aborted when endless responses (`/events`) are to end. @default {never} */
  readonly stopping?: AbortSignal;
}

/** A query parameter that is a whole number. */
interface IntegerParameter {
  readonly name: string;
  readonly min?: number;
  readonly max: number;
  /** Taken when the parameter is missing. */
  readonly fallback: number;
}

/**
 * Creates the demo application.
 *
 * - `GET /` says which worker has responded: HTML for browsers, else plain text
 * - `GET /api/health` the same as JSON
 * - `/echo` the request as JSON, whatever its method: `method`, `path`,
 *   `query`, `headers`, `body` (as UTF-8 text) and its `bytes`; up to 1 MiB
 * - `GET /slow?ms=` responds after so long, at most a minute
 * - `GET /burn?ms=` keeps the CPU busy for so long, at most ten seconds
 * - `GET /bytes?n=` streams so many zero bytes, at most 16 GiB
 * - `POST /upload` counts the bytes of its body
 * - `GET /events?ms=` server-sent events, one each `ms`, without end
 * - `GET /ws` a WebSocket that echoes
 *
 * Bad parameters get 400 with what is allowed.
 *
 * @example
 * ```ts
 * import { createDemo } from "./application.ts";
 * import assert from "node:assert/strict";
 *
 * const response = await createDemo({ workerId: "3" }).request("/");
 * assert.match(await response.text(), /worker 3/);
 * ```
 */
export function createDemo(options: DemoOptions = {}): Hono {
  const { workerId = "0", port = 0 } = options;
  const stopping = options.stopping ?? new AbortController().signal;
  const startedAtMs = performance.now();
  let requests = 0;

  const app = new Hono();

  app.get("/api/health", (c) =>
    c.json({
      status: "ok",
      workerId,
      pid: Deno.pid,
      port,
      requests,
      uptimeSeconds: Math.round(performance.now() - startedAtMs) / 1000,
    }));

  // Below the health route on purpose: probes are not requests.
  app.use(async (_c, next) => {
    requests++;
    await next();
  });

  app.get("/", (c) => {
    const worker = { workerId, pid: Deno.pid, port, requests };
    c.header("cache-control", "no-store");
    c.header("vary", "accept");
    return c.req.header("accept")?.includes("text/html")
      ? c.html(renderHtml(worker))
      : c.text(renderText(worker));
  });

  app.all("/echo", async (c) => c.json(await describeRequest(c)));

  app.get("/slow", async (c) => {
    const ms = integer(c, { name: "ms", max: MAX_SLOW_MS, fallback: 1000 });
    // Waits for nobody's sake when the client has gone: Deno offers no word of
    // that which does not also come, with a warning, when all went well.
    await new Promise((resolve) => setTimeout(resolve, ms));
    return c.text(`Served by worker ${workerId} after ${ms} ms.\n`);
  });

  app.get("/burn", (c) => {
    const ms = integer(c, { name: "ms", max: MAX_BURN_MS, fallback: 100 });
    const endMs = performance.now() + ms;
    while (performance.now() < endMs);
    return c.text(`Worker ${workerId} was busy for ${ms} ms.\n`);
  });

  app.get("/bytes", (c) => {
    const count = integer(c, { name: "n", max: MAX_BYTES, fallback: 1024 });
    return c.body(zeroStream(count), 200, {
      "content-type": "application/octet-stream",
      "content-length": String(count),
    });
  });

  app.post("/upload", async (c) => {
    const bytes = await countBytes(c.req.raw.body);
    return c.json({ bytes, workerId });
  });
  app.all("/upload", (c) => {
    c.header("allow", "POST");
    return c.text("Cannot upload: use POST.\n", 405);
  });

  app.get("/events", (c) => {
    const intervalMs = integer(c, {
      name: "ms",
      min: MIN_EVENT_MS,
      max: MAX_EVENT_MS,
      fallback: 1000,
    });
    return c.body(eventStream({ intervalMs, workerId, stopping }), 200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
    });
  });

  app.get("/ws", (c) => {
    if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
      c.header("upgrade", "websocket");
      return c.text("Cannot echo: open a WebSocket here.\n", 426);
    }
    const { socket, response } = Deno.upgradeWebSocket(c.req.raw);
    // A server that shuts down closes its WebSockets by itself.
    socket.onmessage = ({ data }): void => socket.send(data);
    return response;
  });

  return app;
}

/** What `/echo` responds with. */
async function describeRequest(c: Context): Promise<Record<string, unknown>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const bytes = await countBytes(c.req.raw.body, (part, total) => {
    if (total > MAX_ECHO_BYTES) {
      throw refusal(413, `the body is larger than ${MAX_ECHO_BYTES} bytes`);
    }
    parts.push(part);
  });
  return {
    method: c.req.method,
    path: c.req.path,
    query: c.req.query(),
    headers: c.req.header(),
    bytes,
    body: await new Blob(parts).text(),
  };
}

/** @throws {HTTPException} 400 when the parameter is not what is allowed. */
function integer(c: Context, parameter: IntegerParameter): number {
  const { name, min = 0, max, fallback } = parameter;
  const text = c.req.query(name);
  if (text === undefined) return fallback;
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw refusal(
    400,
    `${name} must be a whole number from ${min} to ${max}, not "${text}"`,
  );
}

/** An error whose response is a line of text. */
function refusal(status: 400 | 413, reason: string): HTTPException {
  const body = `Cannot respond: ${reason}.\n`;
  return new HTTPException(status, { res: new Response(body, { status }) });
}
