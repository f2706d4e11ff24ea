/**
 * A time limit that connections do not outlive.
 *
 * @module
 */

import { abortAtEndOfTurn } from "../net/abort_at_end_of_turn.ts";
import type { ProbeTarget } from "../pool/health_watcher.ts";
import { closeQuietly } from "../shared/close_quietly.ts";

/** Closes the connections made within it when time is up, or what it is for is called off. */
export class Deadline {
  readonly #cut = new AbortController();
  readonly #signal: AbortSignal;
  #passed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Begins; `signal` calls off what it is for. */
  constructor(timeoutMs: number, signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", this.#abort, { once: true });
    this.restart(timeoutMs);
  }

  /** Whether its time was up. */
  get passed(): boolean {
    return this.#passed;
  }

  /** Begins anew, with another time. */
  restart(timeoutMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#passed = true;
      this.#abort();
    }, timeoutMs);
  }

  /** Connects to `target`. What is read or written when time is up rejects: its connection is closed. */
  async connect({ hostname, port }: ProbeTarget): Promise<Deno.TcpConn> {
    const { signal } = this.#cut;
    const conn = await Deno.connect({ hostname, port, signal });
    signal.addEventListener("abort", () => closeQuietly(conn), { once: true });
    return conn;
  }

  /** Ends it. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#abort);
  }

  readonly #abort = (): void => abortAtEndOfTurn(this.#cut);
}
