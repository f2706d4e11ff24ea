/**
 * The admin pages: what each of them responds with. Who may see them and how requests get
 * here is the business of `serve_admin.ts`.
 *
 * @module
 */

import { type Context, Hono, type Next } from "npm:hono@^4.13.19";
import { accepts } from "npm:hono@^4.13.19/accepts";
import { bodyLimit } from "npm:hono@^4.13.19/body-limit";
import type { EventEmitter } from "../events/mod.ts";
import { type Instance, INSTANCE_FIELD } from "../instance.ts";
import type { MetricsHistory } from "../metrics/history.ts";
import type { MetricsSnapshot } from "../metrics/metrics_snapshot.ts";
import type { Exposition, ExpositionFormat } from "../metrics/prometheus.ts";
import { isDeliberate } from "./access.ts";
import {
  CommandError,
  parseScaleRequest,
  type PoolCommands,
  type ScaleReport,
  wantedWorkers,
} from "./commands.ts";
import { createDashboard } from "./dashboard/dashboard.ts";
import { EventStreams } from "./event_streams.ts";

/** What the pages show and what they set in motion. */
export interface AdminSources extends PoolCommands {
  /** Which pool this is. */
  readonly instance: Instance;
  /** Everything that happens. */
  readonly events: EventEmitter;
  /** Whether requests are accepted and a worker is ready. */
  readonly ready: () => boolean;
  /** Has {@linkcode metrics} show what is counted by now. Never rejects. */
  readonly refresh: () => Promise<void>;
  readonly metrics: () => MetricsSnapshot;
  /** The last 15 minutes, as far as they are after this time in seconds since the Unix epoch. */
  readonly history: (sinceSeconds: number) => MetricsHistory;
  readonly exposition: (format: ExpositionFormat) => Promise<Exposition>;
}

/** The pages. */
export interface AdminPages {
  readonly app: Hono;
  /** Ends what has no end of its own. */
  readonly close: () => void;
}

/** Largest body of a command, in bytes. */
const MAX_COMMAND_BYTES = 4096;

/** What is said of a `since`, or a Last-Event-ID, that cannot be read. */
const SINCE_USAGE = "since must be a number, as the page itself has given\n";

/** Formats of the figures, by the media type that asks for them. */
const FORMATS: Readonly<Record<string, ExpositionFormat | "json">> = {
  "application/json": "json",
  "text/plain": "prometheus",
  "application/openmetrics-text": "openmetrics",
};

/** Makes the pages. */
export function createAdmin(sources: AdminSources): AdminPages {
  const streams = new EventStreams(sources.events);
  const app = new Hono();
  app.get("/_health", (c) => c.text("ok\n"));
  app.get(
    "/_ready",
    (c) => sources.ready() ? c.text("ready\n") : c.text("not ready\n", 503),
  );
  app.use("/_*", (c, next) => identify(c, sources.instance, next));
  app.get("/_metrics", (c) => respondWithMetrics(c, sources));
  app.get("/_metrics/history", (c) => {
    const since = Number(c.req.query("since") ?? 0);
    if (Number.isNaN(since)) return c.text(SINCE_USAGE, 400);
    c.header("Cache-Control", "no-store");
    return c.json(sources.history(since));
  });
  app.get("/_admin/instance", (c) => c.json(sources.instance));
  app.get("/_events", (c) => respondWithEvents(c, streams));
  app.route("/", createDashboard());
  app.route("/", createCommands(sources));
  app.onError((error, c) => {
    const message = `Cannot respond to ${c.req.path}: ${error}`;
    sources.events.emit({ type: "notice", level: "error", message });
    return c.text("500 Internal Server Error\n", 500);
  });
  return { app, close: () => streams.close() };
}

/**
 * Says which pool responds, and turns away what was meant for another one that
 * was here before.
 */
async function identify(
  c: Context,
  { id, pid }: Instance,
  next: Next,
): Promise<Response | void> {
  const meant = c.req.header(INSTANCE_FIELD);
  if (meant !== undefined && meant !== id) {
    const error = "Cannot do what is asked of another pool: this one is " +
      `process ${pid}, and the one that was meant is here no more`;
    return c.json({ error }, 421);
  }
  await next();
  c.header(INSTANCE_FIELD, id);
}

async function respondWithMetrics(
  c: Context,
  sources: AdminSources,
): Promise<Response> {
  const format = c.req.query("format") ?? FORMATS[
    accepts(c, {
      header: "Accept",
      supports: Object.keys(FORMATS),
      default: "application/json",
    })
  ];
  c.header("Cache-Control", "no-store");
  c.header("Vary", "Accept");
  await sources.refresh();
  if (format === "json") return c.json(sources.metrics());
  if (format !== "prometheus" && format !== "openmetrics") {
    return c.text("format must be json, prometheus or openmetrics\n", 400);
  }
  const { contentType, text } = await sources.exposition(format);
  return c.body(text, 200, { "Content-Type": contentType });
}

function respondWithEvents(c: Context, streams: EventStreams): Response {
  const lastId = c.req.header("Last-Event-ID") ?? c.req.query("since");
  const afterId = Number(lastId ?? Infinity);
  if (Number.isNaN(afterId)) return c.text(SINCE_USAGE, 400);
  const follow = c.req.query("follow") !== "off";
  return c.body(streams.open(afterId, { follow }), 200, {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    // nginx in front would hold them back else.
    "X-Accel-Buffering": "no",
    "Transfer-Encoding": "chunked",
  });
}

function createCommands(sources: AdminSources): Hono {
  const app = new Hono();
  app.use(
    "/_admin/*",
    bodyLimit({
      maxSize: MAX_COMMAND_BYTES,
      onError: (c) =>
        c.json(
          { error: `Cannot take more than ${MAX_COMMAND_BYTES} bytes` },
          413,
        ),
    }),
  );
  app.use("/_admin/*", async (c, next) => {
    if (!isDeliberate([...c.req.raw.headers])) {
      return c.json({
        error: "Cannot tell this from what a page elsewhere makes a browser " +
          "send: add the field Content-Type: application/json",
      }, 403);
    }
    return await next();
  });
  app.post("/_admin/reload", async (c) => {
    const report = await sources.reload();
    return c.json(report, report.ok ? 200 : 409);
  });
  app.post("/_admin/stop", (c) => {
    sources.stop();
    return c.json({ pid: sources.instance.pid }, 202);
  });
  app.post("/_admin/scale", async (c) => {
    const request = parseScaleRequest(
      await c.req.text(),
      c.req.query("workers"),
    );
    const asked = wantedWorkers(request, sources.metrics().pool.desired);
    const report: ScaleReport = { asked, ...sources.scale(asked) };
    return c.json(report);
  });
  app.onError((error, c) => {
    if (error instanceof CommandError) {
      return c.json({ error: error.message }, 400);
    }
    throw error;
  });
  return app;
}
