import assert from "node:assert/strict";
import type {
  Killer,
  PoolEvent,
  ReloadReport,
  SuspectRequest,
} from "../../src/events/mod.ts";
import { eventMessage } from "../../src/log/event_message.ts";

const WORKER = { workerId: 2, port: 8083, pid: 4711, generation: 1 } as const;

const NO_SUSPECTS = { suspects: [], suspectCount: 0 } as const;

/** What is found out about a worker that keeps silent. */
const SILENT = {
  reason: "no response within 2000 ms",
  failures: 3,
  cpuRatio: null,
  oldestRequest: null,
} as const;

/** A request that waits. */
const REPORT = {
  requestId: "3f0a",
  method: "GET",
  path: "/report",
  ageMs: 6_200,
} as const;

const RELOADED: ReloadReport = {
  ok: true,
  fromGeneration: 1,
  generation: 2,
  reason: null,
  durationMs: 1_500,
  workers: [],
};

const GROUNDS = {
  reason: "rate",
  limitedBy: null,
  mode: "stable",
  inputs: {},
  mayGrowAt: null,
  mayShrinkAt: null,
} as const;

Deno.test("each event says what happened, at the level it deserves", () => {
  const cases: readonly [PoolEvent, string][] = [
    [
      { ...WORKER, type: "worker-spawned", command: ["node", "x"] },
      "debug: worker 2 (pid 4711) started on port 8083",
    ],
    [
      {
        ...WORKER,
        type: "worker-promoted",
        from: "spare",
        replaces: { reason: "exit", downMs: 3.6 },
      },
      "info: worker 2 (pid 4711) promoted from spare (exit, after 4 ms)",
    ],
    [
      {
        ...WORKER,
        type: "worker-kept",
        reason: "scale-down",
        graceMs: 300_000,
      },
      "info: worker 2 (pid 4711) is kept for its clients (scale-down), for 5 min at most",
    ],
    [
      { ...WORKER, type: "worker-promoted", from: "kept", replaces: null },
      "info: worker 2 (pid 4711) is given work by everybody again",
    ],
    [
      {
        ...WORKER,
        type: "worker-ready",
        startupMs: 48.3,
        replaces: { reason: "max-requests", downMs: 0 },
      },
      "info: worker 2 ready on 127.0.0.1:8083 (pid 4711) in 48 ms (max-requests)",
    ],
    [
      { type: "reload-started", fromGeneration: 1, generation: 2 },
      "info: reloading: generation 2 takes over from 1",
    ],
    [
      { type: "reload-finished", report: RELOADED },
      "info: reloaded in 1.5 s: generation 2 serves",
    ],
    [
      { type: "generation-kept", generation: 1, graceMs: 300_000 },
      "info: generation 1 is kept for its clients, for 5 min at most",
    ],
    [
      { type: "generation-ended", generation: 1, reason: "unused" },
      "info: generation 1 is no longer kept (unused)",
    ],
    [
      { ...WORKER, type: "worker-ready", startupMs: 48.3, replaces: null },
      "info: worker 2 ready on 127.0.0.1:8083 (pid 4711) in 48 ms",
    ],
    [
      {
        ...WORKER,
        ...SILENT,
        type: "worker-unhealthy",
        diagnosis: "blocked",
        cpuRatio: 0.982,
        oldestRequest: REPORT,
      },
      "warning: worker 2 (pid 4711, port 8083) is unhealthy: no response within " +
      "2000 ms, 3 times; its event loop is blocked (CPU 98 %); suspect " +
      "GET /report, 6.2 s old, request 3f0a",
    ],
    [
      { ...WORKER, ...SILENT, type: "worker-unhealthy", diagnosis: "unknown" },
      "warning: worker 2 (pid 4711, port 8083) is unhealthy: no response within " +
      "2000 ms, 3 times; what it does cannot be seen",
    ],
    [
      {
        ...WORKER,
        ...SILENT,
        type: "worker-unhealthy",
        reason: "responded with 503",
        failures: 1,
        diagnosis: "failing",
        oldestRequest: REPORT,
      },
      "warning: worker 2 (pid 4711, port 8083) is unhealthy: responded with 503, once",
    ],
    [
      {
        type: "panic-entered",
        failing: 3,
        workers: 4,
        reason: "responded with 503",
        durationMs: 0,
      },
      "warning: panic: 3 of 4 workers fail their probes together " +
      "(responded with 503): all stay in rotation, none is replaced for it; " +
      "check what HEALTH_PATH depends on",
    ],
    [
      {
        type: "panic-left",
        failing: 0,
        workers: 4,
        reason: null,
        durationMs: 12_000,
      },
      "info: panic over after 12.0 s: 0 of 4 workers fail their probes",
    ],
    [
      { ...REPORT, type: "request-slow", workerId: 2 },
      "warning: slow request: GET /report, 6.2 s old, request 3f0a, waits for " +
      "worker 2, which responds to its probes",
    ],
    [
      { ...WORKER, type: "worker-recovered" },
      "info: worker 2 (pid 4711) healthy again",
    ],
    [
      {
        ...WORKER,
        type: "worker-failing",
        own: { requests: 50, errors: 48 },
        peers: { requests: 500, errors: 2 },
      },
      "warning: worker 2 (pid 4711) failed 96 % of its last 50 requests, where " +
      "the others fail 0.4 %: it gets no more, and is replaced unless they " +
      "fail these, too",
    ],
    [
      {
        ...WORKER,
        type: "worker-acquitted",
        peers: { requests: 40, errors: 19 },
      },
      "info: worker 2 (pid 4711) gets requests again: without it the others " +
      "fail 48 %, so that it is the requests",
    ],
    [
      { ...WORKER, type: "worker-acquitted", peers: null },
      "info: worker 2 (pid 4711) gets requests again: what it failed cannot " +
      "be compared any more",
    ],
    [
      {
        ...WORKER,
        type: "worker-draining",
        reason: "scale-down",
        inFlight: 3,
        streams: 2,
      },
      "info: worker 2 (pid 4711) draining (scale-down), 3 in flight, 2 of them streams",
    ],
    [
      { type: "stop-waiting", requests: 1, streams: 12, workers: 0 },
      "info: waiting for 1 request, 12 streams; again to end now",
    ],
    [
      { type: "stop-waiting", requests: 0, streams: 0, workers: 2 },
      "info: waiting for 2 workers; again to end now",
    ],
    [
      {
        ...WORKER,
        type: "worker-left-processes",
        asked: true,
        daemonised: false,
        processes: [{ pid: 81, command: "sleep 5", detached: false }],
      },
      "info: worker 2 (pid 4711) has ended and left pid 81 (sleep 5) behind: " +
      "it may finish until STOP_TIMEOUT_MS",
    ],
    [
      {
        ...WORKER,
        type: "worker-left-processes",
        asked: true,
        daemonised: false,
        processes: [{ pid: 81, command: "chrome", detached: true }],
      },
      "warning: worker 2 (pid 4711) has ended and left pid 81 (chrome, " +
      "detached) behind: asked to end, killed after STOP_TIMEOUT_MS",
    ],
    [
      {
        ...WORKER,
        type: "worker-left-processes",
        asked: false,
        daemonised: true,
        processes: null,
      },
      "warning: worker 2 (pid 4711) has ended and left processes behind: " +
      "asked to end, killed after STOP_TIMEOUT_MS; a worker must not put " +
      "itself into the background: have it run in the foreground",
    ],
    [
      {
        ...WORKER,
        type: "worker-signalled",
        signal: "SIGTERM",
        reason: "drained",
      },
      "debug: worker 2 (pid 4711) sent SIGTERM: drained",
    ],
    [
      {
        ...WORKER,
        type: "worker-signalled",
        signal: "SIGKILL",
        reason: "ignored SIGTERM for 5000 ms",
      },
      "warning: worker 2 (pid 4711) sent SIGKILL: ignored SIGTERM for 5000 ms",
    ],
    [
      {
        ...WORKER,
        type: "worker-exited",
        status: { code: 0, signal: null },
        killer: null,
        expected: true,
        uptimeMs: 3_600_000 * 2.5,
        lastOutput: ["bye"],
        ...NO_SUSPECTS,
      },
      "info: worker 2 (pid 4711) exited with code 0 after 2.5 h",
    ],
    [
      {
        type: "port-skipped",
        port: 8082,
        lastPort: 8082,
        holder: "nginx (pid 8)",
      },
      "warning: port 8082 passed over: held by nginx (pid 8)",
    ],
    [
      { type: "port-skipped", port: 8082, lastPort: 8085, holder: null },
      "warning: ports 8082 to 8085 passed over: held by another program",
    ],
    [
      { type: "pool-scaled", at: 0, from: 4, to: 6, needed: 6, ...GROUNDS },
      "info: scaling from 4 to 6 workers (rate)",
    ],
    [
      {
        type: "pool-scaled",
        at: 0,
        from: 4,
        to: 16,
        needed: 40,
        ...GROUNDS,
        limitedBy: "max-workers",
      },
      "info: scaling from 4 to 16 workers (rate, limited by max-workers)",
    ],
    [
      {
        type: "scaling-held",
        at: 0,
        workers: 4,
        needed: 2,
        ...GROUNDS,
        reason: "idle",
        limitedBy: "down-delay",
      },
      "debug: 4 workers stay, 2 wanted (idle, limited by down-delay)",
    ],
    [
      { type: "state-changed", from: "starting", to: "serving" },
      "debug: pool serving",
    ],
    [
      { type: "state-changed", from: "serving", to: "draining" },
      "info: pool draining",
    ],
    [
      {
        type: "listening",
        hostname: "0.0.0.0",
        port: 8080,
        role: "public",
        tls: false,
        transport: "epoll",
      },
      "info: listening on http://0.0.0.0:8080 (epoll)",
    ],
    [
      {
        type: "listening",
        hostname: "unix:/run/pool.sock",
        port: 0,
        role: "public",
        tls: true,
        transport: "deno",
      },
      "info: listening on unix:/run/pool.sock (deno)",
    ],
    [
      {
        type: "listening",
        hostname: "::1",
        port: 9090,
        role: "admin",
        tls: true,
        transport: "deno",
      },
      "info: admin pages on https://[::1]:9090/_metrics",
    ],
    [
      { type: "accept-paused", reason: "max-connections" },
      "warning: no more connections accepted for now: MAX_CONNECTIONS reached",
    ],
    [
      { type: "accept-resumed", reason: "descriptors" },
      "info: connections accepted again",
    ],
    [
      { type: "notice", level: "warning", message: "A whole sentence." },
      "warning: A whole sentence.",
    ],
    [
      {
        type: "access",
        at: 0,
        requestId: "r1",
        clientAddress: "10.0.0.1",
        method: "GET",
        target: "/a?b",
        status: 200,
        workerId: 2,
        bytesOut: 12,
        durationMs: 1.26,
        protocol: "HTTP/1.1",
        referer: null,
        userAgent: null,
        traceId: null,
        attempts: 1,
        queueWaitMs: 0.2,
        upstreamMs: 1,
      },
      "info: 10.0.0.1 GET /a?b 200 12 B 1.3 ms worker 2 " +
      "queue=0.2 upstream=1.0 attempts=1 trace=- r1",
    ],
  ];
  for (const [event, expected] of cases) {
    const { level, text } = eventMessage(event);
    assert.equal(`${level}: ${text}`, expected);
  }
});

Deno.test("a worker's output carries the worker's id", () => {
  const { text } = eventMessage({
    type: "worker-output",
    pid: 4711,
    workerId: 2,
    stream: "stderr",
    line: "  {port} is taken",
  });
  assert.equal(text, "[worker 2]   {port} is taken");
});

Deno.test("a failed start tells the command, the exit code or signal, and the last output", () => {
  const failed = {
    type: "worker-start-failed",
    workerId: 0,
    pid: 4711,
    port: 8081,
    generation: 1,
    command: ["node", "missing.js"],
    reason: "exited with code 1",
    status: { code: 1, signal: null },
    lastOutput: ["Error: Cannot find module", "  at x"],
    retryInMs: 1000,
  } as const;
  assert.deepEqual(eventMessage(failed), {
    level: "error",
    text: "worker 0 could not be started: exited with code 1; " +
      "next attempt in 1.0 s",
    details: [
      "command: node missing.js",
      "Error: Cannot find module",
      "  at x",
    ],
  });
  const slow = {
    ...failed,
    reason: "not ready within 30000 ms",
    status: { code: 137, signal: "SIGKILL" },
    retryInMs: 0,
  };
  assert.equal(
    eventMessage(slow).text,
    "worker 0 could not be started: not ready within 30000 ms " +
      "(ended by SIGKILL)",
  );
});

Deno.test("an exit nobody asked for is an error and tells the last output", () => {
  const message = eventMessage({
    ...WORKER,
    type: "worker-exited",
    status: { code: 137, signal: "SIGKILL" },
    killer: null,
    expected: false,
    uptimeMs: 3210,
    lastOutput: ["oops"],
    ...NO_SUSPECTS,
  });
  assert.deepEqual(message, {
    level: "error",
    text: "worker 2 (pid 4711) ended by SIGKILL after 3.2 s, unexpectedly",
    details: ["oops"],
  });
});

Deno.test("of a worker that was killed it is said by whom, as far as that is known", () => {
  const text = (killer: Killer): string =>
    eventMessage({
      ...WORKER,
      type: "worker-exited",
      suspects: [],
      suspectCount: 0,
      status: { code: 137, signal: "SIGKILL" },
      killer,
      expected: false,
      uptimeMs: 3210,
      lastOutput: [],
    }).text;
  assert.equal(
    text("out-of-memory"),
    "worker 2 (pid 4711) ended by SIGKILL (out of memory: the kernel killed " +
      "it) after 3.2 s, unexpectedly",
  );
  assert.match(text("outside"), /killed from outside, not for want of memory/);
  assert.match(text("unknown"), /probably out of memory, or killed from/);
});

Deno.test("a failed exchange is as important as the side that failed", () => {
  const failed = {
    type: "exchange-failed",
    requestId: "r1",
    workerId: 2,
    method: "GET",
    target: "/?a=1",
    status: 502,
    code: "upstream-closed",
    message: "no response",
    note: null,
    setting: null,
    attempts: 1,
  } as const;
  const text =
    "request r1, GET /?a=1, worker 2: no response (responded with 502)";
  assert.deepEqual(
    (["downstream", "upstream", "internal"] as const).map((source) =>
      eventMessage({ ...failed, source })
    ),
    ["debug", "warning", "error"].map((level) => ({
      level,
      text,
      details: [],
    })),
  );
});

Deno.test("a failed exchange is logged with its cause, its attempts and the setting that would change it", () => {
  const { text } = eventMessage({
    type: "exchange-failed",
    requestId: "r1",
    workerId: 2,
    method: "GET",
    target: `/${"x".repeat(300)}`,
    status: 504,
    source: "upstream",
    code: "response-timeout",
    message: "The worker did not respond in time",
    note: "no response head within 1000 ms",
    setting: "REQUEST_TIMEOUT_MS",
    attempts: 2,
  });
  assert.equal(
    text,
    `request r1, GET /${"x".repeat(199)}..., worker 2: ` +
      "The worker did not respond in time: no response head within 1000 ms; " +
      "sent 2 times; change REQUEST_TIMEOUT_MS (responded with 504)",
  );
});

Deno.test("requests that may have ended a worker are named, the first three of many", () => {
  const suspect = (target: string, losses = 1): SuspectRequest => ({
    requestId: `id${target}`,
    method: "GET",
    target,
    ageMs: 5,
    losses,
  });
  const exited = {
    ...WORKER,
    type: "worker-exited",
    killer: null,
    suspects: [],
    suspectCount: 0,
    status: { code: 1, signal: null },
    expected: false,
    uptimeMs: 3210,
    lastOutput: [],
  } as const;
  const one = { suspects: [suspect("/a?b")], suspectCount: 1 };
  assert.equal(
    eventMessage({ ...exited, ...one }).text,
    "worker 2 (pid 4711) exited with code 1 after 3.2 s, unexpectedly; " +
      "suspect GET /a?b (request id/a?b)",
  );
  const many = {
    suspects: ["/1", "/2", "/3", "/4"].map((target) => suspect(target, 2)),
    suspectCount: 9,
  };
  const seldom = "not for the first time";
  assert.equal(
    eventMessage({ ...exited, ...many }).text,
    "worker 2 (pid 4711) exited with code 1 after 3.2 s, unexpectedly; suspects " +
      `GET /1 (request id/1, ${seldom}), GET /2 (request id/2, ${seldom}), ` +
      `GET /3 (request id/3, ${seldom}) and 6 more`,
  );
  assert.equal(
    eventMessage({ ...exited, ...one, expected: true }).level,
    "warning",
  );
});

Deno.test("a reload that failed is an error, with a verdict for each worker", () => {
  const figures = { port: 1, pid: 1, startupMs: 1, requests: 0, errors: 0 };
  const report: ReloadReport = {
    ...RELOADED,
    ok: false,
    reason: "worker 1: exited with code 3",
    workers: [
      {
        ...figures,
        workerId: 0,
        verdict: "rolled-back",
        reason: "the reload failed",
      },
      {
        ...figures,
        workerId: 1,
        verdict: "failed",
        reason: "exited with code 3",
      },
    ],
  };
  assert.deepEqual(eventMessage({ type: "reload-finished", report }), {
    level: "error",
    text: "reload failed after 1.5 s, generation 1 serves on: " +
      "worker 1: exited with code 3",
    details: [
      "worker 0: rolled-back, the reload failed",
      "worker 1: failed, exited with code 3",
    ],
  });
});

Deno.test("after a stop, what is part of stopping is no error", () => {
  const exited = {
    ...WORKER,
    type: "worker-exited",
    killer: null,
    suspects: [],
    suspectCount: 0,
    status: { code: 143, signal: "SIGTERM" },
    expected: false,
    uptimeMs: 3210,
    lastOutput: ["bye"],
  } as const;
  const failed = {
    type: "worker-start-failed",
    workerId: 0,
    pid: 4711,
    port: 8081,
    generation: 1,
    command: ["node"],
    reason: "was ended by SIGTERM",
    status: { code: 143, signal: "SIGTERM" },
    lastOutput: [],
    retryInMs: 0,
  } as const;
  const report: ReloadReport = {
    ...RELOADED,
    ok: false,
    reason: "the pool is stopping",
  };
  for (
    const event of [
      exited,
      failed,
      { type: "reload-finished", report },
    ] as const
  ) {
    assert.equal(eventMessage(event).level, "error");
    assert.equal(eventMessage(event, { stopping: true }).level, "info");
  }
  assert.deepEqual(eventMessage(exited, { stopping: true }), {
    level: "info",
    text: "worker 2 (pid 4711) ended by SIGTERM after 3.2 s",
    details: [],
  });
});

Deno.test("dropped output names the settings, and how much it was", () => {
  const dropped = {
    type: "worker-output-dropped",
    workerId: 2,
    pid: 4711,
    phase: "began",
    lines: 0,
    bytes: 0,
    durationMs: 0,
  } as const;
  const began = eventMessage(dropped);
  assert.equal(began.level, "warning");
  assert.match(began.text, /WORKER_LOG_RATE or WORKER_LOG_BYTES/);
  const ended = eventMessage({
    ...dropped,
    phase: "ended",
    lines: 12,
    bytes: 345,
    durationMs: 4500,
  });
  assert.equal(ended.level, "info");
  assert.match(ended.text, /12 lines \(345 B\) were dropped in 4\.5 s$/);
});
