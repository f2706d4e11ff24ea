/** Accepting on epoll: as many as allowed, from wherever they come. */

import assert from "node:assert/strict";
import net from "node:net";
import type { EpollLink } from "../../../src/transport/epoll/link.ts";
import type { InternetEndpoint } from "../../../src/transport/epoll/socket_address.ts";
import { SO } from "../../../src/transport/epoll/abi.ts";
import { listen } from "../../../src/transport/epoll/listening_socket.ts";
import { RawSocket } from "../../support/raw_socket.ts";
import { LoopStand, Recorded } from "./loop_stand.ts";

/** Clients one after the other, each with a descriptor that another had before. */
const SHORT_CONNECTIONS = 3000;

/** Clients at once among those. */
const AT_ONCE = 50;

for (const hostname of ["127.0.0.1", "::1"]) {
  Deno.test(`a client of ${hostname} is accepted, with its address`, async () => {
    await using stand = new LoopStand();
    const peers: (InternetEndpoint | null)[] = [];
    const { port } = stand.listen({
      onAccept: (_link, peer) => peers.push(peer),
    }, { hostname, port: 0 });
    const socket = await RawSocket.connect({ port, hostname });
    await stand.until(() => peers.length === 1, "the client");
    assert.deepEqual(peers, [{ hostname, port: socket.localPort }]);
    await socket.close();
  });
}

Deno.test("a client of IPv4 at a listener for all of IPv6 has an address of IPv4", async () => {
  await using stand = new LoopStand();
  const peers: (InternetEndpoint | null)[] = [];
  const { port } = stand.listen({
    onAccept: (_link, peer) => peers.push(peer),
  }, { hostname: "::", port: 0 });
  const socket = await RawSocket.connect({ port });
  await stand.until(() => peers.length === 1, "the client");
  assert.equal(peers[0]?.hostname, "127.0.0.1");
  await socket.close();
});

Deno.test("a client of a Unix socket is accepted, and has no address", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await using stand = new LoopStand();
    const path = `${directory}/socket`;
    const peers: (InternetEndpoint | null)[] = [];
    const links: EpollLink[] = [];
    stand.listen({
      onAccept: (link, peer) => {
        peers.push(peer);
        links.push(link);
      },
    }, { path });
    await using client = await unixClient(path);
    await client.write(new Uint8Array([1, 2, 3]));
    await stand.until(() => peers.length === 1, "the client");
    assert.deepEqual(peers, [null]);
    const recorded = new Recorded(links[0]!);
    recorded.link.resume();
    await stand.until(() => recorded.count === 3, "what it sent");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("what is accepted sends without delay", async () => {
  await using stand = new LoopStand();
  const before = new Set(stand.libc.open);
  const { fd } = stand.listen();
  await using peer = await RawSocket.connect({ port: portOf(stand, fd) });
  await stand.until(() => stand.libc.open.size === before.size + 2, "it");
  const accepted = [...stand.libc.open].find((open) =>
    open !== fd && !before.has(open)
  )!;
  const value = new Int32Array(1);
  const length = new Uint32Array([4]);
  stand.libc.call.getsockopt(
    accepted,
    SO.IPPROTO_TCP,
    SO.TCP_NODELAY,
    value,
    length,
  );
  assert.equal(value[0], 1);
  assert.notEqual(peer.localPort, 0);
});

Deno.test("a port that is taken cannot be listened at, and nothing is left open", async () => {
  await using stand = new LoopStand();
  const { port } = stand.listen();
  const open = stand.libc.open.size;
  assert.throws(
    () => listen(stand.libc, { hostname: "127.0.0.1", port }),
    { code: "EADDRINUSE", message: new RegExp(`127.0.0.1:${port}`) },
  );
  assert.throws(() => listen(stand.libc, { hostname: "localhost", port: 0 }));
  assert.throws(() => listen(stand.libc, { path: "x".repeat(108) }));
  assert.equal(stand.libc.open.size, open);
});

Deno.test("no more than allowed are let in, and the next when one has gone", async () => {
  await using stand = new LoopStand();
  const events: string[] = [];
  const accepted: EpollLink[] = [];
  const { listener, port } = stand.listen({
    maxConnections: 2,
    onAccept: (link) => accepted.push(link),
    onPause: ({ type, reason }) => events.push(`${type} ${reason}`),
  });
  const clients = await Promise.all(
    Array.from({ length: 4 }, () => RawSocket.connect({ port })),
  );
  await stand.until(() => events.length === 1, "the pause");
  await stand.turns(10);
  assert.equal(listener.connections, 2);
  accepted[0]!.close();
  await stand.until(() => accepted.length === 3, "the next client");
  await stand.turns(10);
  assert.equal(listener.connections, 2);
  assert.deepEqual(events, ["accept-paused max-connections"]);
  for (const link of accepted) link.close();
  await stand.until(() => accepted.length === 4, "the last client");
  await stand.until(() => events.length === 2, "the end of it");
  assert.equal(events[1], "accept-resumed max-connections");
  for (const client of clients) await client.close();
});

Deno.test("thousands of short connections: each gets its own octets, whatever descriptor it has", async () => {
  await using stand = new LoopStand();
  let links = 0;
  const { listener, port } = stand.listen({
    onAccept: (link) => {
      links++;
      echo(link);
    },
  });
  let left = SHORT_CONNECTIONS;
  async function clients(): Promise<void> {
    while (left-- > 0) {
      const text = `client ${left}`;
      const socket = await RawSocket.connect({ port });
      await socket.write(new TextEncoder().encode(text));
      assert.equal(new TextDecoder().decode((await socket.read())!), text);
      // Some of them without a farewell.
      if (left % 3 === 0) await socket.reset();
      else await socket.close();
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, clients));
  await stand.until(() => listener.connections === 0, "the last close");
  assert.equal(links, SHORT_CONNECTIONS);
});

Deno.test("a callback of the listener that throws ends that connection, and others are accepted", async () => {
  await using stand = new LoopStand();
  const mistake = new Error("a mistake");
  let calls = 0;
  const { port } = stand.listen({
    onAccept: (link) => {
      if (++calls === 1) throw mistake;
      echo(link);
    },
  });
  await using first = await RawSocket.connect({ port });
  assert.equal(await first.read(), null);
  await using second = await RawSocket.connect({ port });
  await second.write(new Uint8Array([7]));
  assert.deepEqual(await second.read(), new Uint8Array([7]));
  assert.deepEqual(stand.errors.splice(0), [mistake]);
});

Deno.test("whoever waits when the listener closes is let in first, and connections go on", async () => {
  await using stand = new LoopStand();
  const { listener, fd, port, accepted } = stand.listen();
  const sockets = [
    RawSocket.connect({ port }),
    RawSocket.connect({ port }),
    RawSocket.connect({ port }),
  ];
  const clients = await Promise.all(sockets);
  let closed = false;
  listener.close(() => closed = true);
  await stand.until(() => closed, "the close");
  stand.closeListening(fd);
  assert.equal(accepted.length, 3);
  const recorded = new Recorded(accepted[0]!);
  recorded.link.resume();
  await Promise.all(clients.map((client) => client.write(new Uint8Array(1))));
  await stand.until(() => recorded.count === 1, "what the client sent");
  await assert.rejects(RawSocket.connect({ port }), { code: "ECONNREFUSED" });
  for (const client of clients) await client.close();
});

Deno.test("a listening socket outlives its listener: the next one lets in who waits", async () => {
  await using stand = new LoopStand();
  const { listener, fd, port, accepted } = stand.listen();
  await using _first = await RawSocket.connect({ port });
  await stand.until(() => accepted.length === 1, "the first");
  listener.abort();
  await using second = await RawSocket.connect({ port });
  await second.write(new Uint8Array([9]));
  await stand.turns(10);
  assert.equal(accepted.length, 1);
  stand.adopt(fd, { onAccept: echo });
  assert.deepEqual(await second.read(), new Uint8Array([9]));
});

Deno.test("a listener whose socket was closed behind its back says so", async () => {
  await using stand = new LoopStand();
  const { fd } = stand.listen();
  stand.libc.call.shutdown(fd, 0);
  await stand.until(() => stand.errors.length > 0, "the error");
  assert.match(String(stand.errors[0]), /Cannot accept connections/);
  stand.errors.length = 0;
});

/** Sends back what comes, until the peer ends. */
function echo(link: EpollLink): void {
  link.handler = {
    onData: ({ input }): void => {
      link.write(input.bytes.slice(input.start, input.end), null);
      input.start = input.end;
    },
    onEnd: (): void => link.close(),
    onWritten: (): void => {},
  };
  link.resume();
}

function portOf(stand: LoopStand, fd: number): number {
  const address = new Uint8Array(16);
  stand.libc.call.getsockname(fd, address, new Uint32Array([16]));
  return (address[2]! << 8) | address[3]!;
}

/** A client of a Unix socket. */
function unixClient(path: string): Promise<RawSocket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ path, allowHalfOpen: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      socket.pause();
      resolve(new RawSocket(socket));
    });
  });
}
