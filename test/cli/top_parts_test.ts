/** What `top` makes of figures, keys and sizes. */

import assert from "node:assert/strict";
import { TopHistory } from "../../src/cli/top/history.ts";
import { actionsIn } from "../../src/cli/top/keys.ts";
import { drawScreen } from "../../src/cli/top/screen.ts";
import { sparkline } from "../../src/cli/top/sparkline.ts";
import { FIRST_VIEW, moved } from "../../src/cli/top/view.ts";
import type { MetricsSnapshot } from "../../src/metrics/metrics_snapshot.ts";
import { metricsSnapshot, workerMetrics } from "../support/metrics_snapshot.ts";

const URL = "http://127.0.0.1:8080";

Deno.test("a sparkline ends with the last value, and has nothing where nothing is known", () => {
  assert.equal(sparkline([1, 2, null, 8], { width: 6 }), "  ▂▃ █");
  assert.equal(sparkline([1, 2, 3, 4], { width: 2 }), "▆█");
  assert.equal(sparkline([0, 0], { width: 2 }), "▁▁");
  assert.equal(sparkline([4, 8], { width: 2, max: 16 }), "▃▅");
  assert.equal(sparkline([0, 8], { width: 3, ascii: true }), " _#");
  assert.equal(sparkline([1], { width: 0 }), "");
});

Deno.test("keys are understood one by one, however terminals write them", () => {
  assert.deepEqual(actionsIn("r+-"), ["reload", "scale-up", "scale-down"]);
  assert.deepEqual(actionsIn("\x1b[A\x1bOB"), ["line-up", "line-down"]);
  assert.deepEqual(actionsIn("\x1b[5~\x1b[6~ "), [
    "page-up",
    "page-down",
    "page-down",
  ]);
  assert.deepEqual(actionsIn("\x03"), ["leave"]);
  assert.deepEqual(actionsIn("x\x1b[15~é"), []);
});

Deno.test("what a worker does is what has changed since the last look, and a successor begins anew", () => {
  const history = new TopHistory();
  const at = (pid: number, requests: number, cpuSeconds: number) =>
    metricsSnapshot({
      totalRequests: requests,
      workers: [workerMetrics({ pid, requests, cpuSeconds })],
    });
  const seen = (metrics: MetricsSnapshot) => history.of(metrics.workers[0]!);
  history.add(at(1, 10, 1), 0);
  const second = at(1, 30, 2);
  history.add(second, 2000);
  assert.deepEqual(seen(second), { rates: [null, 10], cpuRatio: 0.5 });
  const successor = at(2, 3, 0.1);
  history.add(successor, 3000);
  assert.deepEqual(seen(successor), { rates: [null], cpuRatio: null });
  assert.deepEqual(history.rates, [null, 10, 0]);
});

Deno.test("scrolling ends where the workers do", () => {
  const extent = { workers: 20, rows: 16 };
  const down = moved(FIRST_VIEW, "page-down", extent);
  assert.equal(down.offset, 4);
  assert.equal(moved(down, "line-down", extent).offset, 4);
  assert.equal(moved(FIRST_VIEW, "line-up", extent).offset, 0);
  assert.equal(moved(FIRST_VIEW, "last", { workers: 3, rows: 16 }).offset, 0);
  assert.equal(moved(down, "first", extent).offset, 0);
});

Deno.test("no screen is so small that more is drawn than it has", () => {
  const metrics = metricsSnapshot({
    workers: [
      workerMetrics({ pid: null, state: "waiting" }),
      workerMetrics({ id: 1, state: "terminating" }),
    ],
  });
  const history = new TopHistory();
  history.add(metrics, 0);
  for (const columns of [1, 20, 40, 79, 80, 81, 120, 300]) {
    for (const rows of [2, 5, 8, 24, 100]) {
      const lines = drawScreen(
        { url: URL, metrics, history, view: FIRST_VIEW, message: [] },
        { columns, rows, colours: false, ascii: false },
      );
      assert.ok(lines.length <= rows, `${lines.length} lines in ${rows}`);
      for (const line of lines) assert.ok([...line].length <= columns, line);
      if (columns >= 40) assert.match(lines.at(-1)!, /q leave/);
    }
  }
});

Deno.test("in 80 columns there are the state, the load and the chart of each worker", () => {
  const history = new TopHistory();
  const metrics = metricsSnapshot({
    workers: [workerMetrics({ pid: 1_234_567, requests: 1 })],
  });
  history.add(metrics, 0);
  const lines = drawScreen(
    { url: URL, metrics, history, view: FIRST_VIEW, message: [] },
    { columns: 80, rows: 24, colours: false, ascii: false },
  );
  const [heading = ""] = lines.filter((line) => line.includes("STATE"));
  for (const word of ["ID▲", "PID", "FLY", "REQ/S", "AVG MS", "REQUESTS"]) {
    assert.ok(heading.includes(word), `${word} in ${heading}`);
  }
});
