/**
 * How simulations are shown.
 *
 * @module
 */

import assert from "node:assert/strict";
import { drawChart } from "../../src/simulate/chart.ts";
import type { Simulation } from "../../src/simulate/simulate.ts";
import { drawSvg } from "../../src/simulate/svg.ts";
import {
  decisionLines,
  duration,
  figuresTable,
} from "../../src/simulate/table.ts";

const SIMULATION: Simulation = {
  requests: 10_000,
  waited: 1_234.4,
  longestWaitMs: 2_100,
  p99WaitMs: 1_500,
  workerSeconds: 96,
  shortOfCapacityS: 2.5,
  flaps: 0,
  mostWorkers: 4,
  decisions: [
    { atS: 12, from: 1, to: 4, reason: "rate" },
    { atS: 300, from: 4, to: 2, reason: "idle, limited by half" },
  ],
  course: Array.from({ length: 40 }, (_, i) => ({
    atS: i,
    rate: i < 10 ? 100 : 400,
    ready: i < 12 ? 1 : 4,
    desired: i < 12 ? 1 : 4,
    waiting: 0,
  })),
};

Deno.test("the figures stand side by side in a table", () => {
  const idle = { ...SIMULATION, requests: 0, waited: 0, decisions: [] };
  assert.equal(
    figuresTable([
      { name: "prefork-pool", simulation: SIMULATION },
      { name: "none", simulation: idle },
    ]),
    `\
              short of capacity  waited   share  p99 wait  longest  worker-seconds  most  changes  flaps
prefork-pool              2.5 s   1,234  12.3 %     1.5 s    2.1 s              96     4        2      0
none                      2.5 s       0       -     1.5 s    2.1 s              96     4        0      0`,
  );
});

Deno.test("decisions are told with their time and reason, the first of them", () => {
  assert.equal(
    decisionLines(SIMULATION, 5),
    "      12 s  1 -> 4 workers (rate)\n" +
      "     5 min  4 -> 2 workers (idle, limited by half)",
  );
  assert.match(decisionLines(SIMULATION, 1), /and 1 more$/);
});

Deno.test("durations have the units a person would use", () => {
  assert.deepEqual([0, 2.46, 119, 125, 3_600, 12_345].map(duration), [
    "0 s",
    "2.5 s",
    "119 s",
    "2 min 5 s",
    "1 h",
    "3 h 25 min",
  ]);
});

Deno.test("load and workers are drawn in block characters, on one scale", () => {
  assert.equal(
    drawChart([{ name: "prefork-pool", simulation: SIMULATION }], {
      columns: 29,
      durationS: 40,
    }),
    `\
requests per second
     400      ███████████████
              ███████████████
              ███████████████
         ▂▂▂▂▂███████████████
         ████████████████████

workers ready: prefork-pool
       4       ██████████████
               ██████████████
               ██████████████
         ▂▂▂▂▂▂██████████████
         ████████████████████
         0               40 s`,
  );
});

Deno.test("the SVG is well-formed, refers to nothing outside and names every run", () => {
  const svg = drawSvg(
    [
      { name: "prefork-pool", simulation: SIMULATION },
      { name: 'SCALE_UP_RATE=50 <&"', simulation: SIMULATION },
    ],
    { title: "Scaling: a < b & c", durationS: 40 },
  );
  assertWellFormed(svg);
  assert.match(svg, /prefers-color-scheme: dark/);
  assert.deepEqual(svg.match(/(https?:)[^"]*/g), [
    "http://www.w3.org/2000/svg",
  ]);
  assert.ok(svg.includes("SCALE_UP_RATE=50 &#60;&#38;&#34;: 1,234 requests"));
  assert.equal(svg.match(/<path class="workers"/g)?.length, 2);
  assert.ok(!svg.includes("NaN") && !svg.includes("undefined"));
});

Deno.test("what happened in no time at all is drawn too", () => {
  const empty = { ...SIMULATION, course: [], mostWorkers: 0 };
  const runs = [{ name: "none", simulation: empty }];
  assertWellFormed(drawSvg(runs, { title: "none", durationS: 1 }));
});

/** Every tag is closed by its own, in turn, and no `<` or `&` stands alone. */
function assertWellFormed(xml: string): void {
  const open: string[] = [];
  const text = xml.replace(/<[^>]*>/g, (tag) => {
    assert.match(tag, /^<\/?[a-z]+( [a-zA-Z-]+="[^"<]*")*\/?>$/, tag);
    const name = /[a-z]+/.exec(tag)![0];
    if (tag.startsWith("</")) assert.equal(open.pop(), name);
    else if (!tag.endsWith("/>")) open.push(name);
    return "";
  });
  assert.deepEqual(open, []);
  assert.doesNotMatch(text, /<|&(?!#?\w+;)/);
}
