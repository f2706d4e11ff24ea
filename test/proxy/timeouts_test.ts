/** Every wait ends, and says whose fault it was. */

import assert from "node:assert/strict";
import { settled } from "../support/back_pressure.ts";
import { get, head, ok, post, postHead } from "../support/message_text.ts";
import {
  MOST_PASSED_MS,
  runningClock,
} from "../../src/shared/running_clock.ts";
import { answering } from "../support/origin_script.ts";
import { startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";
import { StoppedClock } from "../support/stopped_clock.ts";

/** Short for a test, and long beside the sweep that enforces it (100 ms). */
const SHORT_MS = 300;

Deno.test("a head that is not whole in time is a 408, however busily it is sent", async () => {
  await using proxy = startProxy({ options: { headTimeoutMs: SHORT_MS } });
  await using client = await RawClient.connect(proxy);
  const startedAt = performance.now();
  await client.send("GET / HTTP/1.1\r\nA: ");
  let answered = false;
  const response = client.readResponse().finally(() => answered = true);
  while (!answered) await client.send("a").then(pause);
  assert.equal((await response).status, 408);
  assert.ok(performance.now() - startedAt >= SHORT_MS - 100);
  assert.equal(proxy.counters.errorsByStatus().get(408), 1);
});

Deno.test("a connection on which nothing comes is closed without a word", async () => {
  using clock = new StoppedClock();
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: { headTimeoutMs: SHORT_MS, idleTimeoutMs: SHORT_MS },
  });
  await using fresh = await RawClient.connect(proxy);
  await using used = await RawClient.connect(proxy);
  await used.ask(get("/"));
  await proxy.waitUntil(({ counters }) => counters.clientConnections === 2);
  await clock.pass(SHORT_MS);
  for (const client of [fresh, used]) {
    const { bytes, peer } = await client.readUntilEnd();
    assert.deepEqual([bytes.length, peer], [0, "closed"]);
  }
  assert.equal(proxy.counters.requests, 1);
});

for (const framing of ["Content-Length: 10", "Transfer-Encoding: chunked"]) {
  Deno.test(`a request body that stalls is a 408 (${framing})`, async () => {
    await using origin = await RecordingOrigin.start([[{ do: "read-head" }]]);
    await using proxy = startProxy({
      origins: [origin.port],
      options: { bodyTimeoutMs: SHORT_MS },
    });
    await using client = await RawClient.connect(proxy);
    const response = await client.ask(postHead("/", framing) + "5\r\n12");
    assert.equal(response.status, 408);
    assert.equal(response.headers.get("connection"), "close");
    await origin.waitFor(({ connections }) => connections[0]?.end !== null);
    assert.equal(proxy.upstreams[0]?.failures, 0);
  });
}

Deno.test("a body that comes slowly but steadily is waited for", async () => {
  using clock = new StoppedClock();
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: { bodyTimeoutMs: SHORT_MS },
  });
  await using client = await RawClient.connect(proxy);
  const request = post("/", "0123456789");
  await client.send(request.slice(0, -10));
  for (const octet of "0123456789") {
    await clock.pass(SHORT_MS / 3);
    await client.send(octet);
    await origin.waitFor(({ connections }) =>
      connections[0]?.text.endsWith(octet) ?? false
    );
  }
  assert.equal((await client.readResponse()).text, "ok");
});

Deno.test("a worker that does not answer is a 504, which keeps the client's connection", async () => {
  using clock = new StoppedClock();
  await using origin = await RecordingOrigin.start([
    [{ do: "read-request" }],
    answering(ok("next")),
  ]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: { requestTimeoutMs: SHORT_MS },
  });
  await using client = await RawClient.connect(proxy);
  await client.send(get("/"));
  await origin.waitFor(({ requests }) => requests.length === 1);
  await clock.pass(SHORT_MS);
  assert.equal((await client.readResponse()).status, 504);
  assert.equal((await client.ask(get("/next"))).text, "next");
  await origin.waitFor(({ connections }) => connections[0]?.end !== null);
  assert.equal(origin.requests.length, 2);
  assert.equal(proxy.upstreams[0]?.failures, 1);
});

Deno.test("each interim response renews the wait for the final one", async () => {
  using clock = new StoppedClock();
  const interim = head("HTTP/1.1 102 Processing");
  const steps = [1, 2, 3, 4].flatMap((n) => [
    { do: "gate", name: `${n}` } as const,
    { do: "send", data: interim } as const,
  ]);
  await using origin = await RecordingOrigin.start([[
    { do: "read-request" },
    ...steps,
    { do: "gate", name: "final" },
    { do: "send", data: ok("done") },
    { do: "read-end" },
  ]]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: { requestTimeoutMs: 1000 },
  });
  await using client = await RawClient.connect(proxy);
  await client.send(get("/"));
  await origin.waitFor(({ requests }) => requests.length === 1);
  for (const n of [1, 2, 3, 4]) {
    await clock.pass(600);
    origin.open(`${n}`);
    assert.equal((await client.readResponse()).status, 102);
  }
  await clock.pass(600);
  origin.open("final");
  assert.equal((await client.readResponse()).text, "done");
});

Deno.test("interim responses do not put the final one off for ever", async () => {
  using clock = new StoppedClock();
  const interim = head("HTTP/1.1 102 Processing");
  const rounds = Array.from({ length: 30 }, (_, n) => `${n}`);
  await using origin = await RecordingOrigin.start([[
    { do: "read-request" },
    ...rounds.flatMap((name) => [
      { do: "gate", name } as const,
      { do: "send", data: interim } as const,
    ]),
    { do: "read-end" },
  ]]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: { requestTimeoutMs: 1000 },
  });
  await using client = await RawClient.connect(proxy);
  await client.send(get("/"));
  await origin.waitFor(({ requests }) => requests.length === 1);
  let seen = 0;
  for (const name of rounds) {
    origin.open(name);
    const { status } = await client.readResponse();
    if (status === 504) break;
    seen++;
    await clock.pass(600);
  }
  // Ten times the setting, and what the clock of the deadlines is coarse by.
  assert.ok(seen > 15 && seen < 20, `${seen}`);
  const { setting, note } = await proxy.waitForEvent("exchange-failed");
  assert.equal(setting, "REQUEST_TIMEOUT_MS");
  assert.match(note!, /no final response/);
});

Deno.test("an answer that stalls is cut", async () => {
  await using origin = await RecordingOrigin.start([
    [{ do: "read-request" }, { do: "send", data: ok("12345").slice(0, -1) }],
  ]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: { bodyTimeoutMs: SHORT_MS },
  });
  await using client = await RawClient.connect(proxy);
  await client.send(get("/"));
  const { bytes } = await client.readUntilEnd();
  assert.match(new TextDecoder().decode(bytes), /\r\n\r\n1234$/);
  const { message, source } = await proxy.waitForEvent("exchange-failed");
  assert.match(message, /stopped in the middle/);
  assert.equal(source, "upstream");
});

Deno.test("a client that stops reading its answer is cut, and the worker is not blamed", async () => {
  using clock = new StoppedClock();
  const length = 64 * 1024 * 1024;
  await using origin = await RecordingOrigin.start([[
    { do: "read-request" },
    { do: "send", data: head("HTTP/1.1 200 OK", `Content-Length: ${length}`) },
    { do: "send-fill", count: length },
  ]]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: { bodyTimeoutMs: SHORT_MS },
  });
  await using client = await RawClient.connect(proxy);
  await client.send(get("/"));
  await settled(() => origin.connections[0]?.sentBytes ?? 0);
  await clock.stall(SHORT_MS);
  const { source } = await proxy.waitForEvent("exchange-failed");
  assert.equal(source, "downstream");
  assert.equal(proxy.upstreams[0]?.failures, 0);
});

Deno.test("a request that waits too long for a worker is a 503 with Retry-After, which keeps the connection", async () => {
  await using proxy = startProxy({ options: { queueTimeoutMs: SHORT_MS } });
  await using client = await RawClient.connect(proxy);
  for (let round = 0; round < 2; round++) {
    const response = await client.ask(get("/"));
    assert.equal(response.status, 503);
    assert.equal(response.headers.get("retry-after"), "1");
  }
  assert.equal(proxy.dispatcher.queue.timedOut, 2);
});

Deno.test("a request that finds the queue full is a 503 at once", async () => {
  await using proxy = startProxy({ options: { maxQueue: 1 } });
  await using waiting = await RawClient.connect(proxy);
  await waiting.send(get("/"));
  await proxy.waitUntil(({ dispatcher }) => dispatcher.queue.depth === 1);
  await using client = await RawClient.connect(proxy);
  assert.equal((await client.ask(get("/"))).status, 503);
  assert.equal(proxy.dispatcher.queue.rejected, 1);
});

/** Between two octets of a sender that is slow on purpose. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 30));
}

Deno.test("a client that does not read the pool's own errors is closed", async () => {
  await using proxy = startProxy({
    options: { maxQueue: 0, bodyTimeoutMs: 300 },
  });
  await using client = await RawClient.connect(proxy);
  // More errors than the kernel holds for somebody who does not read.
  const sending = client.send(get("/").repeat(200_000)).catch(() => {});
  await proxy.waitUntil(({ counters }) => counters.errorsByStatus().has(503));
  await proxy.waitUntil(({ counters }) => counters.clientConnections === 0);
  await sending;
});

Deno.test("a client that does not read interim answers is closed", async () => {
  // Few, and more than the kernel holds.
  const hints = head(
    "HTTP/1.1 103 Early Hints",
    `Link: ${"a".repeat(120_000)}`,
  );
  await using origin = await RecordingOrigin.start([[
    { do: "read-request" },
    { do: "send", data: hints.repeat(90) },
    { do: "read-end" },
  ]]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: {
      maxHeadBytes: 131_072,
      requestTimeoutMs: 1000,
      bodyTimeoutMs: 300,
      idleTimeoutMs: 300,
    },
  });
  // Not a RawClient, which reads ahead.
  using client = await Deno.connect({
    hostname: "127.0.0.1",
    port: proxy.port,
  });
  await client.write(new TextEncoder().encode(get("/")));
  await origin.waitFor(({ requests }) => requests.length === 1);
  await proxy.waitUntil(({ counters }) => counters.clientConnections === 0);
});

Deno.test("time in which nobody ran counts against no client and no worker", async () => {
  using clock = new StoppedClock();
  const timeoutMs = 3 * MOST_PASSED_MS;
  await using origin = await RecordingOrigin.start([[
    { do: "read-request" },
    { do: "gate", name: "thawed" },
    { do: "send", data: ok("first") },
    ...answering(ok("queued")),
  ]]);
  await using proxy = startProxy({
    origins: [origin.port],
    clock: runningClock(),
    options: {
      workerConcurrency: 1,
      headTimeoutMs: timeoutMs,
      queueTimeoutMs: timeoutMs,
      requestTimeoutMs: timeoutMs,
    },
  });
  await using first = await RawClient.connect(proxy);
  await first.send(get("/first"));
  await origin.waitFor(({ requests }) => requests.length === 1);
  await using queued = await RawClient.connect(proxy);
  await queued.send(get("/queued"));
  await using slow = await RawClient.connect(proxy);
  const request = get("/slow");
  await slow.send(request.slice(0, 10));
  await proxy.waitUntil(({ counters, dispatcher }) =>
    counters.clientConnections === 3 && dispatcher.queue.depth === 1
  );
  await clock.pass(100 * timeoutMs);
  // What is late is told so by the second look.
  await clock.pass(1);
  origin.open("thawed");
  await slow.send(request.slice(10));
  for (const client of [first, queued, slow]) {
    assert.equal((await client.readResponse()).status, 200);
  }
});
