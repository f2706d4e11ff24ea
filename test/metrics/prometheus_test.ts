/** What Prometheus gets to read. */

import assert from "node:assert/strict";
import { EventEmitter } from "../../src/events/mod.ts";
import { Counters } from "../../src/proxy/core/counters.ts";
import { EventTally } from "../../src/metrics/event_tally.ts";
import {
  exposition,
  type PrometheusSources,
} from "../../src/metrics/prometheus.ts";
import {
  type MetricFamily,
  readExposition,
  type TextFormat,
  valueOf,
} from "../support/exposition.ts";
import { metricsSnapshot, workerMetrics } from "../support/metrics_snapshot.ts";

function figuresOf(counters: Counters): PrometheusSources["figures"] {
  return {
    responses: [...counters.responses()],
    latency: counters.latency.figures(),
    retries: counters.retriesByReason(),
  };
}

function sources(
  changes: Partial<PrometheusSources> = {},
): PrometheusSources {
  return {
    snapshot: metricsSnapshot(),
    figures: figuresOf(new Counters()),
    tally: new EventTally(new EventEmitter()),
    restarts: {},
    droppedOutput: new Map(),
    usage: {
      cpuSeconds: 12.5,
      residentBytes: 1024,
      startedAtSeconds: 1_700_000_000,
      openDescriptors: 12,
      maxDescriptors: null,
    },
    ...changes,
  };
}

async function read(
  changes: Partial<PrometheusSources> = {},
  format: TextFormat = "prometheus",
): Promise<ReadonlyMap<string, MetricFamily>> {
  const { text } = await exposition(sources(changes), format);
  return readExposition(text, format);
}

/** The names that dashboards and alerts rest on, with the labels they have. */
const CONTRACT: Readonly<Record<string, MetricFamily["type"]>> = {
  prefork_requests_total: "counter",
  prefork_request_duration_seconds: "histogram",
  prefork_workers: "gauge",
  prefork_workers_min: "gauge",
  prefork_workers_max: "gauge",
  prefork_workers_desired: "gauge",
  prefork_panic: "gauge",
  prefork_requests_in_flight: "gauge",
  prefork_queue_depth: "gauge",
  prefork_queue_rejected_total: "counter",
  prefork_worker_restarts_total: "counter",
  prefork_worker_kills_total: "counter",
  prefork_retries_total: "counter",
  prefork_scaling_decisions_total: "counter",
  prefork_connections: "gauge",
  prefork_event_loop_lag_seconds: "gauge",
  prefork_control_plane_lag_seconds: "gauge",
  prefork_build_info: "gauge",
  prefork_draining: "gauge",
  process_cpu_seconds_total: "counter",
  process_resident_memory_bytes: "gauge",
  process_start_time_seconds: "gauge",
  process_open_fds: "gauge",
};

Deno.test("every metric of the contract is there, in both formats", async () => {
  const classic = await read();
  const open = await read({}, "openmetrics");
  for (const [name, type] of Object.entries(CONTRACT)) {
    assert.equal(classic.get(name)?.type, type, name);
    assert.equal(open.get(name.replace(/_total$/, ""))?.type, type, name);
  }
});

Deno.test("docs/admin.md has every metric, and no other", async () => {
  const usage = { ...sources().usage, maxDescriptors: 1024 };
  const worker = workerMetrics({ rssBytes: 1, cpuSeconds: 1 });
  const snapshot = metricsSnapshot({ workers: [worker] });
  const served = [...(await read({ snapshot, usage })).keys()];
  const page = new URL("../../docs/admin.md", import.meta.url);
  const rows = (await Deno.readTextFile(page)).match(
    /^\| `(?:prefork|process)_.*$/gm,
  )!;
  const named = rows.flatMap((row) => {
    const names = row.split("|")[1]!.match(/[a-z_]{2,}(?=[`{])/g)!;
    // `_limit` beside `prefork_queue_depth` stands for `prefork_queue_limit`.
    return names.map((name) =>
      name.startsWith("_") ? names[0]!.replace(/_[a-z]+$/, name) : name
    );
  });
  assert.deepEqual(named.sort(), served.sort());
});

Deno.test("which program it is, what it uses and that it ends is told; what cannot be had is not", async () => {
  const { instance } = metricsSnapshot();
  const families = await read({
    snapshot: metricsSnapshot({
      state: "draining",
      instance: { ...instance, name: "web" },
    }),
  });
  const labels = { version: "0.0.0", deno: Deno.version.deno, pool: "web" };
  assert.equal(valueOf(families, "prefork_build_info", labels), 1);
  assert.equal(valueOf(families, "prefork_draining"), 1);
  assert.equal(valueOf(await read(), "prefork_draining"), 0);
  assert.equal(valueOf(families, "process_cpu_seconds_total"), 12.5);
  assert.equal(valueOf(families, "process_open_fds"), 12);
  assert.equal(valueOf(families, "process_max_fds"), undefined);
});

Deno.test("the formats are named as scrapers know them", async () => {
  const { contentType } = await exposition(sources(), "prometheus");
  assert.equal(contentType, "text/plain; version=0.0.4; charset=utf-8");
  const open = await exposition(sources(), "openmetrics");
  assert.match(open.contentType, /^application\/openmetrics-text; version=1/);
});

Deno.test("requests are told by worker and code, those of no worker too", async () => {
  const counters = new Counters();
  counters.record(200, 1, 3);
  counters.record(200, 1, 3);
  counters.record(503, 1, null);
  const name = "prefork_requests_total";
  const metrics = await read({ figures: figuresOf(counters) });
  assert.equal(valueOf(metrics, name, { worker: "3", code: "200" }), 2);
  assert.equal(valueOf(metrics, name, { worker: "", code: "503" }), 1);
  assert.equal(metrics.get(name)?.samples.length, 2);
});

Deno.test("suspects are counted, and the last of them shown by method and path", async () => {
  const events = new EventEmitter();
  const tally = new EventTally(events);
  const end = (targets: readonly string[], losses: number): void =>
    events.emit({
      type: "worker-exited",
      killer: null,
      workerId: 0,
      port: 8081,
      pid: 1,
      generation: 1,
      status: { code: 1, signal: null },
      expected: false,
      uptimeMs: 1,
      lastOutput: [],
      suspects: targets.map((target) => ({
        requestId: "r",
        method: "GET",
        target,
        ageMs: 1,
        losses,
      })),
      suspectCount: targets.length + 3,
    });
  end(["/die?x=1"], 1);
  end(["/die?x=2", "/"], 2);
  const metrics = await read({ tally });
  assert.equal(valueOf(metrics, "prefork_suspect_requests_total"), 9);
  const losses = (path: string): number | undefined =>
    valueOf(metrics, "prefork_suspect_losses", { method: "GET", path });
  assert.deepEqual([losses("/die"), losses("/"), losses("/x")], [
    2,
    2,
    undefined,
  ]);
  for (let n = 0; n < 100; n++) end([`/${n}`], 1);
  assert.equal(tally.suspects.length, 20);
});

Deno.test("durations are in seconds, in cumulative buckets", async () => {
  const counters = new Counters();
  for (const durationMs of [0.1, 1, 1.1, 64, 100_000]) {
    counters.record(200, durationMs, 0);
  }
  const metrics = await read({ figures: figuresOf(counters) });
  const within = (le: string): number | undefined =>
    valueOf(metrics, "prefork_request_duration_seconds_bucket", { le });
  assert.equal(within("0.00025"), 1);
  assert.equal(within("0.001"), 2);
  assert.equal(within("0.002"), 3);
  assert.equal(within("0.064"), 4);
  assert.equal(within("65.536"), 4);
  assert.equal(within("+Inf"), 5);
  const sum = valueOf(metrics, "prefork_request_duration_seconds_sum")!;
  assert.ok(Math.abs(sum - 100.0662) < 1e-6, `${sum}`);
});

Deno.test("workers are counted by state, states without workers too, spares apart", async () => {
  const workers = [
    workerMetrics(),
    workerMetrics({ id: 1, spare: true }),
    workerMetrics({ id: 2, state: "waiting", ready: false, pid: null }),
  ];
  const metrics = await read({ snapshot: metricsSnapshot({ workers }) });
  const inState = (state: string): number | undefined =>
    valueOf(metrics, "prefork_workers", { state });
  assert.equal(inState("ready"), 1);
  assert.equal(inState("spare"), 1);
  assert.equal(inState("waiting"), 1);
  assert.equal(inState("draining"), 0);
});

Deno.test("queue, connections and lag are those of the snapshot", async () => {
  const metrics = await read();
  const rejected = (reason: string): number | undefined =>
    valueOf(metrics, "prefork_queue_rejected_total", { reason });
  assert.equal(valueOf(metrics, "prefork_queue_depth"), 2);
  assert.equal(rejected("full"), 3);
  assert.equal(rejected("timeout"), 4);
  const wait = "prefork_queue_wait_seconds";
  assert.equal(valueOf(metrics, wait, { quantile: "0.99" }), 0.25);
  assert.equal(metrics.get(wait)?.samples.length, 1);
  const open = (side: string): number | undefined =>
    valueOf(metrics, "prefork_connections", { side });
  assert.equal(open("client"), 7);
  assert.equal(open("upstream_idle"), 8);
  assert.equal(valueOf(metrics, "prefork_event_loop_lag_seconds"), 0.009);
  assert.equal(valueOf(metrics, "prefork_control_plane_lag_seconds"), 0.003);
});

Deno.test("retries are counted by what had failed, and what may fail is there before it does", async () => {
  const counters = new Counters();
  counters.recordRetry("worker-ended");
  counters.recordRetry("worker-ended");
  counters.recordRetry("stale-connection");
  const metrics = await read({ figures: figuresOf(counters) });
  const retries = (reason: string): number | undefined =>
    valueOf(metrics, "prefork_retries_total", { reason });
  assert.equal(retries("worker-ended"), 2);
  assert.equal(retries("stale-connection"), 1);
  assert.equal(retries("connect-failed"), 0);
});

Deno.test("what cannot be had of a worker is not there, instead of 0", async () => {
  const workers = [
    workerMetrics({ id: 0 }),
    workerMetrics({ id: 1, rssBytes: 34_603_008, cpuSeconds: 12.4 }),
  ];
  const metrics = await read({ snapshot: metricsSnapshot({ workers }) });
  const name = "prefork_worker_resident_memory_bytes";
  assert.equal(metrics.get(name)?.samples.length, 1);
  assert.equal(valueOf(metrics, name, { worker: "1" }), 34_603_008);
});

Deno.test("a worker and its successor are one series, which has what both use", async () => {
  const workers = [
    workerMetrics({ id: 0, generation: 2, rssBytes: 30, cpuSeconds: 1 }),
    workerMetrics({ id: 0, generation: 1, rssBytes: 40, cpuSeconds: 2.5 }),
    workerMetrics({ id: 1, generation: 1, rssBytes: 50, cpuSeconds: 4 }),
  ];
  const metrics = await read({ snapshot: metricsSnapshot({ workers }) });
  const worker = "0";
  const figure = (name: string): number | undefined =>
    valueOf(metrics, `prefork_worker_${name}`, { worker });
  assert.equal(figure("resident_memory_bytes"), 70);
  assert.equal(figure("cpu_seconds"), 3.5);
});

Deno.test("restarts, recoveries and scaling decisions are told by their reasons", async () => {
  const events = new EventEmitter();
  const tally = new EventTally(events);
  const worker = { workerId: 0, port: 1, pid: 2, generation: 1 };
  const ready = { type: "worker-ready", ...worker, startupMs: 40 } as const;
  events.emit({ ...ready, replaces: null });
  events.emit({ ...ready, replaces: { reason: "exit", downMs: 48 } });
  events.emit({ ...ready, replaces: { reason: "reload", downMs: 0 } });
  for (const [from, to, reason] of [[1, 3, "rate"], [3, 2, "idle"]] as const) {
    events.emit({
      type: "pool-scaled",
      at: 0,
      from,
      to,
      reason,
      needed: to,
      limitedBy: null,
      mode: "stable",
      inputs: {},
      mayGrowAt: null,
      mayShrinkAt: null,
    });
  }
  const restarts = { exit: 1, reload: 1 };
  const metrics = await read({ tally, restarts });
  const decided = (direction: string, reason: string): number | undefined =>
    valueOf(metrics, "prefork_scaling_decisions_total", { direction, reason });
  assert.equal(decided("up", "rate"), 1);
  assert.equal(decided("down", "idle"), 1);
  assert.equal(
    valueOf(metrics, "prefork_worker_restarts_total", { reason: "exit" }),
    1,
  );
  assert.equal(valueOf(metrics, "prefork_worker_recovery_seconds_count"), 1);
  assert.equal(valueOf(metrics, "prefork_worker_recovery_seconds_sum"), 0.048);
});

Deno.test("lines that were dropped are counted by the slot of their worker", async () => {
  const droppedOutput = new Map([[1, { lines: 12, bytes: 345 }]]);
  const metrics = await read({ droppedOutput });
  for (
    const [name, value] of [
      ["prefork_worker_output_dropped_total", 12],
      ["prefork_worker_output_dropped_bytes_total", 345],
    ] as const
  ) {
    assert.equal(metrics.get(name)?.type, "counter");
    assert.equal(valueOf(metrics, name, { worker: "1" }), value);
  }
});

Deno.test("workers that were killed are told by who did it, those of nobody too", async () => {
  const events = new EventEmitter();
  const tally = new EventTally(events);
  const exited = {
    type: "worker-exited",
    killer: null,
    suspects: [],
    suspectCount: 0,
    workerId: 0,
    port: 1,
    pid: 2,
    generation: 1,
    status: { code: 137, signal: "SIGKILL" },
    expected: false,
    uptimeMs: 1,
    lastOutput: [],
  } as const;
  events.emit({ ...exited, killer: "out-of-memory" });
  events.emit({ ...exited, killer: null });
  const metrics = await read({ tally });
  const kills = (killer: string): number | undefined =>
    valueOf(metrics, "prefork_worker_kills_total", { killer });
  assert.deepEqual(["out-of-memory", "outside", "unknown"].map(kills), [
    1,
    0,
    0,
  ]);
});
