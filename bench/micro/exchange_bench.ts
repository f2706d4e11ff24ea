/**
 * The data plane by itself: one request from the client's octets to the
 * client's response, on connections in memory. What the kernel and the runtime's
 * sockets cost is not in it.
 *
 * `deno bench bench/micro/exchange_bench.ts`
 *
 * @module
 */

import { EventEmitter } from "../../src/events/mod.ts";
import { ascii } from "../../src/http1/bytes.ts";
import {
  BufferPool,
  MEDIUM_BUFFER_BYTES,
  TINY_BUFFER_BYTES,
} from "../../src/proxy/core/buffer_pool.ts";
import type { Driver } from "../../src/proxy/core/context.ts";
import { Counters } from "../../src/proxy/core/counters.ts";
import { ProxyEngine } from "../../src/proxy/core/engine.ts";
import { InputBuffer } from "../../src/proxy/core/input_buffer.ts";
import type {
  ConnectHandler,
  Link,
  LinkHandler,
  WriteResult,
} from "../../src/proxy/core/link.ts";
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

const NOBODY: LinkHandler = {
  onData: () => {},
  onEnd: () => {},
  onWritten: () => {},
};

/** A connection whose other end takes everything, and sends what it is told to. */
class MemoryLink implements Link {
  readonly input: InputBuffer;
  readonly splicing = null;
  handler: LinkHandler = NOBODY;
  readonly ended = false;
  readonly failed = false;
  readonly closed = false;
  /** Octets the other end has been sent. */
  sentBytes = 0;
  readonly #buffers: BufferPool;

  constructor(buffers: BufferPool, bufferBytes: number) {
    this.#buffers = buffers;
    this.input = new InputBuffer(buffers, bufferBytes);
  }

  /** Brings `bytes`, in as many reads as the input has room for. */
  deliver(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const room = this.input.room();
      const count = Math.min(room.length, bytes.length - at);
      room.set(count === bytes.length ? bytes : bytes.subarray(at, at + count));
      this.input.received(count);
      this.handler.onData(this);
      at += count;
    }
  }

  write(bytes: Uint8Array, owned: Uint8Array<ArrayBuffer> | null): WriteResult {
    this.sentBytes += bytes.length;
    if (owned !== null) this.#buffers.release(owned);
    return "written";
  }

  resume(): void {}
  pause(): void {}
  watch(): void {}
  acknowledge(): void {}

  taken(): number {
    return 0;
  }
  endWrite(): void {}
  finish(): void {}
  cut(): void {
    this.close();
  }

  close(): void {}
}

/** Returns a function that has `request` served by a worker that sends `response`. */
function exchange(request: Uint8Array, response: Uint8Array): () => void {
  const buffers = new BufferPool();
  const worker = new MemoryLink(buffers, MEDIUM_BUFFER_BYTES);
  const client = new MemoryLink(buffers, TINY_BUFFER_BYTES);
  let connecting: ConnectHandler | null = null;
  const engine = newEngine({
    buffers,
    clock: { now: () => 0, exactNow: () => 0, wallTime: () => 0 },
    timers: { after: () => ({ cancel: () => {} }) },
    connector: {
      connect: (_to, handler) => {
        connecting = handler;
        return { cancel: () => {} };
      },
    },
    isEnding: () => false,
    reportFault: (error) => {
      throw error;
    },
  });
  engine.accept({ link: client, peerAddress: HOST, onClosed: () => {} });
  const ask = (): void => {
    const { sentBytes } = client;
    client.deliver(request);
    connecting?.onConnected(worker);
    connecting = null;
    worker.deliver(response);
    if (client.sentBytes === sentBytes) throw new Error("No response came");
  };
  // From now on the connection to the worker is there.
  ask();
  return ask;
}

function newEngine(driver: Driver): ProxyEngine {
  const dispatcher = new Dispatcher({
    policy: POLICIES["round-robin"],
    workerConcurrency: 0,
    maxQueue: 0,
    queueTimeoutMs: NEVER_MS,
  });
  const address = { id: 0, hostname: HOST, port: 1 };
  dispatcher.publish([new Upstream({ ...address, generation: 1 })]);
  return new ProxyEngine({
    maxConnections: 1,
    headTimeoutMs: NEVER_MS,
    idleTimeoutMs: NEVER_MS,
    bodyTimeoutMs: NEVER_MS,
    requestTimeoutMs: NEVER_MS,
    maxRetries: 2,
    maxHeadBytes: 16_384,
    maxBodyBytes: 0,
    proxyProtocol: false,
    trustedProxies: [],
    rateLimit: null,
    skewProtection: false,
  }, {
    driver,
    port: 8080,
    tls: null,
    dispatcher,
    counters: new Counters(),
    events: new EventEmitter(),
    admin: null,
  });
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
  Deno.bench(name, { group: "exchange" }, ask);
}
