/**
 * Accepts client connections: no more than allowed, and none while the
 * process has no descriptors left.
 *
 * @module
 */

import type { AcceptPausedEvent } from "../events.ts";

/** How long accepting pauses when descriptors run out: until then some are given back. */
const DESCRIPTOR_PAUSE_MS = 50;

/** What the accept loop needs. */
export interface ListenerOptions {
  readonly listener: Deno.Listener;
  /** Connections at once. */
  readonly maxConnections: number;
  /** Serves a connection until it ends. Must not reject. */
  readonly serve: (conn: Deno.Conn) => Promise<void>;
  readonly onPause: (event: AcceptPausedEvent) => void;
}

/** The accept loop and the connections it has let in. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #serving = new Set<Promise<void>>();
  readonly #loop: Promise<void>;
  #closed = false;
  #wake: (() => void) | null = null;

  /** Begins to accept. */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#loop = this.#run();
  }

  /** Accepts no more. Resolves when the loop has ended; connections go on. */
  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#options.listener.close();
      this.#wake?.();
    }
    await this.#loop;
  }

  /** Resolves when all connections have ended. */
  async idle(): Promise<void> {
    while (this.#serving.size > 0) await Promise.all(this.#serving);
  }

  // Not `for await`: that ends for good at the first error, and running out
  // of descriptors is one.
  async #run(): Promise<void> {
    const { listener, maxConnections, onPause } = this.#options;
    while (!this.#closed) {
      if (this.#serving.size >= maxConnections) {
        onPause({ type: "accept-paused", reason: "max-connections" });
        await this.#woken();
        onPause({ type: "accept-resumed", reason: "max-connections" });
        continue;
      }
      try {
        this.#serve(await listener.accept());
      } catch (error) {
        if (this.#closed) return;
        if (!isTransient(error)) throw error;
        if (!isExhaustion(error)) continue;
        onPause({ type: "accept-paused", reason: "descriptors" });
        await this.#woken(DESCRIPTOR_PAUSE_MS);
        onPause({ type: "accept-resumed", reason: "descriptors" });
      }
    }
  }

  #serve(conn: Deno.Conn): void {
    const serving = this.#options.serve(conn).finally(() => {
      this.#serving.delete(serving);
      if (this.#serving.size < this.#options.maxConnections) this.#wake?.();
    });
    this.#serving.add(serving);
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

/** EMFILE, ENFILE, ENOBUFS and ENOMEM: Deno reports them as plain errors with a code. */
function isExhaustion(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === "EMFILE" || code === "ENFILE" || code === "ENOBUFS" ||
    code === "ENOMEM";
}
