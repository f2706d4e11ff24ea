/**
 * The dashboard's one page: its headings, and places which the scripts fill.
 *
 * @module
 */

import { html } from "npm:hono@^4.13.19/html";
import type { HtmlEscapedString } from "npm:hono@^4.13.19/utils/html";
import { SHAPES } from "./shapes.ts";

/** Figures since the start: the name of an element, and what it is called. */
const FIGURES = [
  ["requests", "Requests"],
  ["failed", "Responses 5xx"],
  ["retries", "Sent once more"],
  ["rejected", "Turned away"],
  ["wait", "Queue wait, p99"],
  ["restarts", "Workers replaced"],
  ["oom", "Out of memory"],
  ["recovery", "Place empty, median"],
  ["clients", "Client connections"],
  ["idle", "Idle to workers"],
  ["lag", "Event loop late by"],
  ["dropped", "Lines dropped"],
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
        <meta name="color-scheme" content="light dark">
        <title>prefork-pool</title>
        <link rel="icon" href="data:,">
        <link rel="stylesheet" href="/_dashboard/style.css">
        <script src="/_dashboard/uplot.js" defer></script>
        <script src="/_dashboard/main.js" type="module"></script>
      </head>
      <body data-connection="connecting">
        <a class="skip" href="#workers">Skip to the workers</a>
        ${SHAPES}
        ${header(version)}
        <main>
          ${headline()} ${charts()} ${workers()} ${feeds()} ${figures()}
        </main>
        <p id="announcer" class="unseen" role="status"></p>
      </body>
    </html>
  `;
}

function header(version: string): Html {
  return html`
    <header>
      <h1>
        <svg class="logo" aria-hidden="true"><use href="#logo" /></svg>
        prefork-pool <small id="pool-name"></small>
      </h1>
      <dl class="facts">
        <div>
          <dt>Generation</dt>
          <dd id="generation">–</dd>
        </div>
        <div>
          <dt>Up</dt>
          <dd id="uptime">–</dd>
        </div>
        <div>
          <dt>Version</dt>
          <dd id="version">${version}</dd>
        </div>
      </dl>
      <p id="connection" role="status">Connecting …</p>
      <div id="commands" role="group" aria-label="Commands" hidden>
        <span class="stepper">
          <button id="fewer" type="button" aria-label="One worker fewer">−</button>
          <span><b id="wanted">–</b> wanted</span>
          <button id="more" type="button" aria-label="One worker more">+</button>
        </span>
        <button id="reload" type="button" class="main">Reload</button>
      </div>
      <noscript><p>This page needs JavaScript; <a href="/_metrics">/_metrics</a>
          has the same figures without.</p></noscript>
    </header>
  `;
}

function headline(): Html {
  return html`
    <section id="headline" data-level="busy" aria-label="State of the pool">
      <svg class="shape" id="headline-shape" aria-hidden="true">
        <use href="#shape-starting" />
      </svg>
      <div>
        <p id="headline-text">Looking at the pool …</p>
        <p class="why">
          <span class="label" id="decision-label">Scaling</span>
          <time id="decision-when"></time> <span id="decision"></span>
        </p>
      </div>
      <p id="verdict" role="status"></p>
    </section>
    <div class="notices">
      <section id="reload-panel" class="panel" aria-label="Reload" hidden>
        <details id="reload-details">
          <summary id="reload-text"></summary>
          <ul id="reload-steps"></ul>
        </details>
      </section>
      <section id="suspects-panel" class="panel" aria-labelledby="suspects-title"
        hidden>
        <h2 id="suspects-title">Requests that may have ended a worker</h2>
        <ul id="suspects"></ul>
      </section>
    </div>
  `;
}

function charts(): Html {
  return html`
    <section aria-labelledby="charts-title">
      <div class="title">
        <h2 id="charts-title">Last 15 minutes</h2>
        <p class="quiet" id="moment"></p>
        <ul class="marks" aria-label="Marks in the charts">
          <li data-mark="exit">worker lost</li>
          <li data-mark="reload">reload</li>
          <li data-mark="scale">scaled</li>
        </ul>
      </div>
      <div
        id="charts"
        role="group"
        aria-label="Charts; the arrow keys read them sample by sample"
        tabindex="0"
      ></div>
    </section>
  `;
}

function workers(): Html {
  return html`
    <section id="workers" aria-labelledby="workers-title" tabindex="-1">
      <div class="title">
        <h2 id="workers-title">Workers</h2>
        <p class="quiet" id="ready"></p>
      </div>
      <ol id="tiles"></ol>
    </section>
    <section aria-labelledby="heat-title">
      <div class="title">
        <h2 id="heat-title">Requests by worker</h2>
        <p class="quiet" id="heat-read"></p>
        <p class="scale quiet"
          aria-hidden="true">0 <i></i> <span id="heat-most"></span></p>
      </div>
      <div class="panel heat">
        <canvas id="heat-map" role="img"
          aria-label="Requests by worker over time"></canvas>
        <p class="quiet"
          aria-hidden="true"><span id="heat-from"></span><span id="heat-to"></span></p>
      </div>
    </section>
  `;
}

function feeds(): Html {
  return html`
    <div class="columns">
      <section>
        <div class="title">
          <h2 id="events-title">What happened</h2>
        </div>
        <div class="panel scroll" role="region" aria-labelledby="events-title"
          tabindex="0">
          <ol id="events" class="feed"></ol>
        </div>
      </section>
      <section>
        <div class="title">
          <h2 id="output-title">Application output</h2>
          <label>of <select id="output-of" aria-label="Output of"><option value="">all workers</option></select></label>
        </div>
        <div class="panel scroll" role="region" aria-labelledby="output-title"
          tabindex="0">
          <p id="no-lines" class="quiet">Nothing written so far.</p>
          <ol id="lines"></ol>
        </div>
      </section>
      <section>
        <div class="title">
          <h2 id="decisions-title">Scaling decisions</h2>
        </div>
        <div class="panel scroll" role="region" aria-labelledby="decisions-title"
          tabindex="0">
          <p id="no-decisions" class="quiet">None so far.</p>
          <ol id="decisions" class="feed"></ol>
        </div>
      </section>
    </div>
  `;
}

function figures(): Html {
  return html`
    <section aria-labelledby="figures-title">
      <div class="title">
        <h2 id="figures-title">Since the start</h2>
      </div>
      <dl id="figures" class="panel">${FIGURES.map(([name, label]) =>
        html`
          <div>
            <dt>${label}</dt>
            <dd id="figure-${name}">–</dd>
          </div>
        `
      )}</dl>
    </section>
  `;
}
