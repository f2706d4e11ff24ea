/**
 * The dashboard's one page: headings and empty tables, which the script fills.
 *
 * @module
 */

import { html } from "npm:hono@^4.13.19/html";
import type { HtmlEscapedString } from "npm:hono@^4.13.19/utils/html";

/** Columns of the table of workers, in the order of the script's cells. */
const WORKER_COLUMNS = [
  "Worker",
  "State",
  "Pid",
  "Port",
  "Generation",
  "Up",
  "In flight",
  "Requests",
  "Requests/s",
  "Latency",
  "Failures",
  "Restarts",
  "Memory",
  "CPU time",
];

const SCALING_COLUMNS = ["When", "From", "To", "Why", "Figures"];
const EVENT_COLUMNS = ["When", "Event", "Worker", "Details"];

/** Figures at the top: the name of an element, and what it is called. */
const SUMMARY = [
  ["state", "State"],
  ["uptime", "Up"],
  ["generation", "Generation"],
  ["workers", "Workers ready / wanted"],
  ["rate", "Requests per second"],
  ["latency", "Latency p50 / p99"],
  ["inflight", "In flight"],
  ["queue", "Queue"],
  ["total", "Requests"],
  ["failed", "5xx answers"],
] as const;

type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

/** Returns the page. */
export function dashboardPage(version: string): Html {
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>prefork-pool</title>
        <link rel="icon" href="data:,">
        <link rel="stylesheet" href="/_dashboard/style.css">
        <script src="/_dashboard/uplot.js" defer></script>
        <script src="/_dashboard/client.js" type="module"></script>
      </head>
      <body>
        <header>
          <h1>prefork-pool <small>${version}</small></h1>
          <p id="connection" role="status">Connecting …</p>
          <noscript><p>This page needs JavaScript; <a href="/_metrics">/_metrics</a>
                has the same figures without.</p></noscript>
        </header>
        <main>
              <section aria-label="Summary">
                <dl>${SUMMARY.map(([id, name]) =>
                  html`
                    <div>
                      <dt>${name}</dt>
                      <dd id="${id}">–</dd>
                    </div>
                  `
                )}</dl>
              </section>
              <section id="charts" aria-label="Charts of the last five minutes"></section>
              ${table("worker-rows", "Workers", WORKER_COLUMNS)}
              ${table("scaling-rows", "Scaling decisions", SCALING_COLUMNS)}
              ${table("event-rows", "Last events", EVENT_COLUMNS)}
            </main>
      </body>
    </html>
  `;
}

function table(id: string, caption: string, columns: readonly string[]): Html {
  return html`
    <div class="scroll" role="region" aria-label="${caption}" tabindex="0">
      <table>
        <caption>${caption}</caption>
        <thead>
          <tr>${columns.map((name) => html`<th scope="col">${name}</th>`)}</tr>
        </thead>
        <tbody id="${id}"></tbody>
      </table>
    </div>
  `;
}
