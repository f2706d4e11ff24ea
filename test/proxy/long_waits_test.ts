/** The waits that no setting makes short enough for a test: the clock is put forward. */

import assert from "node:assert/strict";
import {
  TUNNEL_HALF_CLOSED_TIMEOUT_MS,
  TUNNEL_IDLE_TIMEOUT_MS,
} from "../../src/proxy/core/tunnel.ts";
import { get, head, ok } from "../support/message_text.ts";
import { answering } from "../support/origin_script.ts";
import { startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";
import { StoppedClock } from "../support/stopped_clock.ts";

const UPGRADE = get("/", "Connection: upgrade", "Upgrade: echo");
const SWITCHED = head(
  "HTTP/1.1 101 Switching Protocols",
  "Connection: upgrade",
  "Upgrade: echo",
);

/** Tries to connect in vain, one after the other, before a queue counts as full: one may be the machine's fault. */
const MISSES = 3;

for (
  const [what, timeoutMs, ends] of [
    ["in which nothing passes", TUNNEL_IDLE_TIMEOUT_MS, false],
    ["of which one side has ended", TUNNEL_HALF_CLOSED_TIMEOUT_MS, true],
  ] as const
) {
  Deno.test(`a tunnel ${what} is closed after ${timeoutMs / 1000} s`, async () => {
    using clock = new StoppedClock();
    await using origin = await RecordingOrigin.start([[
      { do: "read-head" },
      { do: "send", data: SWITCHED },
      { do: "gate", name: "end" },
      { do: "half-close" },
    ]]);
    await using proxy = startProxy({ origins: [origin.port] });
    await using client = await RawClient.connect(proxy);
    await client.ask(UPGRADE);
    if (ends) {
      origin.open("end");
      await client.readUntilEnd();
    }
    await clock.pass(timeoutMs - 1);
    assert.equal(proxy.counters.clientConnections, 1);
    await clock.pass(1);
    await proxy.waitUntil(({ counters }) => counters.clientConnections === 0);
    origin.open("end");
    await client.readUntilEnd();
    assert.equal(proxy.upstreams[0]?.inFlight, 0);
  });
}

Deno.test("a worker whose backlog is full is given up after the connect timeout, for another", async () => {
  await using full = await fullListener();
  await using origin = await RecordingOrigin.start([answering(ok("other"))]);
  await using proxy = startProxy({ origins: [full.port, origin.port] });
  await using client = await RawClient.connect(proxy);
  assert.equal((await client.ask(get("/"))).text, "other");
  assert.deepEqual(proxy.upstreams.map(({ failures }) => failures), [1, 0]);
  assert.equal(proxy.counters.retries, 1);
});

Deno.test("a client that is not heard of after the PROXY header it owes is closed", async () => {
  await using proxy = startProxy({
    options: { proxyProtocol: true, headTimeoutMs: 300 },
  });
  await using client = await RawClient.connect(proxy);
  await client.send("PROXY TCP4 ");
  const { bytes, peer } = await client.readUntilEnd();
  assert.deepEqual([bytes.length, peer], [0, "closed"]);
});

/** A listener that accepts nothing and whose queue is full: connecting to it takes for ever. */
async function fullListener(): Promise<{ port: number } & AsyncDisposable> {
  const listener = Deno.listen({
    hostname: "127.0.0.1",
    port: 0,
    tcpBacklog: 1,
  });
  const { port } = listener.addr;
  const conns: Deno.Conn[] = [];
  for (let missed = 0; missed < MISSES;) {
    try {
      const signal = AbortSignal.timeout(200);
      conns.push(
        await Deno.connect({ hostname: "127.0.0.1", port, signal }),
      );
      missed = 0;
    } catch {
      missed++;
    }
  }
  return {
    port,
    [Symbol.asyncDispose](): Promise<void> {
      for (const conn of conns) conn.close();
      listener.close();
      return Promise.resolve();
    },
  };
}
