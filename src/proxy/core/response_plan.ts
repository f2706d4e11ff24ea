/**
 * From the head of a worker's response to what is written to the client.
 *
 * @module
 */

import { type BodyDecoder, bodyDecoder } from "../../http1/body_decoder.ts";
import { concatenated } from "../../http1/bytes.ts";
import {
  type BodyLength,
  CHUNKED,
  NO_BODY,
  responseBodyLength,
} from "../../http1/body_length.ts";
import { INCOMPLETE } from "../../http1/field_table.ts";
import {
  LOCATION_KINDS,
  rewriteOwnLocations,
} from "../../http1/own_location.ts";
import { parseResponseHead } from "../../http1/response_head.ts";
import {
  RESPONSE_HEAD_GROWTH,
  writeResponseHead,
} from "../../http1/response_writer.ts";
import {
  DROP_RESPONSE_TRAILERS,
  responseTrailers,
} from "../../http1/trailers.ts";
import { switchesToCarried } from "../../http1/upgrade.ts";
import { moveContent } from "./body_pump.ts";
import type { ProxyContext } from "./context.ts";
import { isEndlessType } from "./endless_type.ts";
import type { InputBuffer } from "./input_buffer.ts";
import type { ProxiedRequest } from "./proxied_request.ts";
import { ProxyError } from "./proxy_error.ts";
import { decideReuse, type RequestProgress, type Reuse } from "./reuse.ts";
import type { UpstreamConnection } from "./upstream_connection.ts";

/** Content of at least this size stays where it was read, and the head is written in front of it in place. */
const JOINED_IN_PLACE_BYTES = 2048;

/** A response's head, written out, and how the rest of it goes. */
export interface ResponsePlan {
  readonly status: number;
  /** Whether another head follows (RFC 9110 §15.2). */
  readonly interim: boolean;
  /** The head, and what of the body had come with it, up to `length`. */
  readonly bytes: Uint8Array;
  /** Just past both in {@linkcode bytes}. */
  readonly length: number;
  /** The buffer that {@linkcode bytes} is in, to be handed over with it. */
  readonly buffer: Uint8Array<ArrayBuffer>;
  /** What had come with the head and did not fit; where it was read. */
  readonly rest: Uint8Array | null;
  /** Octets of content in both. */
  readonly contentBytes: number;
  /** Whether {@linkcode bytes} is all of the response, and of the connection's use for HTTP. */
  readonly complete: boolean;
  /** Whether the response has no end of its own: a switch of protocols, or of a media type that goes on until somebody ends it. */
  readonly endless: boolean;
  /** Whether the length of its body was announced. */
  readonly measured: boolean;
  /** Takes the rest of the body; `null` when there is no body. */
  readonly decoder: BodyDecoder | null;
  /** Whether the body goes on in chunks. */
  readonly chunked: boolean;
  /** Which connections may be used again. */
  readonly reuse: Reuse;
  /** The worker's hint for how long, in seconds, or -1. */
  readonly keepAliveSeconds: number;
}

/**
 * Whether a response that comes early says that the rest of the body is not
 * wanted. With others `close` would be wrong: clients stop sending when they
 * read it (RFC 9112 §9.5).
 */
export function isRefusal(status: number): boolean {
  return status >= 400;
}

/**
 * Takes the head of a response out of what `connection` has brought and writes
 * it out again; `null` when it is not all there yet.
 *
 * @throws {HttpError} When head or body are malformed.
 * @throws {ProxyError} On a switch of protocols that nobody asked for.
 */
export function takeResponse(
  context: ProxyContext,
  connection: UpstreamConnection,
  request: ProxiedRequest,
  progress: RequestProgress,
): ResponsePlan | null {
  const { link: { input }, upstream } = connection;
  const { responseHead: head, writer, buffers, options } = context;
  const headBytes = takeHead(context, input, request);
  if (headBytes === INCOMPLETE) return null;
  const switched = head.status === 101;
  const body = responseBodyLength(head.framing, head.status, request.toHead);
  const bodyOut = framingFor(body, request.http10);
  const reuse = decideReuse({
    clientKeepsAlive: request.keepAlive,
    request: progress,
    refusal: isRefusal(head.status),
    clientAtFault: false,
    delimited: bodyOut.type !== "until-close",
    switched,
    draining: context.draining,
    workerKeepsAlive: head.keepAlive && body.type !== "until-close",
  });

  const chunked = bodyOut === CHUNKED;
  const passesTrailers = chunked && request.acceptsTrailers &&
    body.type === "chunked";
  const { fields } = head;
  const cookies = cookiesFor(context, connection, request);
  const locations = options.rewriteLocation !== false &&
      fields.hasAny(LOCATION_KINDS)
    ? rewriteOwnLocations(input.bytes, head, upstream, () => request.head)
    : null;
  const headRoom = headBytes + RESPONSE_HEAD_GROWTH + fields.bareLfs +
    (locations?.length ?? 0) + (cookies?.length ?? 0);
  let buffer = buffers.take(
    input.available < JOINED_IN_PLACE_BYTES
      ? headRoom + input.available
      : headRoom,
  );
  writer.reset(buffer);
  writeResponseHead(writer, input.bytes, head, {
    body: bodyOut,
    trailers: passesTrailers,
    connection: reuse.client ? "keep-alive" : "close",
    http10: request.http10,
    requestId: request,
    setCookie: cookies,
    locations,
    date: context.dateLine,
  });

  const { status, keepAliveSeconds } = head;
  const decoder = body === NO_BODY ? null : bodyDecoder(
    body,
    passesTrailers
      ? responseTrailers(input.bytes, head)
      : DROP_RESPONSE_TRAILERS,
  );
  const measured = body === NO_BODY || body.type === "length";
  // Looked at now: content is taken out of its framing in place.
  const endless = switched ||
    !measured && isEndlessType(input.bytes, head.fields);
  let joined: Uint8Array | null = null;
  let rest: Uint8Array | null = null;
  let contentBytes = 0;
  if (decoder !== null) {
    try {
      rest = moveContent(input, writer, decoder, chunked);
    } catch (error) {
      buffers.release(buffer);
      throw error;
    }
    contentBytes = decoder.contentEnd - decoder.contentStart;
    if (rest !== null) joined = putBefore(rest, buffer.subarray(0, writer.at));
  }
  if (joined !== null) {
    // The head has been brought to the content: that buffer goes on.
    buffers.release(buffer);
    buffer = input.detach();
    rest = null;
  }
  return {
    status,
    interim: status < 200 && !switched,
    bytes: joined ?? buffer,
    length: joined?.length ?? writer.at,
    buffer,
    rest,
    contentBytes,
    complete: rest === null && !switched && (decoder?.done ?? true),
    measured,
    endless,
    decoder,
    chunked,
    reuse,
    keepAliveSeconds,
  };
}

/** The lines that tie the client to who has served it; `null` for none. */
function cookiesFor(
  { responseHead: { fields }, affinity }: ProxyContext,
  { link: { input: { bytes } }, upstream }: UpstreamConnection,
  { pin, owner }: ProxiedRequest,
): Uint8Array | null {
  const generation = pin === null ? null : pin.renewal(upstream.generation);
  const worker = affinity?.note({ bytes, fields, upstream }, owner) ?? null;
  if (generation === null || worker === null) return generation ?? worker;
  return concatenated(generation, worker);
}

/** Parses the head and takes it out of `input`; returns how long it was, or `INCOMPLETE`. */
function takeHead(
  { responseHead: head, options }: ProxyContext,
  input: InputBuffer,
  request: ProxiedRequest,
): number {
  const { bytes, start, end } = input;
  const headEnd = parseResponseHead(bytes, start, end, head);
  if (headEnd === INCOMPLETE) return INCOMPLETE;
  const headBytes = headEnd - start;
  if (headBytes > options.maxHeadBytes) {
    throw responseHeadTooLarge(options.maxHeadBytes);
  }
  if (
    head.status === 101 &&
    !(request.upgrade && switchesToCarried(bytes, head.fields))
  ) {
    throw new ProxyError("upstream-malformed", {
      detail: "switched protocols unasked",
    });
  }
  input.start = headEnd;
  return headBytes;
}

/** The failure of a response whose head is larger than allowed. */
export function responseHeadTooLarge(maxHeadBytes: number): ProxyError {
  return new ProxyError("upstream-malformed", {
    detail: "head too large",
    note: `more than ${maxHeadBytes} bytes`,
    setting: "MAX_HEAD_BYTES",
  });
}

/** Puts a head in front of content, where that is; `null` when there is no room for it. */
function putBefore(content: Uint8Array, head: Uint8Array): Uint8Array | null {
  const start = content.byteOffset - head.length;
  if (start < 0) return null;
  const length = head.length + content.length;
  const joined = new Uint8Array(content.buffer, start, length);
  joined.set(head);
  return joined;
}

/** A body whose end only the connection shows is put in chunks, so that a cut can be seen. */
function framingFor(body: BodyLength, http10: boolean): BodyLength {
  if (body.type === "until-close" && !http10) return CHUNKED;
  if (body.type === "chunked" && http10) return { type: "until-close" };
  return body;
}
