/**
 * A loop with all its parts in the test's own thread: it is turned between the
 * events of Deno's, without waiting, so that peers can live in the same test.
 *
 * @module
 */

import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { InputBuffer } from "../../../src/proxy/core/input_buffer.ts";
import type {
  ConnectFailure,
  ConnectHandler,
  Link,
  LinkHandler,
} from "../../../src/proxy/core/link.ts";
import { EpollConnector } from "../../../src/transport/epoll/connector.ts";
import { EventLoop } from "../../../src/transport/epoll/event_loop.ts";
import type { EpollLink } from "../../../src/transport/epoll/link.ts";
import {
  EpollListener,
  type EpollListenerOptions,
} from "../../../src/transport/epoll/listener.ts";
import {
  listen,
  type ListenAddress,
} from "../../../src/transport/epoll/listening_socket.ts";
import { PipePool } from "../../../src/transport/epoll/pipe.ts";
import { DEFAULT_DEADLINE_MS } from "../../support/deadline.ts";
import { RawSocket } from "../../support/raw_socket.ts";
import { PoisonedPool } from "../../support/poisoned_pool.ts";
import { TrackedLibc } from "./tracked_libc.ts";

/** Size of the first buffer of each link. */
const INPUT_BYTES = 4096;

/** A link that is being listened to, in a test. */
export class Recorded implements LinkHandler {
  readonly link: EpollLink;
  /** What was called, in order. */
  readonly events: string[] = [];
  /** What came. */
  text = "";
  /** Octets that came. */
  count = 0;

  constructor(link: EpollLink) {
    this.link = link;
    link.handler = this;
  }

  onData(link: Link): void {
    const { input } = link;
    const { bytes, start, end } = input;
    this.text += new TextDecoder().decode(bytes.subarray(start, end));
    this.count += input.available;
    input.start = input.end;
    this.events.push("data");
  }

  onEnd(link: Link): void {
    this.events.push(link.failed ? "broken" : "end");
  }

  onWritten(_link: Link, written: boolean): void {
    this.events.push(written ? "written" : "not written");
  }
}

/** Part of the settings of a listener. */
export type ListenerSettings = Partial<
  Pick<
    EpollListenerOptions,
    "maxConnections" | "onAccept" | "onPause" | "closeIdle"
  >
>;

/** A listener that a stand has begun. */
export interface ListenerStand {
  readonly listener: EpollListener;
  readonly fd: number;
  readonly port: number;
  /** The connections it has accepted and nobody else was to be told of. */
  readonly accepted: EpollLink[];
}

/** The loop and its parts. At the end nothing of them may be left. */
export class LoopStand implements AsyncDisposable {
  readonly libc: TrackedLibc = new TrackedLibc();
  readonly buffers: PoisonedPool = new PoisonedPool();
  /** What callbacks have thrown; a test that expects some empties it. */
  readonly errors: unknown[] = [];
  readonly loop: EventLoop;
  readonly pipes: PipePool;
  readonly connector: EpollConnector;
  /** What the loop says it has open. */
  readonly #logged = new Set<number>();
  readonly #listening = new Set<number>();
  readonly #pumping: Promise<void>;
  #over = false;

  constructor() {
    const { libc, buffers } = this;
    this.loop = new EventLoop({
      libc,
      onError: (error) => this.errors.push(error),
      descriptors: {
        opened: (fd) => this.#logged.add(fd),
        closed: (fd) => this.#logged.delete(fd),
      },
    });
    const { loop } = this;
    const pipes = this.pipes = new PipePool({ libc, loop });
    this.connector = new EpollConnector({
      libc,
      buffers,
      pipes,
      loop,
      inputBytes: INPUT_BYTES,
    });
    this.#pumping = this.#pump();
  }

  /** Begins to listen, and to accept. */
  listen(
    settings: ListenerSettings = {},
    where: ListenAddress = { hostname: "127.0.0.1", port: 0 },
  ): ListenerStand {
    const { fd, port } = listen(this.libc, where);
    this.#listening.add(fd);
    return { ...this.adopt(fd, settings), fd, port };
  }

  /** Begins to accept from a socket that listens already. */
  adopt(
    fd: number,
    settings: ListenerSettings,
  ): Pick<ListenerStand, "listener" | "accepted"> {
    const { libc, buffers, pipes, loop } = this;
    const accepted: EpollLink[] = [];
    const listener = new EpollListener({
      libc,
      buffers,
      pipes,
      loop,
      fd,
      inputBytes: INPUT_BYTES,
      maxConnections: 100_000,
      onAccept: (link) => accepted.push(link),
      onPause: () => {},
      closeIdle: () => {},
      ...settings,
    });
    return { listener, accepted };
  }

  /** A socket that listens, from which nobody accepts, and where one may wait. */
  listenDeaf(): { fd: number; port: number } {
    const where = { hostname: "127.0.0.1", port: 0 };
    const socket = listen(this.libc, where, { backlog: 0 });
    this.#listening.add(socket.fd);
    return socket;
  }

  /** A link, and the peer at its other end, which lives in Deno's loop. */
  async pair(): Promise<{ recorded: Recorded; peer: RawSocket }> {
    const { listener, fd, port, accepted } = this.listen();
    const peer = await RawSocket.connect({ port });
    await this.until(() => accepted.length === 1, "the link");
    listener.abort();
    this.closeListening(fd);
    return { recorded: new Recorded(accepted[0]!), peer };
  }

  /** Connects: the link, or why there is none. */
  connect(
    port: number,
    hostname: string = "127.0.0.1",
  ): Promise<Link | ConnectFailure> {
    return new Promise((resolve) => {
      const handler: ConnectHandler = {
        onConnected: resolve,
        onConnectFailed: resolve,
      };
      this.connector.connect({ hostname, port }, handler);
    });
  }

  /** Closes a listening socket, of which the stand is the owner. */
  closeListening(fd: number): void {
    if (this.#listening.delete(fd)) this.libc.call.close(fd);
  }

  /** The loop has taken note of every descriptor: whoever replaces it could close them. */
  assertLogged(): void {
    const { open } = this.libc;
    for (const fd of this.#logged) assert.ok(open.has(fd), `${fd} is closed`);
    for (const fd of open) {
      assert.ok(
        this.#logged.has(fd) || this.#listening.has(fd),
        `${fd} is not taken note of`,
      );
    }
  }

  /** Waits while the loop turns. */
  async until(condition: () => boolean, what: string): Promise<void> {
    const end = performance.now() + DEFAULT_DEADLINE_MS;
    while (!condition()) {
      assert.ok(performance.now() < end, `${what}: not in time`);
      await turnOfDeno();
    }
  }

  /** Waits for some turns in which nothing has to happen. */
  async turns(count: number): Promise<void> {
    const { turns } = this.loop;
    await this.until(() => this.loop.turns >= turns + count, "turns");
  }

  /** Ends all, and looks what is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    await this.#pumping;
    this.loop.close();
    assert.deepEqual([...this.#logged], [], "descriptors are taken note of");
    for (const fd of this.#listening) this.libc.call.close(fd);
    assert.deepEqual([...this.libc.open], [], "descriptors are left");
    assert.equal(this.buffers.taken.size, 0, "buffers are left");
    assert.deepEqual(this.errors, []);
  }

  async #pump(): Promise<void> {
    while (!this.#over) {
      this.loop.turn(0);
      await turnOfDeno();
    }
  }
}

/** An input of its own. */
export function inputOf(buffers: PoisonedPool): InputBuffer {
  return new InputBuffer(buffers, INPUT_BYTES);
}

function turnOfDeno(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
