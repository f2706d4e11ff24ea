/**
 * What a probe sees.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  describeProbe,
  isHealthy,
  probe,
  type ProbeResult,
} from "../../src/health/probe.ts";
import { freePort } from "../support/free_port.ts";
import { OutOfDescriptors, OutOfPorts } from "../support/shortage.ts";

/** Longer than any answer takes. */
const LONG_MS = 60_000;

const NEVER = new AbortController().signal;

/** Probes a server that answers the first request with `bytes` and closes, or keeps silent when `null`. */
async function probeServer(
  bytes: Uint8Array | string | null,
  healthTimeoutMs = LONG_MS,
  signal = NEVER,
): Promise<{ result: ProbeResult; request: string }> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const served = (async (): Promise<string> => {
    using conn = await listener.accept();
    const buffer = new Uint8Array(1_024);
    const count = await conn.read(buffer) ?? 0;
    if (bytes === null) await conn.read(buffer);
    else {
      const all = typeof bytes === "string"
        ? new TextEncoder().encode(bytes)
        : bytes;
      // The probe may close before all of it is taken.
      for (let sent = 0; sent < all.length;) {
        sent += await conn.write(all.subarray(sent)).catch(() => all.length);
      }
    }
    return new TextDecoder().decode(buffer.subarray(0, count));
  })();
  const result = await probe({ hostname: "127.0.0.1", port }, {
    healthPath: "/health?deep=1",
    healthTimeoutMs,
    signal,
  });
  return { result, request: await served };
}

Deno.test("a probe is one GET over a connection that is closed after it", async () => {
  const { result, request } = await probeServer(
    "HTTP/1.1 204 No Content\r\n\r\n",
  );
  assert.deepEqual(result, { type: "responded", status: 204 });
  assert.match(request, /^GET \/health\?deep=1 HTTP\/1\.1\r\n/);
  assert.match(request, /\r\nHost: 127\.0\.0\.1:\d+\r\n/);
  assert.match(request, /\r\nConnection: close\r\n\r\n$/);
});

Deno.test("an interim response is not the answer", async () => {
  const { result } = await probeServer(
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 503 No\r\n\r\n",
  );
  assert.deepEqual(result, { type: "responded", status: 503 });
});

Deno.test("a port where nobody listens refuses", async () => {
  const result = await probe({ hostname: "127.0.0.1", port: freePort() }, {
    healthPath: "/",
    healthTimeoutMs: LONG_MS,
    signal: NEVER,
  });
  assert.deepEqual(result, { type: "refused" });
});

Deno.test("a server that keeps silent is given up at the deadline", async () => {
  const { result } = await probeServer(null, 50);
  assert.deepEqual(result, { type: "timeout", timeoutMs: 50 });
});

Deno.test("a probe can be called off while it waits, and before it begins", async () => {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), 20);
  const { result } = await probeServer(null, LONG_MS, controller.signal);
  clearTimeout(timer);
  assert.deepEqual(result, { type: "aborted" });
  const again = await probe({ hostname: "127.0.0.1", port: 1 }, {
    healthPath: "/",
    healthTimeoutMs: LONG_MS,
    signal: controller.signal,
  });
  assert.deepEqual(again, { type: "aborted" });
});

Deno.test("a probe that is called off, or late, in the turn in which it connects leaves nothing open", async () => {
  // The kernel connects; nobody has to accept.
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  for (const healthTimeoutMs of [1, LONG_MS]) {
    const controller = new AbortController();
    const probed = probe({ hostname: "127.0.0.1", port }, {
      healthPath: "/",
      healthTimeoutMs,
      signal: controller.signal,
    });
    if (healthTimeoutMs === LONG_MS) setTimeout(() => controller.abort(), 0);
    // Both the connection and the timer have come when this turn is over.
    const end = performance.now() + 5;
    while (performance.now() < end);
    const { type } = await probed;
    assert.equal(type, healthTimeoutMs === LONG_MS ? "aborted" : "timeout");
  }
});

Deno.test("what is no HTTP, cut short or without end is a bad response", async () => {
  const endless = new TextEncoder().encode(
    "HTTP/1.1 200 OK\r\nX: " + "x".repeat(100_000),
  );
  for (const bytes of ["SSH-2.0-OpenSSH\r\n", "HTTP/1.1 200 OK\r\n", endless]) {
    const { result } = await probeServer(bytes);
    assert.equal(result.type, "malformed");
  }
});

Deno.test("any answer below 500 is healthy, or only 2xx and 3xx where the path was set", () => {
  const judged = [200, 302, 404, 500, 503].map((status) => [
    isHealthy({ type: "responded", status }, false),
    isHealthy({ type: "responded", status }, true),
  ]);
  assert.deepEqual(judged, [
    [true, true],
    [true, true],
    [true, false],
    [false, false],
    [false, false],
  ]);
  assert.equal(isHealthy({ type: "refused" }, false), false);
});

Deno.test("what was seen can be said", () => {
  assert.deepEqual(
    [
      describeProbe({ type: "responded", status: 500 }),
      describeProbe({ type: "refused" }),
      describeProbe({ type: "timeout", timeoutMs: 20 }),
      describeProbe({ type: "malformed", message: "x" }),
    ],
    [
      "responded with 500",
      "connection refused",
      "no response within 20 ms",
      "bad response: x",
    ],
  );
});

Deno.test("a probe that cannot be made for want of descriptors or ports says nothing about the target", async () => {
  for (const Shortage of [OutOfDescriptors, OutOfPorts]) {
    using _ = new Shortage("connect");
    const { type } = await probe({ hostname: "127.0.0.1", port: 1 }, {
      healthPath: "/",
      healthTimeoutMs: LONG_MS,
      signal: NEVER,
    });
    assert.equal(type, "not-made");
  }
});
