/**
 * Accepts client connections: no more than allowed, and none while the
 * process has no descriptors left.
 *
 * @module
 */

import type { AcceptPausedEvent } from "../../events/mod.ts";
import { InputBuffer } from "../../proxy/core/input_buffer.ts";
import type { Cancellable } from "../../proxy/core/link.ts";
import { AcceptPauses } from "../accept_pauses.ts";
import {
  DESCRIPTOR_PAUSE_MS,
  QUIET_MS,
  QUIET_TIMEOUT_MS,
} from "../descriptor_reserve.ts";
import { type CloseIdle, Room, ROOM_INTERVAL_MS } from "../room.ts";
import { EPOLL, ERRNO, isExhaustion, SOCK } from "./abi.ts";
import type { Source } from "./event_loop.ts";
import { SystemCallError } from "./libc.ts";
import { EpollLink, type LinkContext } from "./link.ts";
import {
  type InternetEndpoint,
  MAX_SOCKET_ADDRESS_BYTES,
  readInternetAddress,
} from "./socket_address.ts";

/** Most connections accepted in a turn: those that are there have their turn too. */
const MAX_BURST = 64;

/** What a listener needs. */
export interface EpollListenerOptions extends LinkContext {
  /** A listening, non-blocking socket. It stays its owner's. */
  readonly fd: number;
  /** Connections at once. */
  readonly maxConnections: number;
  /** Size of the buffer that a connection is read into at first. */
  readonly inputBytes: number;
  /** A client has come; the link is the callee's, paused. `peer` is `null` for a Unix socket. */
  readonly onAccept: (link: EpollLink, peer: InternetEndpoint | null) => void;
  readonly onPause: (event: AcceptPausedEvent) => void;
  readonly closeIdle: CloseIdle;
}

/** Accepts connections while there is room for them. */
export class EpollListener implements Source {
  readonly #options: EpollListenerOptions;
  #connections = 0;
  #accepted = 0;
  /** Most connections accepted in this turn: as many as came in the last ones. */
  #burst = 1;
  #lastTurn = 0;
  /** Why nobody is let in. */
  #paused: AcceptPausedEvent["reason"] | null = null;
  #pauseTimer: Cancellable | null = null;
  /** Whether somebody has gone in this turn, so that others may come. */
  #roomMade = false;
  readonly #room: Room;
  readonly #pauses: AcceptPauses;
  #closed = false;

  readonly #address = new Uint8Array(MAX_SOCKET_ADDRESS_BYTES);
  readonly #addressLength = new Uint32Array(1);

  /** One for all links: there may be thousands. */
  readonly #onLinkClosed = (): void => {
    this.#connections--;
    if (this.#paused === null || this.#roomMade) return;
    this.#roomMade = true;
    this.#options.loop.atTurnEnd(() => {
      this.#roomMade = false;
      this.#resume();
    });
  };

  /**
   * Begins to accept.
   *
   * @throws {SystemCallError} When `fd` is no socket, or the kernel cannot watch it.
   */
  constructor(options: EpollListenerOptions) {
    this.#options = options;
    const { loop, fd, onPause } = options;
    this.#room = new Room(options);
    this.#pauses = new AcceptPauses({
      timers: loop,
      report: (event) => loop.guard(() => onPause(event)),
    });
    loop.attach(fd, this);
    if (!loop.watch(fd, EPOLL.IN)) {
      loop.detach(fd);
      throw new SystemCallError(
        "watch a listening socket",
        options.libc.errno(),
      );
    }
  }

  /** Connections it has accepted that are still open. */
  get connections(): number {
    return this.#connections;
  }

  /**
   * Lets those in who wait already, and accepts no more. Connections go on.
   *
   * @param onClosed Called when the socket is its owner's alone again.
   */
  close(onClosed: () => void): void {
    this.#closeWhenQuiet(this.#options.loop.now() + QUIET_TIMEOUT_MS, onClosed);
  }

  /** Accepts no more from now on; whoever waits is left to another listener of the same socket. */
  abort(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pauseTimer?.cancel();
    this.#pauses.close();
    const { loop, fd } = this.#options;
    loop.unwatch(fd);
    loop.detach(fd);
  }

  /** For the loop alone: somebody has come. */
  onReady(): void {
    let count = 0;
    while (count < this.#burst && this.#mayAccept() && this.#accept()) count++;
    if (this.#closed) return;
    const { turns } = this.#options.loop;
    if (count < this.#burst) this.#burst = Math.max(1, count);
    // One at a time where clients come seldom: another try would find nobody.
    else if (turns === this.#lastTurn + 1) {
      this.#burst = Math.min(2 * count, MAX_BURST);
    }
    this.#lastTurn = turns;
  }

  #mayAccept(): boolean {
    if (this.#closed) return false;
    if (this.#paused !== null) return false;
    const { loop } = this.#options;
    const open = this.#connections;
    const now = loop.now();
    const full = this.#room.fullFor(open, now);
    if (full === null) return true;
    // Before anybody closes, who then ends the pause.
    this.#pause(full, ROOM_INTERVAL_MS);
    loop.guard(() => this.#room.make(open, now));
    return false;
  }

  /** Returns whether others may wait. */
  #accept(): boolean {
    const { libc, fd } = this.#options;
    this.#addressLength[0] = this.#address.length;
    const accepted = libc.call.accept4(
      fd,
      this.#address,
      this.#addressLength,
      SOCK.NONBLOCK | SOCK.CLOEXEC,
    );
    if (accepted < 0) return this.#goesOn(libc.errno());
    this.#accepted++;
    this.#connections++;
    this.#welcome(accepted);
    return true;
  }

  #welcome(fd: number): void {
    const { loop, buffers, inputBytes, onAccept } = this.#options;
    const link = new EpollLink(this.#options, {
      fd,
      input: new InputBuffer(buffers, inputBytes),
      endsOnReset: true,
      onClosed: this.#onLinkClosed,
    });
    const peer = readInternetAddress(this.#address);
    if (!loop.guard(() => onAccept(link, peer))) link.close();
  }

  /** Whether accepting goes on after an error, which may have been that of one connection. */
  #goesOn(errno: number): boolean {
    if (errno === ERRNO.EAGAIN) return false;
    if (isExhaustion(errno)) {
      const { loop } = this.#options;
      const now = loop.now();
      loop.guard(() => this.#room.exhausted(this.#connections, now));
      this.#pause("descriptors", DESCRIPTOR_PAUSE_MS);
      return false;
    }
    if (
      errno === ERRNO.EBADF || errno === ERRNO.EINVAL ||
      errno === ERRNO.ENOTSOCK
    ) {
      throw new SystemCallError("accept connections", errno);
    }
    return true;
  }

  #pause(reason: AcceptPausedEvent["reason"], timeoutMs: number): void {
    const { loop, fd } = this.#options;
    this.#paused = reason;
    loop.modify(fd, 0);
    this.#pauseTimer = loop.after(timeoutMs, () => this.#resume());
    this.#pauses.begin(reason);
  }

  #resume(): void {
    if (this.#paused === null || this.#closed) return;
    const { loop, fd } = this.#options;
    this.#paused = null;
    this.#pauseTimer?.cancel();
    this.#pauseTimer = null;
    loop.modify(fd, EPOLL.IN);
    this.#pauses.end();
  }

  #closeWhenQuiet(deadline: number, onClosed: () => void): void {
    const { loop } = this.#options;
    const before = this.#accepted;
    loop.after(QUIET_MS, () => {
      if (this.#accepted > before && loop.now() < deadline) {
        return this.#closeWhenQuiet(deadline, onClosed);
      }
      this.abort();
      onClosed();
    });
  }
}
