/** What TRACING=on exports, received over OTLP; on either transport (`TEST_TRANSPORT`). */

import assert from "node:assert/strict";
import { Changes } from "../support/changes.ts";
import { type PoolProcess, startPool } from "../support/pool_process.ts";
import { COLLECTOR, type TestCertificate } from "../support/tls.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

/** A worker that responds with the traceparent it got; `/die` ends one of them. */
const WORKER = `Deno.serve({
  port: Number(Deno.env.get("PORT")),
  hostname: Deno.env.get("HOST"),
  onListen() {},
}, (request) => {
  if (new URL(request.url).pathname === "/die" &&
    Deno.env.get("WORKER_ID") === "0") Deno.exit(1);
  return new Response(request.headers.get("traceparent"));
});`;

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly kind: number;
  readonly attributes: readonly Attribute[];
}

interface ReceivedMetric {
  readonly name: string;
  readonly sum?: { readonly dataPoints: readonly { asDouble: number }[] };
  readonly histogram?: {
    readonly dataPoints: readonly {
      readonly count: string;
      readonly bucketCounts: readonly string[];
      readonly explicitBounds: readonly number[];
    }[];
  };
}

interface Scope {
  readonly scope: { readonly name: string };
  readonly spans?: readonly ReceivedSpan[];
  readonly metrics?: readonly ReceivedMetric[];
}

interface Resource {
  readonly attributes: readonly Attribute[];
}

const SERVER = 2;
const CLIENT = 3;

interface ReceiverOptions {
  readonly silent?: boolean;
  /** What it shows, over TLS. */
  readonly tls?: TestCertificate | null;
}

/** Takes what is exported over HTTP, as JSON. */
class Receiver implements AsyncDisposable {
  readonly spans: ReceivedSpan[] = [];
  /** The last of each name. */
  readonly metrics = new Map<string, ReceivedMetric>();
  /** Of what exports metrics. */
  resource: readonly Attribute[] = [];
  readonly #changes = new Changes();
  readonly #closing = Promise.withResolvers<void>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #scheme: "http" | "https";

  /** Receives; one that is silent takes everything and never responds. */
  constructor({ silent = false, tls = null }: ReceiverOptions = {}) {
    this.#scheme = tls === null ? "http" : "https";
    this.#server = Deno.serve(
      {
        port: 0,
        hostname: "127.0.0.1",
        onListen: () => {},
        ...tls === null ? {} : {
          cert: Deno.readTextFileSync(tls.certPath),
          key: Deno.readTextFileSync(tls.keyPath),
        },
      },
      async (request) => {
        try {
          this.#take(await request.json());
        } catch (error) {
          // Whoever is killed leaves a part of one.
          if (!(error instanceof Deno.errors.BadResource)) throw error;
        }
        if (silent) await this.#closing.promise;
        return new Response("{}");
      },
    );
  }

  get endpoint(): string {
    return `${this.#scheme}://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Waits for the spans of so many requests of a trace, at least, and of all their attempts. They come in any order. */
  async trace(traceId: string, requests: number): Promise<ReceivedSpan[]> {
    return await this.#changes.until(() => {
      const spans = this.spans.filter((span) => span.traceId === traceId);
      const servers = spans.filter(({ kind }) => kind === SERVER);
      const whole = servers.length >= requests &&
        servers.every((server) =>
          spans.filter(({ parentSpanId }) => parentSpanId === server.spanId)
            .length === Number(valueOf(server, "prefork.attempts"))
        );
      return whole ? spans : undefined;
    }, { describe: () => `Too few spans: ${JSON.stringify(this.spans)}` });
  }

  async metric(name: string): Promise<ReceivedMetric> {
    return await this.#changes.until(() => this.metrics.get(name), {
      describe: () => `No ${name} among ${[...this.metrics.keys()]}`,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.resolve();
    await this.#server.shutdown();
  }

  #take(
    { resourceSpans = [], resourceMetrics = [] }: {
      readonly resourceSpans?: readonly { scopeSpans: readonly Scope[] }[];
      readonly resourceMetrics?: readonly {
        resource: Resource;
        scopeMetrics: readonly Scope[];
      }[];
    },
  ): void {
    // Workers that are Deno's export, too.
    const ours = ({ scope }: Scope): boolean => scope.name === "prefork-pool";
    for (const { scopeSpans } of resourceSpans) {
      for (const { spans = [] } of scopeSpans.filter(ours)) {
        this.spans.push(...spans);
      }
    }
    for (const { resource, scopeMetrics } of resourceMetrics) {
      for (const { metrics = [] } of scopeMetrics.filter(ours)) {
        this.resource = resource.attributes;
        for (const metric of metrics) this.metrics.set(metric.name, metric);
      }
    }
    this.#changes.notify();
  }
}

function valueOf(
  of: Pick<ReceivedSpan, "attributes"> | undefined,
  key: string,
): unknown {
  const found = of?.attributes.find((attribute) => attribute.key === key);
  return Object.values(found?.value ?? {})[0];
}

function exporterTo(receiver: Receiver): Record<string, string> {
  return {
    OTEL_DENO: "true",
    OTEL_DENO_CONSOLE: "ignore",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_BSP_SCHEDULE_DELAY: "100",
    OTEL_EXPORTER_OTLP_TIMEOUT: "1000",
  };
}

/** A pool that traces, and exports to `receiver`. */
async function startTraced(
  receiver: Receiver,
  env: Readonly<Record<string, string>>,
  permissions?: readonly string[],
): Promise<PoolProcess> {
  return await startPool({
    ...permissions === undefined ? {} : { permissions },
    // A worker that exported, too, would not end before the exporter lets it.
    command: ["env", "-u", "OTEL_DENO", Deno.execPath(), "eval", WORKER],
    env: { ...exporterTo(receiver), TRACING: "on", ...env },
  });
}

async function ask(
  port: number,
  { path = "/", traceparent }: { path?: string; traceparent?: string } = {},
): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    headers: traceparent === undefined ? {} : { traceparent },
  });
  return await response.text();
}

Deno.test("a request and each attempt are spans of its trace, and workers are told; metrics are exported beside", async () => {
  await using receiver = new Receiver();
  await using pool = await startTraced(receiver, {
    TRACE_RATIO: "0",
    POOL_SIZE: "3",
    OTEL_METRIC_EXPORT_INTERVAL: "200",
  });
  // One of three requests in a row meets the worker that ends.
  let told = "";
  let retried: ReceivedSpan | undefined;
  for (let turn = 0; turn < 3 && retried === undefined; turn++) {
    const traceparent = `00-${TRACE}-${SPAN}-01`;
    told = await ask(pool.port, { path: "/die?secret", traceparent });
    const spans = await receiver.trace(TRACE, turn + 1);
    retried = spans.find((span) => valueOf(span, "prefork.retries") === 1);
  }
  assert.equal(retried?.parentSpanId, SPAN);
  const [lost, good] = receiver.spans
    .filter(({ parentSpanId }) => parentSpanId === retried?.spanId)
    .toSorted((a, b) =>
      Number(valueOf(a, "http.request.resend_count") ?? 0) -
      Number(valueOf(b, "http.request.resend_count") ?? 0)
    );
  assert.deepEqual([lost?.kind, good?.kind], [CLIENT, CLIENT]);
  assert.equal(valueOf(retried, "prefork.attempts"), 2);
  assert.notEqual(valueOf(retried, "prefork.worker.id"), 0);
  assert.equal(valueOf(lost, "prefork.worker.id"), 0);
  assert.equal(valueOf(retried, "prefork.worker.generation"), 1);
  // Until its turn came to be tried.
  assert.equal(typeof valueOf(retried, "prefork.queue_wait_ms"), "number");
  assert.equal(valueOf(retried, "url.path"), "/die");
  assert.equal(valueOf(lost, "error.type"), "worker-ended");
  assert.equal(valueOf(good, "http.response.status_code"), 200);
  // The worker is told of the attempt that it has.
  assert.equal(told, `00-${TRACE}-${good?.spanId}-01`);

  // Not recorded: passed on as it came, or made, and said to be so.
  const unsampled = `00-${TRACE}-${SPAN}-00`;
  assert.equal(await ask(pool.port, { traceparent: unsampled }), unsampled);
  assert.match(await ask(pool.port), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  for (const { traceId } of receiver.spans) assert.equal(traceId, TRACE);
  await receiver.metric("prefork_requests_total");
});

Deno.test("TRACE_RATIO of the traces that begin here are recorded", async () => {
  await using receiver = new Receiver();
  await using pool = await startTraced(receiver, {
    TRACE_RATIO: "1",
    POOL_SIZE: "1",
  });
  const [, traceId = "", spanId, flags] = (await ask(pool.port)).split("-");
  assert.equal(flags, "01");
  const [request, attempt] = (await receiver.trace(traceId, 1))
    .toSorted((a, b) => a.kind - b.kind);
  assert.equal(Number.parseInt(request?.parentSpanId || "0", 16), 0);
  assert.equal(attempt?.parentSpanId, request?.spanId);
  assert.equal(attempt?.spanId, spanId);
});

Deno.test("what was counted and traced, and has not left yet, leaves when the pool ends", async () => {
  await using receiver = new Receiver();
  await using pool = await startTraced(receiver, {
    TRACE_RATIO: "1",
    POOL_SIZE: "1",
    OTEL_METRIC_EXPORT_INTERVAL: "3600000",
    OTEL_BSP_SCHEDULE_DELAY: "3600000",
    OTEL_SERVICE_NAME: "shop",
    // Which is asked for nothing.
    HTTP_PROXY: "http://127.0.0.1:1",
  });
  const [, traceId = ""] = (await ask(pool.port)).split("-");
  assert.deepEqual([receiver.spans.length, receiver.metrics.size], [0, 0]);
  const { code } = await pool.stop();
  assert.equal(code, 0);
  await receiver.trace(traceId, 1);

  const { sum } = await receiver.metric("prefork_requests_total");
  assert.deepEqual(sum?.dataPoints.map(({ asDouble }) => asDouble), [1]);
  const { histogram } = await receiver.metric(
    "prefork_request_duration_seconds",
  );
  const [{ count, bucketCounts, explicitBounds }] = histogram!.dataPoints as [
    NonNullable<ReceivedMetric["histogram"]>["dataPoints"][number],
  ];
  assert.equal(count, "1");
  assert.equal(bucketCounts.length, explicitBounds.length + 1);
  assert.equal(bucketCounts.map(Number).reduce((a, b) => a + b), 1);
  const exporter = { attributes: receiver.resource };
  assert.equal(valueOf(exporter, "service.name"), "shop");
});

Deno.test("spans and metrics go over TLS to a collector whose certificate is trusted", async () => {
  await using receiver = new Receiver({ tls: COLLECTOR });
  await using pool = await startTraced(receiver, {
    TRACE_RATIO: "1",
    POOL_SIZE: "1",
    OTEL_METRIC_EXPORT_INTERVAL: "200",
    OTEL_EXPORTER_OTLP_CERTIFICATE: COLLECTOR.certPath,
    OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE: "/ours.pem",
  }, ["-A"]);
  const [, traceId = ""] = (await ask(pool.port)).split("-");
  await receiver.trace(traceId, 1);
  await receiver.metric("prefork_requests_total");
  const { message } = await pool.waitForEvent("notice");
  assert.match(
    message,
    /^Metrics are exported without a client certificate: .*METRICS_CLIENT_/,
  );
});

Deno.test("what keeps metrics from a collector over TLS is said: a certificate that nobody trusts, and one that may not be read", async () => {
  await using receiver = new Receiver({ tls: COLLECTOR });
  for (
    const [env, says] of [
      [{}, /^Cannot export metrics to https:.*: invalid peer certificate/],
      [
        { OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE: COLLECTOR.certPath },
        /^Cannot export metrics: .*_METRICS_CERTIFICATE \(.*--allow-read=/,
      ],
    ] as const
  ) {
    await using pool = await startTraced(receiver, {
      POOL_SIZE: "1",
      OTEL_METRIC_EXPORT_INTERVAL: "200",
      ...env,
    });
    await pool.waitForEvent("notice", {
      where: ({ message }) => says.test(message),
    });
  }
  assert.equal(receiver.metrics.size, 0);
});

Deno.test("a collector that never responds does not keep the pool from ending", async () => {
  await using receiver = new Receiver({ silent: true });
  await using pool = await startTraced(receiver, {
    TRACE_RATIO: "1",
    POOL_SIZE: "1",
    OTEL_EXPORTER_OTLP_TIMEOUT: "200",
    // Deno exports what it measures, too, and is at it when the pool ends.
    OTEL_METRIC_EXPORT_INTERVAL: "100",
    // So does the worker, which may wait for ever, too.
    STOP_TIMEOUT_MS: "500",
  });
  await ask(pool.port);
  const { code, signal } = await pool.stop();
  assert.ok(code === 0 || signal === "SIGALRM", `ended with ${code} ${signal}`);
  const { message } = await pool.waitForEvent("notice");
  assert.match(message, /^Cannot export metrics to /);
});

Deno.test("with TRACING=on and nobody who exports, the log says so, and nothing is traced", async () => {
  await using pool = await startPool({
    // A worker that exported, too, would not end before the exporter lets it.
    command: ["env", "-u", "OTEL_DENO", Deno.execPath(), "eval", WORKER],
    env: { TRACING: "on", TRACE_RATIO: "1", POOL_SIZE: "1" },
  });
  assert.equal(await ask(pool.port), "");
  assert.match(pool.logs, /Cannot trace with TRACING=on: .*OTEL_DENO=true/);
});
