/**
 * What a pool exports with TRACING=on, received over OTLP.
 *
 * @module
 */

import { Changes } from "./changes.ts";
import { type PoolProcess, startPool } from "./pool_process.ts";
import type { TestCertificate } from "./tls.ts";

/** A worker that responds with the traceparent it got; `/die` ends one of them. */
const TRACE_WORKER = `Deno.serve({
  port: Number(Deno.env.get("PORT")),
  hostname: Deno.env.get("HOST"),
  onListen() {},
}, (request) => {
  if (new URL(request.url).pathname === "/die" &&
    Deno.env.get("WORKER_ID") === "0") Deno.exit(1);
  return new Response(request.headers.get("traceparent"));
});`;

/** Runs it. A worker that exported, too, would not end before the exporter lets it. */
export const TRACE_COMMAND: readonly string[] = [
  "env",
  "-u",
  "OTEL_DENO",
  Deno.execPath(),
  "eval",
  TRACE_WORKER,
];

export interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly kind: number;
  readonly attributes: readonly Attribute[];
}

export interface ReceivedMetric {
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

export const SERVER = 2;
export const CLIENT = 3;

export interface ReceiverOptions {
  readonly silent?: boolean;
  /** What it shows, over TLS. */
  readonly tls?: TestCertificate | null;
}

/** Takes what is exported over HTTP, as JSON. */
export class Receiver implements AsyncDisposable {
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

export function valueOf(
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
export async function startTraced(
  receiver: Receiver,
  env: Readonly<Record<string, string>>,
  permissions?: readonly string[],
): Promise<PoolProcess> {
  return await startPool({
    ...permissions === undefined ? {} : { permissions },
    command: TRACE_COMMAND,
    env: { ...exporterTo(receiver), TRACING: "on", ...env },
  });
}

export async function ask(
  port: number,
  { path = "/", traceparent }: { path?: string; traceparent?: string } = {},
): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    headers: traceparent === undefined ? {} : { traceparent },
  });
  return await response.text();
}
