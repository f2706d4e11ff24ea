/**
 * Passes octets on as they are: one read and one write for a request, and for
 * its response, on connections to the workers that are kept, the next worker's
 * for each request. Looks at no octet: a client that sends after it was sent
 * something has its next request. Long content goes in a pipe of the kernel's,
 * as this project's does.
 *
 * `deno run -A bench/peers/floor_main.ts PORT ORIGIN_PORT...`
 *
 * @module
 */

import {
  LARGE_BUFFER_BYTES,
  MEDIUM_BUFFER_BYTES,
} from "../../src/proxy/core/buffer_pool.ts";
import { EPOLL, MSG, SO, SOCK } from "../../src/transport/epoll/abi.ts";
import {
  EventLoop,
  type Source,
} from "../../src/transport/epoll/event_loop.ts";
import { openLibc } from "../../src/transport/epoll/libc.ts";
import { listen } from "../../src/transport/epoll/listening_socket.ts";
import { type Pipe, PipePool } from "../../src/transport/epoll/pipe.ts";
import { internetAddress } from "../../src/transport/epoll/socket_address.ts";

const HOSTNAME = "127.0.0.1";

const BACKLOG = 4096;

const ONE = new Int32Array([1]);

const libc = openLibc();
const { call } = libc;
const loop = new EventLoop({
  libc,
  onError: (error) => {
    throw error;
  },
});
const pipes = new PipePool({ libc, loop });
const buffer = new Uint8Array(MEDIUM_BUFFER_BYTES);
const address = new Uint8Array(16);
const addressLength = new Uint32Array(1);

/** One end of an exchange. */
class Connection implements Source {
  readonly fd: number;
  /** Where what comes goes. */
  other: Connection | null = null;
  #closed = false;
  /** What it is to be sent before anything else. */
  #rest: Uint8Array | Pipe | null = null;
  /** Whether there is more to come than a buffer holds. */
  #long = false;

  constructor(fd: number) {
    this.fd = fd;
    loop.attach(fd, this);
    if (!loop.watch(fd, EPOLL.IN)) throw new Error("out of memory");
  }

  onReady(events: number): void {
    if (this.#rest !== null && (events & EPOLL.OUT) !== 0) this.#flush();
    if ((events & ~EPOLL.OUT) !== 0 && !this.#closed) this.receive();
  }

  /** Passes on what has come. */
  receive(): void {
    const { other } = this;
    if (this.#long && other !== null) return this.#splice(other);
    const count = call.recv(this.fd, buffer, buffer.length, MSG.DONTWAIT);
    if (count <= 0) return this.onEnd();
    this.#long = count === buffer.length;
    this.passOn(count);
  }

  /** Sends the first octets of the buffer to the other. */
  passOn(count: number): void {
    const other = this.other!;
    const flags = MSG.NOSIGNAL | MSG.DONTWAIT;
    const sent = Math.max(0, call.send(other.fd, buffer, count, flags));
    if (sent < count) other.#hold(buffer.slice(sent, count));
  }

  /** Nothing more comes. */
  onEnd(): void {
    this.other?.close();
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    loop.detach(this.fd);
    call.close(this.fd);
  }

  abort(): void {
    this.close();
  }

  #splice(other: Connection): void {
    const pipe = pipes.take();
    const count = pipe?.fill(this.fd, LARGE_BUFFER_BYTES) ?? 0;
    this.#long = count >= buffer.length;
    if (pipe === null) return;
    if (count > 0) pipe.drainTo(other.fd);
    if (pipe.length > 0) other.#hold(pipe);
    else pipe.release();
  }

  /** Takes nothing more from the other until `rest` has been sent. */
  #hold(rest: Uint8Array | Pipe): void {
    this.#rest = rest;
    loop.modify(this.fd, EPOLL.IN | EPOLL.OUT);
    loop.modify(this.other!.fd, 0);
  }

  #flush(): void {
    const rest = this.#rest!;
    if (rest instanceof Uint8Array) {
      const flags = MSG.NOSIGNAL | MSG.DONTWAIT;
      const sent = Math.max(0, call.send(this.fd, rest, rest.length, flags));
      this.#rest = sent < rest.length ? rest.subarray(sent) : null;
    } else {
      rest.drainTo(this.fd);
      if (rest.length === 0) {
        rest.release();
        this.#rest = null;
      }
    }
    if (this.#rest !== null) return;
    loop.modify(this.fd, EPOLL.IN);
    loop.modify(this.other!.fd, EPOLL.IN);
  }
}

/** That of a worker: idle, or one client's. */
class UpstreamConnection extends Connection {
  /** Others of this worker that are idle. */
  readonly #idle: UpstreamConnection[];
  /** Whether it has sent something since its client did. */
  responded = false;

  constructor(port: number, idle: UpstreamConnection[]) {
    super(connectTo(port));
    this.#idle = idle;
  }

  override passOn(count: number): void {
    this.responded = true;
    super.passOn(count);
  }

  override onEnd(): void {
    const at = this.#idle.indexOf(this);
    if (at >= 0) this.#idle.splice(at, 1);
    super.onEnd();
  }

  /** Its client has no more to do with it. */
  release(): void {
    this.other = null;
    this.responded = false;
    this.#idle.push(this);
  }
}

class ClientConnection extends Connection {
  declare other: UpstreamConnection | null;

  override passOn(count: number): void {
    const { other } = this;
    if (other === null || other.responded) {
      other?.release();
      this.other = nextConnection();
      this.other.other = this;
    }
    super.passOn(count);
  }
}

const [port = 0, ...originPorts] = Deno.args.map(Number);
const workers = originPorts.map((origin) => ({
  origin,
  idle: [] as UpstreamConnection[],
}));
let turn = 0;

/** An idle connection to the worker whose turn it is, or a new one. */
function nextConnection(): UpstreamConnection {
  const { origin, idle } = workers[turn++ % workers.length]!;
  return idle.pop() ?? new UpstreamConnection(origin, idle);
}

/** Waits for it, as nothing does on loopback for long. */
function connectTo(origin: number): number {
  const { family, bytes } = internetAddress({
    hostname: HOSTNAME,
    port: origin,
  });
  const type = SOCK.STREAM | SOCK.CLOEXEC;
  const fd = libc.check(call.socket(family, type, 0), "open a socket");
  call.setsockopt(fd, SO.IPPROTO_TCP, SO.TCP_NODELAY, ONE, ONE.byteLength);
  libc.check(call.connect(fd, bytes, bytes.length), "connect to a worker");
  return fd;
}

const listening = listen(libc, { hostname: HOSTNAME, port }, {
  backlog: BACKLOG,
});
loop.attach(listening.fd, {
  onReady(): void {
    addressLength[0] = address.length;
    const flags = SOCK.NONBLOCK | SOCK.CLOEXEC;
    const fd = call.accept4(listening.fd, address, addressLength, flags);
    if (fd >= 0) new ClientConnection(fd);
  },
  abort(): void {},
});
loop.watch(listening.fd, EPOLL.IN);
loop.run();
