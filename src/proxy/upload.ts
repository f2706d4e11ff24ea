/**
 * The part of a request body that comes after the head: passed on while the
 * answer is awaited, or read and dropped when nobody wants it any more.
 *
 * @module
 */

import type { ProxyContext } from "./context.ts";
import type { ProxiedRequest } from "./proxied_request.ts";
import { ProxyError } from "./proxy_error.ts";
import { relay } from "./relay.ts";
import type { Socket } from "./socket.ts";

/**
 * Octets nobody wants that are read all the same, so that the client gets to
 * read its answer: many send their whole body before they look for one.
 */
export const MAX_DISCARDED_BYTES = 67_108_864;

/** How an upload ended. */
export type UploadOutcome =
  /** The worker has all of the body. */
  | "complete"
  /** The client ended before the body did. */
  | "cut"
  /** The worker takes no more of it; the rest is to be discarded. */
  | "refused";

/** The way of one body from the client to a worker. */
export class Upload {
  /** When it has stalled for too long; `Infinity` once it is over. */
  deadline: number;

  readonly #context: ProxyContext;
  readonly #client: Socket;
  readonly #request: ProxiedRequest;
  #contentSent: number;

  /** Prepares to read the rest of the body of `request` from `client`. */
  constructor(
    context: ProxyContext,
    client: Socket,
    request: ProxiedRequest,
  ) {
    this.#context = context;
    this.#client = client;
    this.#request = request;
    this.#contentSent = request.contentBytes;
    this.deadline = this.#laterDeadline();
  }

  /** Whether it is the client that keeps it waiting. */
  get awaitsClient(): boolean {
    return this.#client.awaited;
  }

  /** Gives it as long again as it may stall. */
  touch(): void {
    this.deadline = this.#laterDeadline();
  }

  /**
   * Sends the rest of the body.
   *
   * @param headSent The write of what goes before it.
   * @throws {HttpError} When the client breaks the body's framing.
   * @throws {ProxyError} `body-too-large`
   */
  async send(
    sink: Socket,
    headSent: Promise<boolean>,
  ): Promise<UploadOutcome> {
    const { rest, decoder, chunked } = this.#request;
    try {
      const passed = await headSent &&
        (rest === null || await sink.write(rest));
      if (!passed) return "refused";
      const outcome = await relay({
        source: this.#client,
        sink,
        decoder: decoder!,
        chunked,
        onProgress: (bytes) => this.#count(bytes),
      });
      return outcome === "sink-gone" ? "refused" : outcome;
    } finally {
      this.deadline = Infinity;
    }
  }

  /**
   * Reads on for a while: closing with unread octets would reset the
   * connection, and with it an answer that the client has not read yet
   * (RFC 9112 §9.6).
   */
  async discard(): Promise<void> {
    const decoder = this.#request.decoder!;
    const client = this.#client;
    let discarded = 0;
    while (!decoder.done && discarded < MAX_DISCARDED_BYTES) {
      if (!await client.more()) return;
      discarded += client.available;
      decoder.decode(client.buffer, client.start, client.end);
      client.start = decoder.next;
    }
  }

  #count(bytes: number): void {
    const { maxBodyBytes } = this.#context.options;
    this.#contentSent += bytes;
    this.touch();
    if (maxBodyBytes > 0 && this.#contentSent > maxBodyBytes) {
      throw new ProxyError("body-too-large");
    }
  }

  #laterDeadline(): number {
    const { options, sweep } = this.#context;
    return sweep.now + options.bodyTimeoutMs;
  }
}
