/**
 * One request for a page of our own, and its answer: read whole, handed over,
 * and written with a length, or as it comes.
 *
 * Knows nothing of the pages: those are behind the handler in the context.
 *
 * @module
 */

import { type BodyDecoder, bodyDecoder } from "../http1/body_decoder.ts";
import { ascii, latin1Slice } from "../http1/bytes.ts";
import { LAST_CHUNK } from "../http1/chunked_encoding.ts";
import { errorResponse, reasonPhrase } from "../http1/error_response.ts";
import { HttpError } from "../http1/http_error.ts";
import { Method } from "../http1/request_head.ts";
import { MEDIUM_BUFFER_BYTES } from "./buffer_pool.ts";
import type { AdminResponder, ProxyContext } from "./context.ts";
import type { Socket } from "./socket.ts";

/** Largest request body: what is asked of the pages fits many times over. */
const MAX_BODY_BYTES = 4096;

const CONTINUE = ascii("HTTP/1.1 100 Continue\r\n\r\n");

type BodyReader = ReadableStreamDefaultReader<Uint8Array>;

/** Serves one request for a page of our own. */
export class AdminExchange {
  /** When the present read or write has lasted too long. */
  deadline: number = Infinity;

  readonly #context: ProxyContext;
  readonly #socket: Socket;
  readonly #respond: AdminResponder;
  readonly #decoder: BodyDecoder;
  readonly #keepAlive: boolean;
  readonly #toHead: boolean;
  readonly #http10: boolean;
  readonly #expectsContinue: boolean;
  /** Where a body that is written as it comes, comes from. */
  #reader: BodyReader | null = null;

  /**
   * Prepares to answer the request in `context.requestHead`, whose body
   * begins where `socket.start` is.
   */
  constructor(context: ProxyContext, socket: Socket, respond: AdminResponder) {
    const { requestHead: head } = context;
    this.#context = context;
    this.#socket = socket;
    this.#respond = respond;
    this.#decoder = bodyDecoder(head.body);
    this.#keepAlive = head.keepAlive;
    this.#toHead = head.method === Method.HEAD;
    this.#http10 = head.minorVersion === 0;
    this.#expectsContinue = head.expectsContinue;
  }

  /**
   * Serves the request.
   *
   * @returns Whether the client's connection may be used again.
   */
  async run(): Promise<boolean> {
    let body: Uint8Array<ArrayBuffer> | null;
    try {
      body = await this.#readBody();
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      return await this.#refuse(error);
    }
    if (body === null) return false;
    const response = await this.#respond(body);
    // As hono's own helpers say it of what is not there at once.
    return response.headers.has("transfer-encoding")
      ? await this.#stream(response)
      : await this.#send(response);
  }

  /** Ends an answer that has no end of its own, in order: the client ends, or the pool stops. */
  end(): void {
    // Whatever made the body has nobody left to tell of an error.
    this.#reader?.cancel().catch(() => {});
  }

  /** Takes note that the client sends no more. */
  clientEnded(): void {
    this.end();
  }

  /** Cuts the exchange: the connection is closed. */
  fail(): void {
    this.end();
    this.#socket.close();
  }

  /** Cuts a client that has kept us waiting for too long. */
  expire(): void {
    this.deadline = Infinity;
    this.fail();
  }

  /**
   * The whole body; `null` when it does not come.
   *
   * @throws {HttpError} When it is malformed or too large.
   */
  async #readBody(): Promise<Uint8Array<ArrayBuffer> | null> {
    const decoder = this.#decoder;
    const socket = this.#socket;
    const body = new Uint8Array(MAX_BODY_BYTES);
    let length = 0;
    if (this.#expectsContinue) await this.#write(CONTINUE);
    this.#touch();
    for (;;) {
      decoder.decode(socket.buffer, socket.start, socket.end);
      const { contentStart, contentEnd } = decoder;
      const content = socket.buffer.subarray(contentStart, contentEnd);
      socket.start = decoder.next;
      if (length + content.length > MAX_BODY_BYTES) {
        throw new HttpError(413, `The body exceeds ${MAX_BODY_BYTES} bytes`);
      }
      body.set(content, length);
      length += content.length;
      if (decoder.done) break;
      // What is not consumed is a part of the trailers: they come whole.
      if (socket.full) socket.resize(MEDIUM_BUFFER_BYTES);
      if (!await socket.more()) return null;
    }
    this.deadline = Infinity;
    return body.subarray(0, length);
  }

  async #refuse({ status, message }: HttpError): Promise<boolean> {
    const dateLine = this.#context.dateLine.text;
    await this.#write(errorResponse({ status, message, dateLine }));
    return false;
  }

  /** Writes an answer that is there at once, head and body together. */
  async #send(response: Response): Promise<boolean> {
    const body = new Uint8Array(await response.arrayBuffer());
    const keep = this.#keepAlive && !this.#context.draining;
    const head = this.#head(response, [
      `content-length: ${body.length}`,
      `connection: ${keep ? "keep-alive" : "close"}`,
    ]);
    const sent = await this.#write(
      this.#toHead ? head : concatenated(head, body),
    );
    return keep && sent;
  }

  /** Writes an answer as it comes, for as long as both sides want it. */
  async #stream(response: Response): Promise<boolean> {
    const reader = this.#reader = response.body!.getReader();
    // Its end has to be seen while nothing is written, too.
    this.#socket.watch();
    const head = this.#head(response, [
      // A 1.0 client does not know chunks: the end of the connection is the end.
      ...(this.#http10 ? [] : ["transfer-encoding: chunked"]),
      "connection: close",
    ]);
    const passed = await this.#write(head) && !this.#toHead &&
      !this.#context.draining && await this.#passOn(reader);
    this.end();
    if (passed && !this.#http10) await this.#write(LAST_CHUNK);
    return false;
  }

  /** Whether the client has taken all of it. */
  async #passOn(reader: BodyReader): Promise<boolean> {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return !this.#socket.closed;
        const passed = await this.#write(this.#http10 ? value : chunkOf(value));
        if (!passed) return false;
      }
    } catch (error) {
      // Not for the host to fall over: the page's fault ends the page.
      const message = `An admin page broke off: ${error}`;
      this.#context.events.emit({ type: "notice", level: "error", message });
      this.#socket.close();
      return false;
    }
  }

  #head(response: Response, framing: readonly string[]): Uint8Array {
    const { status } = response;
    const lines = [`HTTP/1.1 ${status} ${reasonPhrase(status)}`];
    for (const [name, value] of response.headers) {
      if (name === "content-length" || name === "transfer-encoding") continue;
      lines.push(`${name}: ${value}`);
    }
    const { dateLine } = this.#context;
    return new TextEncoder().encode(
      `${lines.join("\r\n")}\r\n${dateLine.text}${
        framing.join("\r\n")
      }\r\n\r\n`,
    );
  }

  async #write(bytes: Uint8Array): Promise<boolean> {
    this.#touch();
    const written = await this.#socket.write(bytes);
    this.deadline = Infinity;
    return written;
  }

  /** Gives the client as long as a body may stall. */
  #touch(): void {
    const { sweep, options } = this.#context;
    this.deadline = sweep.now + options.bodyTimeoutMs;
  }
}

/**
 * Takes the request in `context.requestHead`, which `socket` received from
 * `clientAddress`, if it is for a page of our own; `null` if it is the
 * application's.
 */
export function takeAdminExchange(
  context: ProxyContext,
  socket: Socket,
  clientAddress: string,
): AdminExchange | null {
  const { requestHead: head, admin } = context;
  const { buffer } = socket;
  const respond = admin?.({
    method: latin1Slice(buffer, head.methodStart, head.methodEnd),
    target: latin1Slice(buffer, head.targetStart, head.targetEnd),
    headers: head.fields.entries(buffer),
    clientAddress,
  });
  return respond ? new AdminExchange(context, socket, respond) : null;
}

function chunkOf(content: Uint8Array): Uint8Array {
  // A chunk of no content would be the last one.
  if (content.length === 0) return content;
  const size = ascii(`${content.length.toString(16)}\r\n`);
  return concatenated(size, content, ascii("\r\n"));
}

function concatenated(...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
