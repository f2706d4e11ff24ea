/**
 * Whether a port speaks TLS.
 *
 * @module
 */

import assert from "node:assert/strict";
import { speaksTls } from "../../src/health/tls_check.ts";
import {
  DEFAULT_DEADLINE_MS,
  eventually,
  withDeadline,
} from "../support/deadline.ts";
import { freePort } from "../support/free_port.ts";
import { FIRST } from "../support/tls.ts";

const NEVER = new AbortController().signal;

function target(port: number): { hostname: string; port: number } {
  return { hostname: "127.0.0.1", port };
}

Deno.test("a TLS server is known by how it responds to a ClientHello", async () => {
  using listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: await Deno.readTextFile(FIRST.certPath),
    key: await Deno.readTextFile(FIRST.keyPath),
  });
  const served = (async (): Promise<void> => {
    using conn = await listener.accept();
    // What is probed with is no whole handshake.
    await conn.handshake().catch(() => {});
  })();
  assert.equal(await speaksTls(target(listener.addr.port), NEVER), true);
  await served;
});

Deno.test("plain HTTP, nobody, and one who is called off are no TLS", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async (): Promise<void> => {
    using conn = await listener.accept();
    await conn.read(new Uint8Array(1_024));
    await conn.write(
      new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"),
    );
  })();
  assert.equal(await speaksTls(target(listener.addr.port), NEVER), false);
  await served;
  assert.equal(await speaksTls(target(freePort()), NEVER), false);
  const aborted = AbortSignal.abort();
  assert.equal(await speaksTls(target(listener.addr.port), aborted), false);
});

Deno.test("one that accepts nobody any more is given up", async () => {
  const where = { hostname: "127.0.0.1", port: 0 };
  using listener = Deno.listen({ ...where, tcpBacklog: 1 });
  const { port } = listener.addr;
  const cut = new AbortController();
  let connected = 0;
  // More than its backlog holds: the kernel lets the others wait.
  const waiting = Array.from({ length: 8 }, async () => {
    using _conn = await Deno.connect({ port, signal: cut.signal });
    connected++;
    await new Promise((resolve) =>
      cut.signal.addEventListener("abort", resolve)
    );
  });
  await eventually(() =>
    connected < 2 ? Promise.reject(new Error("too few")) : Promise.resolve()
  );
  const spoken = withDeadline(
    speaksTls(target(port), NEVER),
    DEFAULT_DEADLINE_MS,
    () => "It still connects",
  );
  assert.equal(await spoken, false);
  assert.ok(connected < 8);
  cut.abort();
  await Promise.allSettled(waiting);
});
