/** Connecting on epoll: there, refused, called off, or out of descriptors or ports. */

import assert from "node:assert/strict";
import type { ConnectFailure } from "../../../src/proxy/core/link.ts";
import { ERRNO } from "../../../src/transport/epoll/abi.ts";
import { EpollLink } from "../../../src/transport/epoll/link.ts";
import { freePort } from "../../support/free_port.ts";
import { LoopStand, Recorded } from "./loop_stand.ts";

for (const hostname of ["127.0.0.1", "::1"]) {
  Deno.test(`a connection to ${hostname} is there, paused, with nothing read`, async () => {
    await using stand = new LoopStand();
    using server = Deno.listen({ hostname, port: 0 });
    const connecting = stand.connect(server.addr.port, hostname);
    using peer = await server.accept();
    const link = await connecting;
    assert.ok(link instanceof EpollLink);
    await peer.write(new Uint8Array([1, 2, 3]));
    const recorded = new Recorded(link);
    await stand.turns(10);
    assert.deepEqual(recorded.events, []);
    assert.equal(link.write(new Uint8Array([4, 5]), null), "written");
    const buffer = new Uint8Array(10);
    assert.equal(await peer.read(buffer), 2);
    link.resume();
    await stand.until(() => recorded.count === 3, "what was sent");
  });
}

Deno.test("a connection to nobody is refused, and leaves no descriptor", async () => {
  await using stand = new LoopStand();
  const open = stand.libc.open.size;
  const failure = await stand.connect(freePort()) as ConnectFailure;
  assert.deepEqual(failure, { reason: "refused", detail: "ECONNREFUSED" });
  assert.equal(stand.libc.open.size, open);
});

Deno.test("nobody is called during the call that begins to connect, not even when it fails at once", async () => {
  await using stand = new LoopStand();
  stand.libc.failNext("socket", ERRNO.EMFILE);
  let during = true;
  const failure = await new Promise((resolve) => {
    stand.connector.connect({ hostname: "127.0.0.1", port: 1 }, {
      onConnected: () => assert.fail(),
      onConnectFailed: (failure): void => {
        assert.equal(during, false);
        resolve(failure);
      },
    });
    during = false;
  });
  assert.deepEqual(failure, { reason: "exhausted", detail: "EMFILE" });
});

Deno.test("a machine without a port left to connect from is told from a worker that refuses", async () => {
  await using stand = new LoopStand();
  const open = stand.libc.open.size;
  stand.libc.interference = (name) =>
    name === "connect" ? ERRNO.EADDRNOTAVAIL : 0;
  const failure = await stand.connect(1) as ConnectFailure;
  assert.deepEqual(failure, {
    reason: "out-of-ports",
    detail: "EADDRNOTAVAIL",
  });
  assert.equal(stand.libc.open.size, open);
});

Deno.test("an address that cannot be reached is another failure", async () => {
  await using stand = new LoopStand();
  // Broadcast: the kernel says so itself, whatever networks there are.
  const failure = await stand.connect(1, "255.255.255.255") as ConnectFailure;
  assert.equal(failure.reason, "other");
});

Deno.test("an attempt that is cancelled calls nobody, also when it has failed already", async () => {
  await using stand = new LoopStand();
  using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = stand.libc.open.size;
  const handler = {
    onConnected: (): void => assert.fail("connected"),
    onConnectFailed: (): void => assert.fail("failed"),
  };
  const to = { hostname: "127.0.0.1", port: server.addr.port };
  stand.connector.connect(to, handler).cancel();
  stand.libc.failNext("socket", ERRNO.EMFILE);
  const failed = stand.connector.connect(to, handler);
  failed.cancel();
  failed.cancel();
  await stand.turns(10);
  assert.equal(stand.libc.open.size, open);
  assert.deepEqual(stand.errors, []);
});

Deno.test("an attempt that nothing comes back for waits until it is cancelled", async () => {
  await using stand = new LoopStand();
  // A listener whose queue is full drops what comes.
  const { fd, port } = stand.listenDeaf();
  let over = 0;
  const attempts = Array.from(
    { length: 8 },
    () =>
      stand.connector.connect({ hostname: "127.0.0.1", port }, {
        onConnected: () => over++,
        onConnectFailed: () => over++,
      }),
  );
  await stand.turns(50);
  assert.ok(over < attempts.length);
  const before = over;
  for (const attempt of attempts) attempt.cancel();
  await stand.turns(10);
  assert.equal(over, before);
  stand.closeListening(fd);
});

Deno.test("a callback that throws ends the connection it was given", async () => {
  await using stand = new LoopStand();
  using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const mistake = new Error("a mistake");
  stand.connector.connect({ hostname: "127.0.0.1", port: server.addr.port }, {
    onConnected: () => {
      throw mistake;
    },
    onConnectFailed: () => assert.fail(),
  });
  using peer = await server.accept();
  assert.equal(await peer.read(new Uint8Array(1)), null);
  assert.deepEqual(stand.errors.splice(0), [mistake]);
});
