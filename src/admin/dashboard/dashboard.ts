/**
 * The dashboard: one page, its script and its style, and the charts' library.
 *
 * All are loaded when somebody opens it: most pools are never looked at.
 *
 * @module
 */

import { Hono } from "npm:hono@^4.13.19";
import { VERSION } from "../../version.ts";

/**
 * Nothing but what is served here, whatever might get into the page. The
 * charts' library sets the sizes of its elements by script, which this allows.
 */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; " +
  "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'";

/** Where the page and its parts are. */
export const DASHBOARD_PATHS = [
  "/_dashboard",
  "/_dashboard/client.js",
  "/_dashboard/uplot.js",
  "/_dashboard/style.css",
] as const;

/** Makes the routes. */
export function createDashboard(): Hono {
  const app = new Hono();
  app.use("/_dashboard/*", async (c, next) => {
    await next();
    c.header("Content-Security-Policy", CONTENT_SECURITY_POLICY);
    c.header("X-Content-Type-Options", "nosniff");
    c.header("Referrer-Policy", "no-referrer");
    // The parts belong to the page, and that to the version that serves it.
    c.header("Cache-Control", "no-cache");
  });
  app.get("/_dashboard", async (c) => {
    const { dashboardPage } = await import("./page.ts");
    return c.html(dashboardPage(VERSION));
  });
  app.get("/_dashboard/client.js", async (c) => {
    const script = await import("./client.js", { with: { type: "text" } });
    return c.body(script.default, 200, { "Content-Type": "text/javascript" });
  });
  app.get("/_dashboard/uplot.js", async (c) => {
    const script = await import("npm:uplot@^1.6.32/dist/uPlot.iife.min.js", {
      with: { type: "text" },
    });
    return c.body(script.default, 200, { "Content-Type": "text/javascript" });
  });
  app.get("/_dashboard/style.css", async (c) => {
    const own = await import("./style.css", { with: { type: "text" } });
    const charts = await import("npm:uplot@^1.6.32/dist/uPlot.min.css", {
      with: { type: "text" },
    });
    return c.body(charts.default + own.default, 200, {
      "Content-Type": "text/css",
    });
  });
  return app;
}
