/**
 * The part of a request body that comes after the head: passed on while the
 * response is awaited and after it, for as long as the worker reads; or read
 * and dropped when nobody wants it any more.
 *
 * @module
 */

import { LARGE_BUFFER_BYTES, MEDIUM_BUFFER_BYTES } from "./buffer_pool.ts";
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
  #sending = true;
  /** Ends the wait of {@linkcode outlast}; `null` while nobody waits there. */
  #endWait: (() => void) | null = null;

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

  /** Whether the client has begun with the body: some wait to be asked for it (RFC 9110 §10.1.1). */
  get begun(): boolean {
    return this.#contentSent > 0;
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
    try {
      return await this.#passOn(sink, headSent);
    } finally {
      this.deadline = Infinity;
      this.#sending = false;
    }
  }

  /**
   * Waits, after the response, until {@linkcode end} is called or the
   * connection to the worker breaks. A worker that only ends its side may
   * still read (RFC 9110 §7.5): whether it does, the next write shows.
   */
  async outlast(worker: Socket): Promise<void> {
    if (!this.#sending || worker.failed) return;
    worker.resize(MEDIUM_BUFFER_BYTES);
    worker.onUnawaitedRead = () => {
      if (worker.failed) this.end();
    };
    worker.watch();
    this.touch();
    await new Promise<void>((resolve) => this.#endWait = resolve);
    this.#endWait = null;
    worker.onUnawaitedRead = null;
  }

  /** Ends the wait of {@linkcode outlast}: the worker has all of the body, or is to get no more of it. */
  end(): void {
    this.#endWait?.();
  }

  /**
   * Reads on for a while: closing with unread octets would reset the
   * connection, and with it a response that the client has not read yet
   * (RFC 9112 §9.6).
   *
   * @param onProgress Called at each step.
   * @returns Whether that was all of the body.
   * @throws {HttpError} When the client breaks the body's framing.
   */
  async discard(onProgress: () => void): Promise<boolean> {
    const decoder = this.#request.decoder!;
    const client = this.#client;
    let discarded = 0;
    onProgress(); // what the worker did not take
    while (!decoder.done && discarded < MAX_DISCARDED_BYTES) {
      if (client.full) client.resize(LARGE_BUFFER_BYTES);
      if (!await client.more()) return false;
      discarded += client.available;
      decoder.decode(client.buffer, client.start, client.end);
      client.start = decoder.next;
      onProgress();
    }
    return decoder.done;
  }

  async #passOn(
    sink: Socket,
    headSent: Promise<boolean>,
  ): Promise<UploadOutcome> {
    const { rest, decoder, chunked } = this.#request;
    const passed = await headSent && (rest === null || await sink.write(rest));
    if (!passed) return "refused";
    const outcome = await relay({
      source: this.#client,
      sink,
      decoder: decoder!,
      chunked,
      onProgress: (bytes) => this.#count(bytes),
    });
    return outcome === "sink-gone" ? "refused" : outcome;
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
