/**
 * Requests out of what a client has sent: where a head ends, how large it may
 * be, and whose it is.
 *
 * @module
 */

import { CR, latin1Slice, LF, SLASH } from "../../http1/bytes.ts";
import { INCOMPLETE } from "../../http1/field_table.ts";
import { parseRequestHead } from "../../http1/request_head.ts";
import type { AccessEvent } from "../../events/mod.ts";
import type { AdminPage } from "./admin_port.ts";
import {
  HEADROOM,
  SMALL_BUFFER_BYTES,
  TAILROOM,
  TINY_BUFFER_BYTES,
} from "./buffer_pool.ts";
import type { Client } from "./client.ts";
import type { ProxyContext } from "./context.ts";
import type { InputBuffer } from "./input_buffer.ts";
import { ProxiedRequest } from "./proxied_request.ts";
import { ProxyError } from "./proxy_error.ts";

/** `_`, with which the names of our own pages begin. */
const UNDERSCORE = 0x5f;

/** The first line of a request, as far as it can be shown to somebody: of visible characters. */
const REQUEST_LINE = /^([!-~]+) ([!-~]+) (HTTP\/1\.[01])$/;

/** A request that has come: for a worker, or for a page of our own. */
export type TakenRequest =
  | { readonly type: "proxied"; readonly request: ProxiedRequest }
  | { readonly type: "admin"; readonly page: AdminPage };

/** Takes the requests of one client out of its input. */
export class RequestReader {
  readonly #context: ProxyContext;
  readonly #input: InputBuffer;
  readonly #client: Client;
  /** What is waited with for the next request: as much as the largest so far took. */
  #idleBufferBytes = TINY_BUFFER_BYTES;
  /** Where in the input the head began that was taken last; `null` for where the rest of one is awaited. */
  #headStart: number | null = null;

  /** Reads from `input`, which is filled by `client`. */
  constructor(context: ProxyContext, input: InputBuffer, client: Client) {
    this.#context = context;
    this.#input = input;
    this.#client = client;
  }

  /**
   * Parses the head at the front of the input and takes it out; `null` when it
   * is not all there.
   *
   * @throws {HttpError} When it is malformed.
   * @throws {ProxyError} When it is not to be served.
   */
  take(): TakenRequest | null {
    const { requestHead: head, options } = this.#context;
    const input = this.#input;
    const { bytes } = input;
    this.#headStart = input.start;
    const headEnd = parseRequestHead(bytes, input.start, input.end, head);
    const headBytes = headEnd === INCOMPLETE
      ? input.available + 1 // at least
      : headEnd - input.start;
    if (headBytes > options.maxHeadBytes) {
      throw headTooLarge(this.#lineFits(options.maxHeadBytes));
    }
    if (headEnd === INCOMPLETE) {
      this.#headStart = null;
      return null;
    }
    input.start = headEnd;
    const { targetStart } = head;
    if (
      bytes[targetStart] === SLASH && bytes[targetStart + 1] === UNDERSCORE
    ) {
      const page = takeAdminPage(this.#context, input, this.#client.address);
      if (page !== null) return { type: "admin", page };
    }
    return { type: "proxied", request: this.#proxied() };
  }

  /** How the request begins that is refused: one that {@linkcode take} has thrown at, or of whose head only part has come. */
  requestLine(): Pick<AccessEvent, "method" | "target" | "protocol"> {
    const { bytes, start: present, end } = this.#input;
    const start = this.#headStart ?? present;
    const lineEnd = bytes.indexOf(CR, start);
    const isThere = lineEnd >= 0 && lineEnd < end;
    const line = isThere ? latin1Slice(bytes, start, lineEnd) : "";
    const [, method = "-", target = "-", version] = REQUEST_LINE.exec(line) ??
      [];
    const protocol = version === "HTTP/1.0" ? version : "HTTP/1.1";
    return { method, target, protocol };
  }

  /** Part of a head is there: makes room for the rest. */
  makeRoom(): void {
    const input = this.#input;
    if (!input.full) return;
    if (input.bytes.length < SMALL_BUFFER_BYTES) {
      this.#idleBufferBytes = SMALL_BUFFER_BYTES;
      input.resize(SMALL_BUFFER_BYTES);
    }
    // Or it had been as large already, for what had come before the request.
    if (input.full) {
      const { maxHeadBytes } = this.#context.options;
      input.resize(maxHeadBytes + HEADROOM + TAILROOM);
    }
  }

  /** Whether the first line of the request is not too long by itself. */
  #lineFits(maxHeadBytes: number): boolean {
    const { bytes, start, end } = this.#input;
    const lineEnd = bytes.indexOf(LF, start);
    return lineEnd >= 0 && lineEnd < end && lineEnd - start < maxHeadBytes;
  }

  /** The next request is to be waited for. */
  rest(): void {
    this.#input.resize(this.#idleBufferBytes);
  }

  #proxied(): ProxiedRequest {
    const { requestHead: head, gate, options: { maxBodyBytes } } =
      this.#context;
    const { body } = head;
    if (
      maxBodyBytes > 0 && body.type === "length" && body.bytes > maxBodyBytes
    ) {
      throw new ProxyError("body-too-large");
    }
    const client = gate === null
      ? this.#client
      : gate.admit(this.#client, this.#input.bytes, head);
    const request = new ProxiedRequest(this.#context, this.#input, client);
    if (maxBodyBytes > 0 && request.contentBytes > maxBodyBytes) {
      request.release(this.#context);
      throw new ProxyError("body-too-large");
    }
    return request;
  }
}

/** Of a line that is too long it is the target that is: methods are short. */
function headTooLarge(lineFits: boolean): ProxyError {
  return new ProxyError(
    "bad-request",
    lineFits
      ? { status: 431, detail: "head too large" }
      : { status: 414, detail: "target too long" },
  );
}

/**
 * The page of our own that the request in `context.requestHead` is for, whose
 * octets are in `input`; `null` if it is the application's.
 */
function takeAdminPage(
  { requestHead: head, admin }: ProxyContext,
  { bytes }: InputBuffer,
  clientAddress: string,
): AdminPage | null {
  if (admin === null) return null;
  return admin.take({
    method: latin1Slice(bytes, head.methodStart, head.methodEnd),
    target: latin1Slice(bytes, head.targetStart, head.targetEnd),
    headers: head.fields.entries(bytes),
    clientAddress,
  });
}
