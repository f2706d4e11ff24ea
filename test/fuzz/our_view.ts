/**
 * What our parsers see in a stream of bytes, and what our writers would pass
 * on of it. No sockets.
 *
 * @module
 */

import { type BodyDecoder, bodyDecoder } from "../../src/http1/body_decoder.ts";
import {
  type BodyLength,
  CHUNKED,
  responseBodyLength,
} from "../../src/http1/body_length.ts";
import { ascii } from "../../src/http1/bytes.ts";
import { ByteWriter } from "../../src/http1/byte_writer.ts";
import {
  CHUNK_HEADROOM,
  CHUNK_TAILROOM,
  LAST_CHUNK,
  lastChunks,
  writeChunkEnd,
  writeChunkSize,
} from "../../src/http1/chunked_encoding.ts";
import { type FieldTable, INCOMPLETE } from "../../src/http1/field_table.ts";
import { HttpError } from "../../src/http1/http_error.ts";
import { parseRequestHead, RequestHead } from "../../src/http1/request_head.ts";
import {
  type Forwarding,
  forwarding,
  REQUEST_HEAD_GROWTH,
  writeRequestHead,
} from "../../src/http1/request_writer.ts";
import {
  parseResponseHead,
  ResponseHead,
} from "../../src/http1/response_head.ts";
import {
  RESPONSE_HEAD_GROWTH,
  writeResponseHead,
} from "../../src/http1/response_writer.ts";
import {
  requestTrailers,
  responseTrailers,
  type TrailerHandling,
} from "../../src/http1/trailers.ts";
import { toBytes, toText } from "../support/raw_socket.ts";
import type { SeenMessage, View } from "./view.ts";

/** Our view of a stream. */
export interface OurView extends View {
  /** Whether the stream ended in the middle of a body, and we would wait for more. */
  readonly inBody: boolean;
  /** Whether nothing is read after the last message. */
  readonly closed: boolean;
  /** What we would pass on, as far as it got. */
  readonly forwarded: string;
}

/** How a stream arrives, and from whom. */
export interface ReadOptions {
  /** Where the stream is cut into reads, in ascending order. @default {[]} */
  readonly cuts?: readonly number[];
  /** Whether it comes from a proxy whose forwarding fields are believed. @default {false} */
  readonly trusted?: boolean;
}

const CLIENT = {
  address: "192.0.2.1",
  proto: "http",
  port: 80,
  defaultHost: "default",
} as const;
const FORWARDING = forwarding({ ...CLIENT, trusted: false });
const TRUSTED_FORWARDING = forwarding({ ...CLIENT, trusted: true });
const REQUEST_ID = ascii("0123456789abcdef");
const WRITTEN_ID = {
  bytes: REQUEST_ID,
  idStart: 0,
  idEnd: REQUEST_ID.length,
};
const DATE_LINE = ascii("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");

// Used for all streams, as the proxy does: nothing may be left of the last one.
const REQUEST_HEAD = new RequestHead();
const RESPONSE_HEAD = new ResponseHead();

/** Reads a client's stream. */
export function readRequests(text: string, options: ReadOptions = {}): OurView {
  const from = options.trusted ? TRUSTED_FORWARDING : FORWARDING;
  return new MessageReader(text, requestTaker(from)).read(options.cuts ?? []);
}

/** Reads a worker's stream up to the first final response. */
export function readResponse(
  text: string,
  method: string,
  options: ReadOptions = {},
): OurView {
  const take = responseTaker(method === "HEAD");
  return new MessageReader(text, take).read(options.cuts ?? []);
}

/** A head taken from a stream. */
interface TakenHead {
  /** Just past it. */
  readonly end: number;
  /** The message it belongs to, still without body; `null` for an interim response. */
  readonly message: SeenMessage | null;
  readonly body: BodyLength;
  readonly trailers: TrailerHandling;
  /** How it is passed on. */
  readonly forwarded: string;
  /** Whether the body is passed on in chunks. */
  readonly chunked: boolean;
  /** Whether nothing more is read after this message. */
  readonly last: boolean;
}

/** Takes the head that starts at `start`; `null` when it is not all there. */
type HeadTaker = (
  bytes: Uint8Array,
  start: number,
  end: number,
) => TakenHead | null;

function requestTaker(from: Forwarding): HeadTaker {
  const head = REQUEST_HEAD;
  return (bytes, start, streamEnd) => {
    const end = parseRequestHead(bytes, start, streamEnd, head);
    if (end === INCOMPLETE) return null;
    const { methodStart, methodEnd, targetStart, targetEnd } = head;
    const method = toText(bytes.subarray(methodStart, methodEnd));
    const target = toText(bytes.subarray(targetStart, targetEnd));
    return {
      end,
      message: {
        start: `${method} ${originForm(method, target)}`,
        fields: fieldsOf(bytes, head.fields),
        body: "",
      },
      body: head.body,
      trailers: requestTrailers(bytes, head),
      // As much room as a proxied request takes for it.
      forwarded: written(
        3 * (end - methodStart) + REQUEST_HEAD_GROWTH,
        (out) =>
          writeRequestHead(out, bytes, head, {
            forwarding: from,
            requestId: REQUEST_ID,
          }),
      ),
      chunked: head.body.type === "chunked",
      last: !head.keepAlive,
    };
  };
}

function responseTaker(toHead: boolean): HeadTaker {
  const head = RESPONSE_HEAD;
  let start = "";
  return (bytes, headStart, streamEnd) => {
    const end = parseResponseHead(bytes, headStart, streamEnd, head);
    if (end === INCOMPLETE) return null;
    const { status, framing } = head;
    const body = responseBodyLength(framing, status, toHead);
    const bodyOut = body.type === "until-close" ? CHUNKED : body;
    start += `${status}`;
    const isFinal = status >= 200 || status === 101;
    const message = {
      start,
      fields: fieldsOf(bytes, head.fields),
      body: "",
    };
    start += " ";
    return {
      end,
      message: isFinal ? message : null,
      body,
      trailers: responseTrailers(bytes, head),
      forwarded: written(
        end - headStart + RESPONSE_HEAD_GROWTH,
        (out) =>
          writeResponseHead(out, bytes, head, {
            body: bodyOut,
            trailers: body.type === "chunked",
            connection: "keep-alive",
            http10: false,
            requestId: WRITTEN_ID,
            setCookie: null,
            date: { line: DATE_LINE },
          }),
      ),
      chunked: bodyOut === CHUNKED,
      last: true,
    };
  };
}

/** A target as we pass it on: the empty path of absolute-form has a name (RFC 9112 §3.2.1, §3.2.4). */
function originForm(method: string, target: string): string {
  if (target === "") return method === "OPTIONS" ? "*" : "/";
  return target.startsWith("?") ? `/${target}` : target;
}

function fieldsOf(
  bytes: Uint8Array,
  fields: FieldTable,
): [name: string, value: string][] {
  return Array.from({ length: fields.count }, (_, i) => [
    toText(bytes.subarray(fields.nameStart(i), fields.nameEnd(i))),
    toText(bytes.subarray(fields.valueStart(i), fields.valueEnd(i))),
  ]);
}

/** What `write` writes, which must fit into `limit` octets: a typed array drops what does not. */
function written(limit: number, write: (out: ByteWriter) => void): string {
  const out = new ByteWriter();
  out.reset(new Uint8Array(limit));
  write(out);
  if (out.at > limit) throw new Error(`${out.at} octets written, not ${limit}`);
  return toText(out.bytes.subarray(0, out.at));
}

/** Reads heads and bodies in turn, as a connection does. */
class MessageReader {
  readonly #bytes: Uint8Array;
  readonly #takeHead: HeadTaker;
  readonly #messages: SeenMessage[] = [];
  #forwarded = "";
  #at = 0;
  #closed = false;
  /** The message whose body is being read. */
  #open: {
    readonly head: TakenHead;
    readonly decoder: BodyDecoder;
    body: string;
  } | null = null;

  constructor(text: string, takeHead: HeadTaker) {
    this.#bytes = toBytes(text);
    this.#takeHead = takeHead;
  }

  read(cuts: readonly number[]): OurView {
    let reason: string | null = null;
    try {
      for (const end of [...cuts, this.#bytes.length]) this.#readTo(end);
      if (this.#open?.decoder.endsWithConnection) this.#finish();
    } catch (error) {
      // Anything else is a defect, and the caller's to report.
      if (!(error instanceof HttpError)) throw error;
      reason = `${error.status} ${error.message}`;
    }
    return {
      messages: this.#messages,
      reason,
      inBody: reason === null && this.#open !== null,
      closed: this.#closed,
      forwarded: this.#forwarded,
    };
  }

  #readTo(end: number): void {
    while (!this.#closed) {
      if (this.#open !== null) {
        if (!this.#readBody(end)) return;
      } else if (this.#at === end || !this.#readHead(end)) return;
    }
  }

  #readHead(end: number): boolean {
    const head = this.#takeHead(this.#bytes, this.#at, end);
    if (head === null) return false;
    if (head.end <= this.#at || head.end > end) {
      throw new Error(`A head from ${this.#at} to ${head.end}, of ${end}`);
    }
    this.#at = head.end;
    this.#forwarded += head.forwarded;
    if (head.message !== null) {
      const decoder = bodyDecoder(head.body, head.trailers);
      this.#open = { head, decoder, body: "" };
    }
    return true;
  }

  #readBody(end: number): boolean {
    const { head, decoder } = this.#open!;
    decoder.decode(this.#bytes, this.#at, end);
    const { contentStart, contentEnd, next } = decoder;
    if (next < this.#at || next > end) {
      throw new Error(`A body from ${this.#at} to ${next}, of ${end}`);
    }
    const content = toText(this.#bytes.subarray(contentStart, contentEnd));
    this.#at = next;
    this.#open!.body += content;
    this.#forwarded += head.chunked && content !== ""
      ? chunk(content)
      : content;
    if (decoder.done) this.#finish();
    return decoder.done;
  }

  #finish(): void {
    const { head, body, decoder } = this.#open!;
    this.#messages.push({ ...head.message!, body });
    if (head.chunked) {
      this.#forwarded += toText(
        decoder.trailers === null
          ? LAST_CHUNK
          : lastChunks(new Uint8Array(0), decoder.trailers),
      );
    }
    this.#closed = head.last;
    this.#open = null;
  }
}

/** A chunk, written as the relay does it. */
function chunk(content: string): string {
  const bytes = new Uint8Array(
    CHUNK_HEADROOM + content.length + CHUNK_TAILROOM,
  );
  bytes.set(toBytes(content), CHUNK_HEADROOM);
  const from = writeChunkSize(bytes, CHUNK_HEADROOM, content.length);
  const to = writeChunkEnd(bytes, CHUNK_HEADROOM + content.length, false);
  return toText(bytes.subarray(from, to));
}
