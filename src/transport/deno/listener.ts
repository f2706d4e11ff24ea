/**
 * Accepts client connections: no more than allowed, and none while the
 * process has no descriptors left.
 *
 * @module
 */

import type { AcceptPausedEvent } from "../../events.ts";
import type { Acceptor } from "../../proxy/core/engine.ts";
import { isExhaustion } from "../../net/exhaustion.ts";

/** How long accepting pauses when descriptors run out: until then some are given back. */
const DESCRIPTOR_PAUSE_MS = 50;

/**
 * Share of the connections there were when descriptors ran out that is given
 * up: those that stay need some to reach the workers, and so do new workers.
 */
const RESERVE_RATIO = 0.25;

/** How long no more than the rest are let in. What took the descriptors may be gone by then. */
const RESERVE_MS = 60_000;

/**
 * How long nobody must have come before accepting ends: whoever is in the
 * kernel's queue by then is let in first, or would be reset.
 */
const QUIET_MS = 5;

/** How long that is waited for at most, while clients keep coming. */
const QUIET_TIMEOUT_MS = 100;

/** What the accept loop needs. */
export interface ListenerOptions {
  readonly listener: Pick<Deno.Listener, "accept" | "close">;
  /** Connections at once. */
  readonly maxConnections: number;
  /** Serves a connection; {@linkcode Listener.closed} is to be called when it has ended. Must not throw. */
  readonly serve: (conn: Deno.Conn) => void;
  readonly onPause: (event: AcceptPausedEvent) => void;
  /** Asks for so many connections to be closed, if they are idle. */
  readonly closeIdle: (count: number) => void;
}

/** The accept loop and the connections it has let in. */
export class Listener implements Acceptor {
  readonly #options: ListenerOptions;
  readonly #loop: Promise<void>;
  #closing = false;
  #closed = false;
  #accepted = 0;
  /** Connections that have not ended. */
  #open = 0;
  /** Connections let in until `#reservedUntil`. */
  #reservedLimit = Infinity;
  #reservedUntil = 0;
  #wake: (() => void) | null = null;

  /** Begins to accept. */
  constructor(options: ListenerOptions) {
    this.#options = options;
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
    }
    await this.#loop;
  }

  // Not `for await`: that ends for good at the first error, and running out
  // of descriptors is one.
  async #run(): Promise<void> {
    const { listener, maxConnections } = this.#options;
    while (!this.#closed) {
      if (this.#open >= maxConnections) {
        await this.#pause("max-connections");
        continue;
      }
      if (this.#open >= this.#reservedLimit) {
        const remainingMs = this.#reservedUntil - performance.now();
        if (remainingMs > 0) await this.#pause("descriptors", remainingMs);
        else this.#reservedLimit = Infinity;
        continue;
      }
      try {
        this.#serve(await listener.accept());
      } catch (error) {
        if (this.#closed) return;
        if (!isTransient(error)) throw error;
        if (!isExhaustion(error)) continue;
        this.#reserve();
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

  /** Descriptors have run out: gives some back, and keeps them free for a while. */
  #reserve(): void {
    const size = this.#open;
    const reserved = Math.ceil(size * RESERVE_RATIO);
    this.#reservedLimit = Math.max(1, size - reserved);
    this.#reservedUntil = performance.now() + RESERVE_MS;
    this.#options.closeIdle(reserved);
  }

  async #pause(
    reason: AcceptPausedEvent["reason"],
    timeoutMs?: number,
  ): Promise<void> {
    const { onPause } = this.#options;
    onPause({ type: "accept-paused", reason });
    await this.#woken(timeoutMs);
    onPause({ type: "accept-resumed", reason });
  }

  /** Waits until a connection ends, the listener is closed, or time is up. */
  async #woken(timeoutMs?: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (timeoutMs !== undefined) timer = setTimeout(resolve, timeoutMs);
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
