/**
 * The dashboard: one page, its scripts and its style, and the charts' library.
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

/** A file as text. */
type TextModule = Promise<{ readonly default: string }>;

/** The scripts, and the charts' library, by name. */
const SCRIPTS: Readonly<Record<string, () => TextModule>> = {
  "main.js": () => import("./client/main.js", { with: { type: "text" } }),
  "charts.js": () => import("./client/charts.js", { with: { type: "text" } }),
  "chart_options.js": () =>
    import("./client/chart_options.js", { with: { type: "text" } }),
  "commands.js": () =>
    import("./client/commands.js", { with: { type: "text" } }),
  "dom.js": () => import("./client/dom.js", { with: { type: "text" } }),
  "feed.js": () => import("./client/feed.js", { with: { type: "text" } }),
  "format.js": () => import("./client/format.js", { with: { type: "text" } }),
  "headline.js": () =>
    import("./client/headline.js", { with: { type: "text" } }),
  "heat_map.js": () =>
    import("./client/heat_map.js", { with: { type: "text" } }),
  "marks.js": () => import("./client/marks.js", { with: { type: "text" } }),
  "pool_client.js": () =>
    import("./client/pool_client.js", { with: { type: "text" } }),
  "pool_history.js": () =>
    import("./client/pool_history.js", { with: { type: "text" } }),
  "reload_panel.js": () =>
    import("./client/reload_panel.js", { with: { type: "text" } }),
  "scaling_text.js": () =>
    import("./client/scaling_text.js", { with: { type: "text" } }),
  "summary.js": () => import("./client/summary.js", { with: { type: "text" } }),
  "tiles.js": () => import("./client/tiles.js", { with: { type: "text" } }),
  "uplot.js": () =>
    import("npm:uplot@^1.6.32/dist/uPlot.iife.min.js", {
      with: { type: "text" },
    }),
};

/** The style, in the order of the cascade. */
const STYLES: readonly (() => TextModule)[] = [
  () =>
    import("npm:uplot@^1.6.32/dist/uPlot.min.css", { with: { type: "text" } }),
  () => import("./style/base.css", { with: { type: "text" } }),
  () => import("./style/charts.css", { with: { type: "text" } }),
  () => import("./style/workers.css", { with: { type: "text" } }),
  () => import("./style/feed.css", { with: { type: "text" } }),
];

/** Where the page and its parts are. */
export const DASHBOARD_PATHS: readonly string[] = [
  "/_dashboard",
  "/_dashboard/style.css",
  ...Object.keys(SCRIPTS).map((name) => `/_dashboard/${name}`),
];

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
  app.get("/_dashboard/style.css", async (c) => {
    const parts = await Promise.all(STYLES.map((load) => load()));
    return c.body(parts.map((part) => part.default).join("\n"), 200, {
      "Content-Type": "text/css",
    });
  });
  for (const [name, load] of Object.entries(SCRIPTS)) {
    app.get(`/_dashboard/${name}`, async (c) => {
      const script = await load();
      return c.body(script.default, 200, { "Content-Type": "text/javascript" });
    });
  }
  return app;
}
