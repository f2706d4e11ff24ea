/** A client that goes takes its request with it. */

import assert from "node:assert/strict";
import { get, head, ok, postHead } from "../support/message_text.ts";
import { answering, type OriginScript } from "../support/origin_script.ts";
import { type ProxyServer, startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";
import { StoppedClock } from "../support/stopped_clock.ts";

const BODY_BYTES = 1024 * 1024 * 1024;

/** Where an exchange can be when its client goes. */
const STAGES: readonly {
  readonly name: string;
  readonly script: OriginScript;
  readonly request: string;
  /** Read before the client goes. */
  readonly answer?: string;
}[] = [
  {
    name: "waits for its answer",
    script: [{ do: "read-request" }],
    request: get("/"),
  },
  {
    name: "receives its answer",
    script: [
      { do: "read-request" },
      {
        do: "send",
        data: head("HTTP/1.1 200 OK", `Content-Length: ${BODY_BYTES}`),
      },
      { do: "send-fill", count: BODY_BYTES },
    ],
    request: get("/"),
    answer: "xxx",
  },
  {
    name: "receives an answer that pauses",
    script: [
      { do: "read-request" },
      { do: "send", data: ok("xxxx").slice(0, -1) },
    ],
    request: get("/"),
    answer: "xxx",
  },
  {
    name: "sends its body",
    script: [{ do: "read-head" }],
    request: postHead("/", "Content-Length: 10") + "12345",
  },
  {
    name: "sends its body in chunks",
    script: [{ do: "read-head" }],
    request: postHead("/", "Transfer-Encoding: chunked") + "5\r\n12345\r\n",
  },
];

/** Everything has been given back. */
function isIdle({ counters, upstreams, dispatcher }: ProxyServer): boolean {
  return counters.inFlight === 0 && counters.clientConnections === 0 &&
    dispatcher.queue.depth === 0 &&
    upstreams.every(({ inFlight }) => inFlight === 0);
}

for (const end of ["close", "reset"] as const) {
  for (const { name, script, request, answer } of STAGES) {
    Deno.test(`the ${end} of a client that ${name} reaches the worker`, async () => {
      await using origin = await RecordingOrigin.start([script]);
      await using proxy = startProxy({ origins: [origin.port] });
      await using client = await RawClient.connect(proxy);
      await client.send(request);
      await origin.waitFor(({ connections }) =>
        (connections[0]?.text.length ?? 0) > 0
      );
      if (answer !== undefined) await client.readThrough(answer);
      await client[end]();
      await origin.waitFor(({ connections }) => connections[0]?.end !== null);
      await proxy.waitUntil(isIdle);
      assert.equal(proxy.idleUpstreamConnections, 0);
      assert.equal(proxy.upstreams[0]?.failures, 0);
      const { source } = await proxy.waitForEvent("exchange-failed");
      assert.equal(source, "downstream");
    });
  }
}

for (
  const [what, request] of [
    ["a request", get("/")],
    ["a request whose body is to come", postHead("/", "Content-Length: 5")],
    [
      "a request half of whose body has come",
      `${postHead("/", "Content-Length: 5")}12`,
    ],
  ] as const
) {
  Deno.test(`a client that goes while ${what} is queued leaves the queue`, async () => {
    await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
    // Longer than this test waits: it must not be the time that ends it.
    await using proxy = startProxy({ options: { queueTimeoutMs: 60_000 } });
    await using client = await RawClient.connect(proxy);
    await client.send(request);
    await proxy.waitUntil(({ dispatcher }) => dispatcher.queue.depth === 1);
    await client.close();
    await proxy.waitUntil(isIdle);
    assert.equal(origin.connections.length, 0);
  });
}

Deno.test("whoever has ended its side holds no place in the queue, not even for the grace", async () => {
  // The grace never ends.
  using _clock = new StoppedClock();
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: { maxQueue: 1, queueTimeoutMs: 60_000 },
  });
  proxy.dispatcher.publish([]);
  await using gone = await RawClient.connect(proxy);
  await gone.send(get("/gone"));
  await proxy.waitUntil(({ dispatcher }) => dispatcher.queue.depth === 1);
  await gone.closeWrite();
  await proxy.waitForEvent("exchange-failed");
  await using next = await RawClient.connect(proxy);
  await next.send(get("/next"));
  await proxy.waitUntil(({ dispatcher }) => dispatcher.queue.depth === 1);
  proxy.dispatcher.publish(proxy.upstreams);
  assert.equal((await next.readResponse()).status, 200);
  assert.equal(origin.connections.length, 1);
});

Deno.test("a worker that would answer for ever is stopped when its client goes", async () => {
  await using origin = await RecordingOrigin.start([[
    { do: "read-request" },
    { do: "send", data: head("HTTP/1.1 200 OK") },
    { do: "send-fill", count: Number.MAX_SAFE_INTEGER },
  ]]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await client.send(get("/"));
  await client.read(1_000_000);
  await client.close();
  await origin.waitFor(({ connections }) => connections[0]?.end === "reset");
  await proxy.waitUntil(isIdle);
});
