/** What a person reads of a pool. */

import assert from "node:assert/strict";
import { statusText } from "../../src/cli/status_text.ts";
import { metricsSnapshot, workerMetrics } from "../support/metrics_snapshot.ts";

const URL = "http://127.0.0.1:8080";

Deno.test("the status says what the pool does, and has a line for each worker", () => {
  const text = statusText(
    metricsSnapshot({
      workers: [
        workerMetrics({ rssBytes: 34_603_008, cpuSeconds: 12.44 }),
        workerMetrics({ id: 1, spare: true, inFlight: 0 }),
      ],
    }),
    URL,
  );
  assert.deepEqual(text.split("\n"), [
    "http://127.0.0.1:8080: serving for 1 h 1 min, generation 1, on deno",
    "workers   1 ready of 1 wanted (1 to 16), 0 spare, 5 restarts",
    "requests  12, 2.5 per second, 1 in flight, 2 of 1024 waiting",
    "latency   p50 2.0 ms, p99 6.0 ms over ten seconds; p99 8.0 ms since the start",
    "responses 2xx 10, 3xx 0, 4xx 1, 5xx 1, retries 6",
    "",
    "ID  STATE   PID  PORT  GEN         UP  IN FLIGHT  REQUESTS  REQ/S  AVG MS  FAILURES  RESTARTS  RSS MIB  CPU S",
    " 0  ready  4711  8081    1  1 min 1 s          1        12    2.5     3.3         0         0     33.0   12.4",
    " 1  spare  4711  8081    1  1 min 1 s          0        12    2.5     3.3         0         0        -      -",
  ]);
});

Deno.test("a panic is in the status", () => {
  const { pool } = metricsSnapshot();
  const text = statusText(
    metricsSnapshot({ pool: { ...pool, panic: true } }),
    URL,
  );
  assert.match(text, /5 restarts, PANIC: most fail their probes\n/);
});

Deno.test("what is not known is a hyphen, not 0", () => {
  const waiting = workerMetrics({
    state: "waiting",
    pid: null,
    port: null,
    generation: null,
    uptimeSeconds: null,
    averageLatency: null,
  });
  const text = statusText(
    metricsSnapshot({
      workers: [waiting],
      recentLatency: { p50: null, p90: null, p99: null },
    }),
    URL,
  );
  assert.match(text, /p50 -, p99 - over ten seconds/);
  assert.match(
    text.split("\n").at(-1)!,
    /^ *0 +waiting( +-){4} +1 +12 +2\.5 +- +0 +0 +- +-$/,
  );
});
