/**
 * Opens connections to workers.
 *
 * @module
 */

import { InputBuffer } from "../../proxy/core/input_buffer.ts";
import type {
  Cancellable,
  ConnectFailure,
  ConnectHandler,
  Connector,
  Destination,
} from "../../proxy/core/link.ts";
import { EPOLL, ERRNO, errnoName, isExhaustion, SO, SOCK } from "./abi.ts";
import type { Source } from "./event_loop.ts";
import { EpollLink, type LinkContext } from "./link.ts";
import { internetAddress } from "./socket_address.ts";

const ONE = new Int32Array([1]);

/** What a connector needs. */
export interface EpollConnectorOptions extends LinkContext {
  /** Size of the buffer that a connection is read into at first. */
  readonly inputBytes: number;
}

/** Opens connections over TCP. */
export class EpollConnector implements Connector {
  readonly #options: EpollConnectorOptions;

  /** Opens none yet. */
  constructor(options: EpollConnectorOptions) {
    this.#options = options;
  }

  /** Begins to connect. */
  connect(to: Destination, handler: ConnectHandler): Cancellable {
    return new Attempt(this.#options, to, handler);
  }
}

/** Becomes a connection, or fails. */
class Attempt implements Source, Cancellable {
  readonly #options: EpollConnectorOptions;
  readonly #handler: ConnectHandler;
  /** -1 when there is none, or it is somebody else's. */
  #fd = -1;
  #over = false;

  constructor(
    options: EpollConnectorOptions,
    to: Destination,
    handler: ConnectHandler,
  ) {
    this.#options = options;
    this.#handler = handler;
    const errno = this.#begin(to);
    // Nobody is called during the call that began it.
    if (errno !== 0) options.loop.atTurnEnd(() => this.#fail(errno));
  }

  cancel(): void {
    this.#over = true;
    this.#close();
  }

  abort(): void {
    this.cancel();
  }

  onReady(): void {
    const { loop, buffers, inputBytes } = this.#options;
    const errno = this.#socketError();
    if (errno !== 0) return this.#fail(errno);
    this.#over = true;
    const link = new EpollLink(this.#options, {
      fd: this.#fd,
      input: new InputBuffer(buffers, inputBytes),
      watchedFor: EPOLL.OUT,
    });
    this.#fd = -1;
    if (!loop.guard(() => this.#handler.onConnected(link))) link.close();
  }

  /** Returns the error number, or 0 while it is under way. */
  #begin(to: Destination): number {
    const { libc, loop } = this.#options;
    const { call } = libc;
    const { family, bytes } = internetAddress(to);
    const type = SOCK.STREAM | SOCK.NONBLOCK | SOCK.CLOEXEC;
    this.#fd = call.socket(family, type, 0);
    if (this.#fd < 0) return libc.errno();
    loop.attach(this.#fd, this);
    call.setsockopt(this.#fd, SO.IPPROTO_TCP, SO.TCP_NODELAY, ONE, 4);
    if (call.connect(this.#fd, bytes, bytes.length) < 0) {
      const errno = libc.errno();
      if (errno !== ERRNO.EINPROGRESS && errno !== ERRNO.EINTR) return errno;
    }
    // Also where it is there at once: then it is writable, too.
    return loop.watch(this.#fd, EPOLL.OUT) ? 0 : libc.errno();
  }

  #socketError(): number {
    const { call } = this.#options.libc;
    const value = new Int32Array(1);
    const length = new Uint32Array([value.byteLength]);
    call.getsockopt(this.#fd, SO.SOL_SOCKET, SO.ERROR, value, length);
    return value[0]!;
  }

  #fail(errno: number): void {
    if (this.#over) return;
    this.#over = true;
    this.#close();
    this.#handler.onConnectFailed({
      reason: reasonOf(errno),
      detail: errnoName(errno),
    });
  }

  #close(): void {
    if (this.#fd < 0) return;
    this.#options.loop.detach(this.#fd);
    this.#options.libc.call.close(this.#fd);
    this.#fd = -1;
  }
}

function reasonOf(errno: number): ConnectFailure["reason"] {
  if (errno === ERRNO.ECONNREFUSED) return "refused";
  if (errno === ERRNO.EADDRNOTAVAIL) return "out-of-ports";
  return isExhaustion(errno) ? "exhausted" : "other";
}
