/**
 * Accepts client connections: no more than allowed, and none while the
 * process has no descriptors left.
 *
 * @module
 */

import type { AcceptPausedEvent } from "../../events/mod.ts";
import { AcceptPauses } from "../accept_pauses.ts";
import {
  DESCRIPTOR_PAUSE_MS,
  QUIET_MS,
  QUIET_TIMEOUT_MS,
} from "../descriptor_reserve.ts";
import { type CloseIdle, Room, ROOM_INTERVAL_MS } from "../room.ts";
import type { Acceptor } from "../../proxy/core/engine.ts";
import type { Timers } from "../../proxy/core/link.ts";
import { isExhaustion } from "../../net/exhaustion.ts";

/** What the accept loop needs. */
export interface ListenerOptions {
  readonly listener: Pick<Deno.Listener, "accept" | "close">;
  /** Connections at once. */
  readonly maxConnections: number;
  /** Serves a connection; {@linkcode Listener.closed} is to be called when it has ended. Must not throw. */
  readonly serve: (conn: Deno.Conn) => void;
  readonly timers: Timers;
  readonly onPause: (event: AcceptPausedEvent) => void;
  readonly closeIdle: CloseIdle;
}

/** The accept loop and the connections it has let in. */
export class Listener implements Acceptor {
  readonly #options: ListenerOptions;
  readonly #room: Room;
  readonly #pauses: AcceptPauses;
  readonly #loop: Promise<void>;
  #closing = false;
  #closed = false;
  #accepted = 0;
  /** Connections that have not ended. */
  #open = 0;
  #wake: (() => void) | null = null;

  /** Begins to accept. */
  constructor(options: ListenerOptions) {
    this.#options = options;
    const { timers, onPause } = options;
    this.#room = new Room(options);
    this.#pauses = new AcceptPauses({ timers, report: onPause });
    this.#loop = this.#run();
  }

  /** Lets those in who wait already, and accepts no more; connections go on. */
  close(onClosed: () => void): void {
    this.#close().then(onClosed);
  }

  /** Takes note that a connection has ended. */
  closed(): void {
    this.#open--;
    this.#wake?.();
  }

  async #close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      await this.#quiet();
      this.#closed = true;
      this.#options.listener.close();
      this.#wake?.();
      await this.#loop;
      this.#pauses.close();
    }
    await this.#loop;
  }

  // Not `for await`: that ends for good at the first error, and running out
  // of descriptors is one.
  async #run(): Promise<void> {
    const { listener } = this.#options;
    while (!this.#closed) {
      const now = performance.now();
      const full = this.#room.fullFor(this.#open, now);
      if (full !== null) {
        this.#room.make(this.#open, now);
        // Some may have gone by that, at once.
        if (this.#room.fullFor(this.#open, now) !== null) {
          await this.#pause(full, ROOM_INTERVAL_MS);
        }
        continue;
      }
      try {
        this.#serve(await listener.accept());
      } catch (error) {
        if (this.#closed) return;
        if (!isTransient(error)) throw error;
        if (!isExhaustion(error)) continue;
        // Now, and not when it began to wait for somebody.
        this.#room.exhausted(this.#open, performance.now());
        await this.#pause("descriptors", DESCRIPTOR_PAUSE_MS);
      }
    }
  }

  /** Waits until nobody has come for a moment. */
  async #quiet(): Promise<void> {
    const deadline = performance.now() + QUIET_TIMEOUT_MS;
    let before: number;
    do {
      before = this.#accepted;
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    } while (this.#accepted > before && performance.now() < deadline);
  }

  #serve(conn: Deno.Conn): void {
    this.#accepted++;
    this.#open++;
    this.#options.serve(conn);
  }

  async #pause(
    reason: AcceptPausedEvent["reason"],
    timeoutMs: number,
  ): Promise<void> {
    this.#pauses.begin(reason);
    await this.#woken(timeoutMs);
    this.#pauses.end();
  }

  /** Waits until a connection ends, the listener is closed, or time is up. */
  async #woken(timeoutMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, timeoutMs);
    });
    this.#wake = null;
    clearTimeout(timer);
  }
}

/** Whether accepting can go on after this error: it was about one connection, or about descriptors. */
function isTransient(error: unknown): boolean {
  return error instanceof Error && !(error instanceof TypeError) &&
    !(error instanceof Deno.errors.BadResource);
}
