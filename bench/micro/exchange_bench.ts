/**
 * The data plane by itself: one request from the client's octets to the
 * client's answer, on connections in memory. What the kernel and the runtime's
 * sockets cost is not in it.
 *
 * `deno bench bench/micro/exchange_bench.ts`
 *
 * @module
 */

import { EventEmitter } from "../../src/events.ts";
import { ascii } from "../../src/http1/bytes.ts";
import { ByteWriter } from "../../src/http1/byte_writer.ts";
import { RequestHead } from "../../src/http1/request_head.ts";
import { forwarding } from "../../src/http1/request_writer.ts";
import { ResponseHead } from "../../src/http1/response_head.ts";
import { Counters } from "../../src/metrics/counters.ts";
import {
  BufferPool,
  MEDIUM_BUFFER_BYTES,
  TINY_BUFFER_BYTES,
} from "../../src/proxy/buffer_pool.ts";
import { ClientConnection } from "../../src/proxy/connection.ts";
import {
  ConnectionPool,
  UpstreamConnection,
} from "../../src/proxy/connection_pool.ts";
import type { ProxyContext } from "../../src/proxy/context.ts";
import { DateLine } from "../../src/proxy/date_line.ts";
import { RequestIds } from "../../src/proxy/request_ids.ts";
import { Socket } from "../../src/proxy/socket.ts";
import { Suspects } from "../../src/proxy/suspects.ts";
import { Sweep } from "../../src/proxy/sweep.ts";
import { Turns } from "../../src/proxy/turns.ts";
import type { Transport } from "../../src/proxy/transport.ts";
import { Dispatcher } from "../../src/upstream/dispatcher.ts";
import { POLICIES } from "../../src/upstream/policy/mod.ts";
import { Upstream } from "../../src/upstream/upstream.ts";

/** Nothing here takes that long. */
const NEVER_MS = 1e9;

const HOST = "127.0.0.1";

const SMALL = ascii("GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n");

const BROWSER = ascii(
  [
    "GET /page HTTP/1.1",
    "Host: 127.0.0.1:8080",
    "Connection: keep-alive",
    "Cache-Control: max-age=0",
    "Upgrade-Insecure-Requests: 1",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 " +
    "(KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9," +
    "image/avif,image/webp,*/*;q=0.8",
    "Sec-Fetch-Site: none",
    "Sec-Fetch-Mode: navigate",
    "Accept-Encoding: gzip, deflate, br",
    "Accept-Language: en-US,en;q=0.9",
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark",
  ].join("\r\n") + "\r\n\r\n",
);

const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" +
  "Date: Sat, 21 Nov 2026 09:00:00 GMT\r\n";

const TWELVE_OCTETS = ascii(`${HEAD}Content-Length: 12\r\n\r\nhello world\n`);

const TEN_KIBIBYTES = ascii(
  `${HEAD}Content-Length: 10240\r\n\r\n${"x".repeat(10_240)}`,
);

const TEN_CHUNKS = ascii(
  `${HEAD}Transfer-Encoding: chunked\r\n\r\n` +
    `400\r\n${"x".repeat(1024)}\r\n`.repeat(10) + "0\r\n\r\n",
);

/** A connection whose other end is a function. */
class MemoryTransport implements Transport {
  readonly announcesEnd = false;
  readonly #onWrite: () => void;
  #undelivered: Uint8Array = new Uint8Array(0);
  #room: Uint8Array | null = null;
  #resolve: ((count: number | null) => void) | null = null;

  constructor(onWrite: () => void) {
    this.#onWrite = onWrite;
  }

  /** Hands `bytes` to the read that is pending, and what it does not take to the next. */
  deliver(bytes: Uint8Array): void {
    this.#undelivered = bytes;
    this.#resolve!(this.#fill(this.#room!));
  }

  read(room: Uint8Array): Promise<number | null> {
    if (this.#undelivered.length > 0) return Promise.resolve(this.#fill(room));
    this.#room = room;
    return new Promise((resolve) => this.#resolve = resolve);
  }

  #fill(room: Uint8Array): number {
    const part = this.#undelivered.subarray(0, room.length);
    room.set(part);
    this.#undelivered = this.#undelivered.subarray(part.length);
    return part.length;
  }

  write(bytes: Uint8Array): Promise<number> {
    this.#onWrite();
    return Promise.resolve(bytes.length);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.#resolve?.(null);
  }
}

/** Returns a function that sends `request` to a worker that answers `response`, and waits for that. */
function exchange(
  request: Uint8Array,
  response: Uint8Array,
): () => Promise<void> {
  const context = newContext();
  const { buffers, connections, dispatcher } = context;
  const upstream = new Upstream({
    id: 0,
    hostname: HOST,
    port: 1,
    generation: 1,
  });
  dispatcher.publish([upstream]);
  const worker = new MemoryTransport(() => worker.deliver(response));
  const idle = new Socket(worker, buffers, MEDIUM_BUFFER_BYTES);
  const connection = new UpstreamConnection(upstream, idle, () => {});
  connections.put(connection, 0, NEVER_MS);

  let answered = (): void => {};
  const client = new MemoryTransport(() => answered());
  const socket = new Socket(client, buffers, TINY_BUFFER_BYTES);
  void new ClientConnection(context, socket, {
    address: HOST,
    hash: 1,
    forwarding: forwarding({
      trusted: false,
      address: HOST,
      proto: "http",
      port: 8080,
      defaultHost: "localhost:8080",
    }),
  }).serve();
  return () =>
    new Promise((resolve) => {
      answered = resolve;
      client.deliver(request);
    });
}

function newContext(): ProxyContext {
  const buffers = new BufferPool();
  return {
    options: {
      maxConnections: 1,
      headTimeoutMs: NEVER_MS,
      idleTimeoutMs: NEVER_MS,
      bodyTimeoutMs: NEVER_MS,
      requestTimeoutMs: NEVER_MS,
      maxRetries: 2,
      maxHeadBytes: 16_384,
      maxBodyBytes: 0,
    },
    dispatcher: new Dispatcher({
      policy: POLICIES["round-robin"],
      workerConcurrency: 0,
      maxQueue: 0,
      queueTimeoutMs: NEVER_MS,
    }),
    connections: new ConnectionPool(buffers),
    buffers,
    counters: new Counters(),
    events: new EventEmitter(),
    sweep: new Sweep(),
    suspects: new Suspects(),
    turns: new Turns({ clientConnections: 1, unanswered: 1 }),
    requestIds: new RequestIds(),
    dateLine: new DateLine(),
    admin: null,
    gate: null,
    skew: null,
    affinity: null,
    draining: false,
    finishing: false,
    requestHead: new RequestHead(),
    responseHead: new ResponseHead(),
    writer: new ByteWriter(),
  };
}

for (
  const [name, request, response] of [
    ["a small request, 12 octets", SMALL, TWELVE_OCTETS],
    ["a browser's request, 12 octets", BROWSER, TWELVE_OCTETS],
    ["a small request, 10 KiB", SMALL, TEN_KIBIBYTES],
    ["a small request, 10 KiB in ten chunks", SMALL, TEN_CHUNKS],
  ] as const
) {
  const ask = exchange(request, response);
  Deno.bench(name, { group: "exchange" }, async () => {
    await ask();
  });
}
