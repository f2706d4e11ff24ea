/** Whether a server is seen to serve one connection at a time. */

import assert from "node:assert/strict";
import { servesOneConnection } from "../../src/health/connection_check.ts";
import { HealthMonitor } from "../../src/health/monitor.ts";

const HOSTNAME = "127.0.0.1";
const RESPONSE = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/** A server that keeps connections, and has the next one wait for the end of `serve` where that says so. */
function listen(
  { serial, pageMs = 0 }: { serial: boolean; pageMs?: number },
): AsyncDisposable & { readonly port: number; readonly requests: number } {
  const listener = Deno.listen({ hostname: HOSTNAME, port: 0 });
  let requests = 0;
  const serve = async (conn: Deno.Conn): Promise<void> => {
    const buffer = new Uint8Array(4096);
    while (await conn.read(buffer) !== null) {
      requests++;
      if (pageMs > 0) await new Promise((done) => setTimeout(done, pageMs));
      await conn.write(new TextEncoder().encode(RESPONSE));
    }
    conn.close();
  };
  const served: Promise<void>[] = [];
  const accept = async (): Promise<void> => {
    for await (const conn of listener) {
      const end = serve(conn);
      served.push(end);
      if (serial) await end;
    }
  };
  const accepting = accept();
  return {
    port: listener.addr.port,
    get requests(): number {
      return requests;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      listener.close();
      await accepting;
      await Promise.all(served);
    },
  };
}

async function check(port: number): Promise<boolean | null> {
  return await servesOneConnection({ hostname: HOSTNAME, port }, {
    healthPath: "/",
    healthTimeoutMs: 60_000,
    signal: new AbortController().signal,
  });
}

Deno.test("a server that has others wait for the end of an idle connection is known by that", async () => {
  await using server = listen({ serial: true });
  assert.equal(await check(server.port), true);
});

Deno.test("a server that serves several is not taken for one, however slow its page is", async () => {
  await using quick = listen({ serial: false });
  assert.equal(await check(quick.port), false);
  await using slow = listen({ serial: false, pageMs: 400 });
  assert.equal(await check(slow.port), false);
});

Deno.test("of a server that is not there, or ends its connections, nothing is held", async () => {
  const listener = Deno.listen({ hostname: HOSTNAME, port: 0 });
  const { port } = listener.addr;
  const cut = (async () => {
    for await (const conn of listener) conn.close();
  })();
  assert.equal(await check(port), null);
  listener.close();
  await cut;
  assert.equal(await check(port), null);
});

/** Has a worker of `generation` watched until it is ready; returns whether it was found to serve one connection at a time. */
async function start(
  monitor: HealthMonitor,
  generation: number,
  port: number,
): Promise<boolean | undefined> {
  const ready = Promise.withResolvers<boolean | undefined>();
  const worker = { workerId: 0, generation, upstream: 1, pid: -1, mark: null };
  const watch = monitor.watch(
    { ...worker, hostname: HOSTNAME, port },
    ({ serial }) => ready.resolve(serial),
  );
  const serial = await ready.promise;
  await watch.stop();
  return serial;
}

Deno.test("that a worker serves several connections is found out once for all of its generation, that it does not of each", async () => {
  const monitor = new HealthMonitor({
    healthPath: "/",
    healthStrict: false,
    healthIntervalMs: 3_600_000,
    healthTimeoutMs: 60_000,
    healthFall: 3,
    healthRise: 1,
    slowRequestMs: 0,
  });
  await using serial = listen({ serial: true });
  assert.equal(await start(monitor, 1, serial.port), true);
  await using server = listen({ serial: false });
  const requests: number[] = [];
  for (const generation of [1, 1, 1, 2]) {
    const before = server.requests;
    assert.equal(await start(monitor, generation, server.port), false);
    requests.push(server.requests - before);
  }
  assert.deepEqual(requests, [3, 1, 1, 3]);
  await monitor.close();
});
