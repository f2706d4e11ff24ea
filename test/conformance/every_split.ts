/**
 * What the parsers make of a stream of messages, however it is cut. No
 * sockets: every split of every case can be tried in little time.
 *
 * @module
 */

import { bodyDecoder } from "../../src/http1/body_decoder.ts";
import {
  type BodyLength,
  responseBodyLength,
} from "../../src/http1/body_length.ts";
import { INCOMPLETE } from "../../src/http1/field_table.ts";
import { HttpError } from "../../src/http1/http_error.ts";
import { parseRequestHead, RequestHead } from "../../src/http1/request_head.ts";
import {
  parseResponseHead,
  ResponseHead,
} from "../../src/http1/response_head.ts";
import { toText } from "../support/raw_socket.ts";

/** What stands in a stream: messages one after the other, as text, and how it ends. */
export type Reading = readonly string[];

/** Which messages a stream holds. */
export type StreamKind = "requests" | "responses" | "responses to HEAD";

/** Splits tried of a stream at most; of longer ones every so many bytes. */
const MAX_SPLITS = 400;

/** The stream read in one piece. */
export function readWhole(bytes: Uint8Array, kind: StreamKind): Reading {
  return readInSteps(bytes, [bytes.length], kind);
}

/** Reads the stream in two pieces, split in every place, and byte by byte; calls `compare` with each reading. */
export function forEverySplit(
  bytes: Uint8Array,
  kind: StreamKind,
  compare: (reading: Reading, how: string) => void,
): void {
  const stride = Math.ceil(bytes.length / MAX_SPLITS);
  const ends: number[] = [];
  for (let at = stride; at < bytes.length; at += stride) {
    compare(readInSteps(bytes, [at, bytes.length], kind), `split at ${at}`);
    ends.push(at);
  }
  const how = `in pieces of ${stride}`;
  compare(readInSteps(bytes, [...ends, bytes.length], kind), how);
}

/** Reads a stream that has come up to each of `ends`, one after the other. */
function readInSteps(
  bytes: Uint8Array,
  ends: readonly number[],
  kind: StreamKind,
): Reading {
  // A copy: chunks are put together in place.
  const stream = new MessageStream(bytes.slice(), kind);
  try {
    for (const end of ends) stream.readTo(end);
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    return [...stream.messages, `error ${error.status}`];
  }
  return [...stream.messages, `more after ${stream.content}`];
}

/** Reads heads and bodies in turn, as a connection does. */
class MessageStream {
  /** Heads, and bodies that are whole. */
  readonly messages: string[] = [];
  /** The body that is not whole yet. */
  content = "";
  readonly #bytes: Uint8Array;
  readonly #kind: StreamKind;
  readonly #request = new RequestHead();
  readonly #response = new ResponseHead();
  #at = 0;
  #decoder: ReturnType<typeof bodyDecoder> | null = null;

  constructor(bytes: Uint8Array, kind: StreamKind) {
    this.#bytes = bytes;
    this.#kind = kind;
  }

  readTo(end: number): void {
    while (this.#at < end) {
      if (this.#decoder === null && !this.#readHead(end)) return;
      this.#readBody(end);
      if (this.#decoder !== null) return;
    }
  }

  #readHead(end: number): boolean {
    const head = this.#kind === "requests" ? this.#request : this.#response;
    const next = head === this.#request
      ? parseRequestHead(this.#bytes, this.#at, end, this.#request)
      : parseResponseHead(this.#bytes, this.#at, end, this.#response);
    if (next === INCOMPLETE) return false;
    const fields = head.fields.entries(this.#bytes)
      .map(([name, value]) => `${name}=${value}`);
    const line = toText(this.#bytes.subarray(this.#at, next)).trimStart();
    const body = this.#bodyLength();
    this.messages.push(
      `${line.slice(0, line.indexOf("\r"))}|${fields.join("|")}|${body.type}`,
    );
    this.#decoder = bodyDecoder(body);
    this.#at = next;
    return true;
  }

  #bodyLength(): BodyLength {
    if (this.#kind === "requests") return this.#request.body;
    const { framing, status } = this.#response;
    const toHead = this.#kind === "responses to HEAD";
    return responseBodyLength(framing, status, toHead);
  }

  #readBody(end: number): void {
    const decoder = this.#decoder!;
    decoder.decode(this.#bytes, this.#at, end);
    const { contentStart, contentEnd } = decoder;
    this.content += toText(this.#bytes.subarray(contentStart, contentEnd));
    this.#at = decoder.next;
    if (!decoder.done) return;
    this.messages.push(this.content);
    this.content = "";
    this.#decoder = null;
  }
}
