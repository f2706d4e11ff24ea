/**
 * A listener and clients in one process that has few descriptors: prints what
 * became of them. Run with a low `ulimit -n`.
 *
 * @module
 */

import { BufferPool } from "../../../src/proxy/core/buffer_pool.ts";
import type { Link } from "../../../src/proxy/core/link.ts";
import { EpollConnector } from "../../../src/transport/epoll/connector.ts";
import { EventLoop } from "../../../src/transport/epoll/event_loop.ts";
import { openLibc } from "../../../src/transport/epoll/libc.ts";
import type { EpollLink } from "../../../src/transport/epoll/link.ts";
import { EpollListener } from "../../../src/transport/epoll/listener.ts";
import { listen } from "../../../src/transport/epoll/listening_socket.ts";
import { PipePool } from "../../../src/transport/epoll/pipe.ts";

/** What is printed, as JSON. */
export interface ExhaustedReport {
  /** Why attempts to connect have failed. */
  readonly failures: readonly string[];
  /** What the listener said of pauses. */
  readonly pauses: readonly string[];
  /** How many connections it asked to be given up, each time. */
  readonly closeIdle: readonly number[];
  readonly errors: readonly string[];
  /** Turns of the loop in the 200 ms after descriptors had run out. */
  readonly turnsWhileOut: number;
  /** Whether a client was served again when descriptors were there again. */
  readonly served: boolean;
  /** Descriptors before and after. */
  readonly before: number;
  readonly after: number;
}

/** Longest wait for anything. */
const DEADLINE_MS = 30_000;

/** More than there are descriptors. */
const CLIENTS = 200;

if (import.meta.main) console.log(JSON.stringify(report()));

function report(): ExhaustedReport {
  const libc = openLibc();
  const before = openDescriptors();
  const errors: string[] = [];
  const buffers = new BufferPool();
  const loop = new EventLoop({
    libc,
    onError: (error) => errors.push(String(error)),
  });
  const pipes = new PipePool({ libc, loop });
  const context = { libc, loop, buffers, pipes, inputBytes: 512 };
  const failures: string[] = [];
  const pauses: string[] = [];
  const closeIdle: number[] = [];
  const accepted: EpollLink[] = [];
  const links: Link[] = [];
  const { fd, port } = listen(libc, { hostname: "127.0.0.1", port: 0 });
  const listener = new EpollListener({
    ...context,
    fd,
    maxConnections: 10_000,
    onAccept: (link) => accepted.push(link),
    onPause: ({ type, reason }) => pauses.push(`${type} ${reason}`),
    closeIdle: (count): void => void closeIdle.push(count),
  });
  const connector = new EpollConnector(context);
  const until = (condition: () => boolean): void => {
    const end = performance.now() + DEADLINE_MS;
    while (!condition() && performance.now() < end) loop.turn(10);
  };
  const connect = (): void => {
    connector.connect({ hostname: "127.0.0.1", port }, {
      onConnected: (link) => links.push(link),
      onConnectFailed: ({ reason }) => failures.push(reason),
    });
  };

  for (let i = 0; i < CLIENTS; i++) {
    connect();
    loop.turn(0);
  }
  until(() => failures.length > 0);
  // Whether the last descriptor went to a client or to the listener depends on
  // how many the runtime has: now it goes to a client, who waits to be accepted.
  if (closeIdle.length === 0) {
    links.pop()!.close();
    connect();
  }
  until(() => closeIdle.length > 0);
  const { turns } = loop;
  const end = performance.now() + 200;
  while (performance.now() < end) loop.turn(200);
  const turnsWhileOut = loop.turns - turns;

  for (const link of [...links.splice(0), ...accepted.splice(0)]) link.close();
  until(() => pauses.at(-1)?.startsWith("accept-resumed") === true);
  // Who was in the kernel's queue has gone meanwhile.
  until(() => {
    for (const link of accepted.splice(0)) link.close();
    return listener.connections === 0;
  });
  connect();
  until(() => accepted.length > 0 && links.length > 0);
  const served = accepted.length > 0 && links.length > 0;
  loop.close();
  libc.call.close(fd);
  return {
    failures: [...new Set(failures)],
    pauses,
    closeIdle,
    errors,
    turnsWhileOut,
    served,
    before,
    after: openDescriptors(),
  };
}

function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
