/**
 * How long a client waits for its response, and each part of it, and what it
 * means when that is too long.
 *
 * @module
 */

import type { ProxyContext } from "./context.ts";
import { ProxyError } from "./proxy_error.ts";
import type { ResponsePlan } from "./response_plan.ts";
import { StallDeadline } from "./stall_deadline.ts";

/**
 * How long a final response may be put off by interim ones, as a multiple of
 * REQUEST_TIMEOUT_MS: each renews the wait, but a worker that sends nothing
 * else must not hold a connection for ever.
 */
const MAX_INTERIM_WAITS = 10;

/**
 * Interim responses that may come at once, and as many more with each second:
 * each costs what a small response does, and all others wait for those that
 * have come together.
 */
const INTERIM_BURST = 100;
const INTERIM_PER_SECOND = 10;

/**
 * A client that has ended its side may still read its response, or may be gone
 * altogether: the same is seen of both. It gets a response that is about to
 * come or under way; a worker does not go on for it in silence, and does not
 * begin.
 */
export const ENDED_CLIENT_GRACE_MS = 500;

/**
 * From when on a response without a length counts as a stream, in milliseconds
 * since its head was passed on. A page that is rendered piece by piece has come
 * to its end by then.
 */
const STREAM_AFTER_MS = 5_000;

/** Octets a second up to which it does: what comes faster is a download, and has an end. */
const STREAM_BYTES_PER_SECOND = 16_384;

/** The deadlines of one response. */
export class ResponseClock {
  readonly #context: Pick<ProxyContext, "deadlines" | "options">;
  readonly #stall = new StallDeadline();
  #clientEnded = false;
  /** When a client that has ended its side is taken to be gone. */
  #goneAt = Infinity;
  /** When interim responses put the final one off no longer; 0 before there is one. */
  #interimDeadline = 0;
  /** Interim responses so far, and when the first came. */
  #interims = 0;
  #interimsSince = 0;
  /** When the head was passed on. */
  #respondedAt = 0;

  /** Begins with no deadline. */
  constructor(context: Pick<ProxyContext, "deadlines" | "options">) {
    this.#context = context;
  }

  /** When to {@linkcode look} whether it, or what is awaited of it, has stalled for too long. */
  get deadline(): number {
    return Math.min(this.#stall.at, this.#goneAt);
  }

  /** The worker has the request: the response is due. */
  awaitResponse(): void {
    this.touch(this.#context.options.requestTimeoutMs);
  }

  /** Takes note of an interim response; returns what it means where it is one too many, or `null`. */
  noteInterim(): ProxyError | null {
    const { now } = this.#context.deadlines;
    if (this.#interims++ === 0) this.#interimsSince = now;
    const seconds = (now - this.#interimsSince) / 1000;
    if (this.#interims <= INTERIM_BURST + seconds * INTERIM_PER_SECOND) {
      return null;
    }
    return new ProxyError("upstream-malformed", {
      detail: "too many interim responses",
      note: `more than ${INTERIM_BURST}, and ${INTERIM_PER_SECOND} a second`,
    });
  }

  /** An interim response has shown that the worker is at work: the final one has as long again. */
  renew(): void {
    const { deadlines, options: { requestTimeoutMs } } = this.#context;
    this.#interimDeadline ||= deadlines.now +
      MAX_INTERIM_WAITS * requestTimeoutMs;
    this.touch(
      Math.min(requestTimeoutMs, this.#interimDeadline - deadlines.now),
    );
  }

  /** The head is passed on: each part of the rest may stall for so long. */
  begin(): void {
    this.#respondedAt = this.#context.deadlines.now;
    this.touch(this.#context.options.bodyTimeoutMs);
  }

  /** The next step may take `timeoutMs`. */
  touch(timeoutMs: number): void {
    const { now } = this.#context.deadlines;
    this.#stall.touch(now, timeoutMs);
    if (this.#clientEnded) this.#goneAt = now + ENDED_CLIENT_GRACE_MS;
  }

  /** Nothing is waited for any more. */
  stop(): void {
    this.#stall.stop();
    this.#goneAt = Infinity;
  }

  /** The client sends no more, after a complete request. */
  clientEnded(): void {
    this.#clientEnded = true;
    this.#goneAt = this.#context.deadlines.now + ENDED_CLIENT_GRACE_MS;
  }

  /**
   * Looks whether something has stalled for too long.
   *
   * @param taken Octets that whoever is written to has taken so far; `null`
   * where nothing waits to be written.
   */
  look(now: number, taken: number | null): boolean {
    // A system that holds octets back is there: gone, it would have reset.
    if (this.#clientEnded && taken !== null) {
      this.#goneAt = now + ENDED_CLIENT_GRACE_MS;
    }
    return this.#stall.look(now, taken) || this.#goneAt <= now;
  }

  /** What it means that the deadline has passed. */
  expired(
    { responded, awaitsWorker }: {
      readonly responded: boolean;
      readonly awaitsWorker: boolean;
    },
  ): ProxyError {
    this.stop();
    if (this.#clientEnded) return new ProxyError("client-gone");
    if (!responded) return this.#timeout();
    return new ProxyError(awaitsWorker ? "response-stalled" : "client-stalled");
  }

  /**
   * Whether a response is a stream, which is not waited for to end by itself
   * but ended by its worker when that is asked to end: a tunnel, a response of
   * a type that has no end, or one without a length that has trickled for a
   * while.
   */
  isStream(
    { complete, endless, measured }: ResponsePlan,
    { trickles, bytesOut }: {
      readonly trickles: boolean;
      readonly bytesOut: number;
    },
  ): boolean {
    if (complete || endless) return !complete;
    if (measured || !trickles) return false;
    const elapsedMs = this.#context.deadlines.now - this.#respondedAt;
    return elapsedMs >= STREAM_AFTER_MS &&
      bytesOut * 1000 < elapsedMs * STREAM_BYTES_PER_SECOND;
  }

  #timeout(): ProxyError {
    const { requestTimeoutMs } = this.#context.options;
    const note = this.#interimDeadline > 0
      ? `no final response within ${MAX_INTERIM_WAITS} times that, or since ` +
        "the last interim one"
      : `no response head within ${requestTimeoutMs} ms`;
    return new ProxyError("response-timeout", { note });
  }
}
