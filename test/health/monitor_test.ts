/**
 * When workers are probed, and what is reported.
 *
 * @module
 */

import assert from "node:assert/strict";
import { EventEmitter, type PoolEvent } from "../../src/events/mod.ts";
import {
  HealthMonitor,
  type HealthMonitorOptions,
} from "../../src/health/monitor.ts";
import type {
  HealthReport,
  HealthWatch,
} from "../../src/pool/health_watcher.ts";
import {
  type Call,
  NO_FIGURES,
  type Replies,
} from "../../src/plane/contract.ts";
import { Changes } from "../support/changes.ts";

/** Longer than any test: what comes sooner does not wait for the interval. */
const HOUR_MS = 3_600_000;

const OPTIONS: HealthMonitorOptions = {
  healthPath: "/",
  healthStrict: false,
  healthHost: null,
  healthIntervalMs: HOUR_MS,
  healthTimeoutMs: HOUR_MS,
  healthFall: 3,
  healthRise: 1,
  slowRequestMs: 1_000,
};

/** For a server that keeps silent. */
const SHORT_MS = 50;

/** No process, as nothing is to be seen of one. */
const NOBODY = -1;

const OLD_REQUEST = {
  requestId: "3f0a",
  method: "GET",
  path: "/report",
  ageMs: 1_000,
};

/** What the data plane calls the worker. */
const UPSTREAM = 7;

/** A server that answers each connection as it is told at the time, watched by a monitor. */
class WatchedServer implements AsyncDisposable {
  /** What is answered; `null` is nothing. */
  answer: string | null = "HTTP/1.1 200 OK\r\n\r\n";
  readonly reports: HealthReport[] = [];
  readonly events: PoolEvent[] = [];
  readonly watch: HealthWatch;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #changes = new Changes();
  readonly #served: Promise<void>;

  constructor(options: Partial<HealthMonitorOptions> = {}) {
    this.#served = this.#serve();
    const { port } = this.#listener.addr;
    const events = new EventEmitter();
    events.subscribe((event) => this.events.push(event));
    let told = false;
    const reply = (call: Call): Replies[Call["type"]] => {
      if (!("key" in call) || call.key !== UPSTREAM) return null;
      if (call.type === "oldest-request") return OLD_REQUEST;
      const news = told ? [] : [OLD_REQUEST];
      told = true;
      return news;
    };
    const monitor = new HealthMonitor({ ...OPTIONS, ...options }, {
      events,
      plane: {
        ask: <C extends Call>(call: C) =>
          Promise.resolve(reply(call) as Replies[C["type"]]),
        figuresOf: () => ({ ...NO_FIGURES, inFlight: 1 }),
      },
    });
    const worker = {
      workerId: 2,
      generation: 1,
      upstream: UPSTREAM,
      pid: NOBODY,
      mark: null,
      hostname: "127.0.0.1",
      port,
    };
    this.watch = monitor.watch(worker, (report) => {
      this.reports.push(report);
      this.#changes.notify();
    });
  }

  /** Waits for the first report that satisfies `predicate`, past ones included. */
  report(
    predicate: (report: HealthReport) => boolean,
  ): Promise<HealthReport> {
    return this.#changes.until(() => this.reports.find(predicate), {
      describe: () => `There were only ${JSON.stringify(this.reports)}`,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.watch.stop();
    this.#listener.close();
    await this.#served;
  }

  async #serve(): Promise<void> {
    for await (const conn of this.#listener) {
      using _conn = conn;
      const buffer = new Uint8Array(1_024);
      await conn.read(buffer);
      const { answer } = this;
      if (answer === null) await conn.read(buffer);
      else await conn.write(new TextEncoder().encode(answer));
    }
  }
}

/** Has the first regular probe come at once, where it comes at a random time. */
function withoutChance(): Disposable {
  const { random } = Math;
  Math.random = () => 0;
  return {
    [Symbol.dispose](): void {
      Math.random = random;
    },
  };
}

for (
  const [what, answer, healthTimeoutMs, reason] of [
    ["is silent", null, SHORT_MS, `no response within ${SHORT_MS} ms`],
    ["answers badly", "HTTP/1.1 500 No\r\n\r\n", HOUR_MS, "responded with 500"],
  ] as const
) {
  Deno.test(`a worker that ${what} is asked again without waiting for the interval`, async () => {
    using _chance = withoutChance();
    await using server = new WatchedServer({ healthTimeoutMs });
    await server.report(({ healthy }) => healthy === true);
    server.answer = answer;
    const report = await server.report(({ failures }) => failures === 3);
    assert.equal(report.healthy, false);
    assert.equal(report.reason, reason);
    server.answer = "HTTP/1.1 200 OK\r\n\r\n";
    const from = server.reports.length;
    await server.report((report) =>
      report.healthy === true && server.reports.indexOf(report) >= from
    );
  });
}

Deno.test("a worker that has refused a connection is asked at once", async () => {
  await using server = new WatchedServer();
  await server.report(({ healthy }) => healthy === true);
  server.answer = "HTTP/1.1 500 No\r\n\r\n";
  server.watch.suspect();
  await server.report(({ healthy }) => healthy === false);
});

Deno.test("a request that is slow on a worker that answers is told once, and no failure of the worker", async () => {
  using _chance = withoutChance();
  await using server = new WatchedServer({ healthIntervalMs: 10 });
  const slow = await server.report((report) =>
    server.reports.indexOf(report) === 3
  );
  assert.equal(slow.healthy, true);
  assert.equal(slow.diagnosis, "slow-request");
  assert.deepEqual(server.events, [
    { type: "request-slow", workerId: 2, ...OLD_REQUEST },
  ]);
});

Deno.test("a worker that fails is reported with its oldest request, and that is not called slow", async () => {
  using _chance = withoutChance();
  await using server = new WatchedServer({
    slowRequestMs: 0,
    healthTimeoutMs: SHORT_MS,
  });
  await server.report(({ healthy }) => healthy === true);
  server.answer = null;
  const report = await server.report(({ healthy }) => healthy === false);
  assert.equal(report.diagnosis, "unknown");
  assert.deepEqual(report.oldestRequest, OLD_REQUEST);
  assert.deepEqual(server.events, []);
});
