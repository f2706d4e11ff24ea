/**
 * Trailer fields (RFC 9110 §6.5): who gets them, and which never pass. Pure.
 *
 * They are passed on to clients that said `TE: trailers`, and to workers from
 * clients that announced them with `Trailer` or said the same. A trailer that
 * a careless recipient could take for a part of the head (§6.5.1) goes to
 * nobody: framing, routing, conditions, credentials and the like are only
 * where everybody has looked at them.
 *
 * @module
 */

import { ascii, latin1Slice } from "./bytes.ts";
import { ByteWriter } from "./byte_writer.ts";
import type { ConnectionOptions } from "./connection_options.ts";
import { copyMembers } from "./field_copy.ts";
import { Field } from "./field_names.ts";
import { type FieldTable, hasMember } from "./field_table.ts";
import type { RequestHead } from "./request_head.ts";
import type { ResponseHead } from "./response_head.ts";

/** What becomes of the trailer fields of a body. */
export interface TrailerHandling {
  /**
   * Whether trailers that are malformed or too large are left where they are,
   * and the body complete without them, or are an error.
   */
  readonly tolerant: boolean;
  /** Names in lower case that do not pass, beside those that never do; `null` when none passes. */
  readonly withheld: readonly string[] | null;
  /** Octets of all trailer fields together. */
  readonly maxBytes: number;
}

/** Of a request: digests and signatures fit many times over. */
export const MAX_REQUEST_TRAILER_BYTES = 4096;

/** Of a response: as many as a head may have by default. Details of an error in gRPC have some kilobytes. */
const MAX_RESPONSE_TRAILER_BYTES = 16_384;

/** Of a request: checked and dropped. */
export const DROP_REQUEST_TRAILERS: TrailerHandling = Object.freeze({
  tolerant: false,
  withheld: null,
  maxBytes: MAX_REQUEST_TRAILER_BYTES,
});

/** Of a response: dropped. */
export const DROP_RESPONSE_TRAILERS: TrailerHandling = Object.freeze({
  tolerant: true,
  withheld: null,
  maxBytes: MAX_RESPONSE_TRAILER_BYTES,
});

const NOTHING_WITHHELD: readonly string[] = Object.freeze([]);

const PASS_REQUEST_TRAILERS: TrailerHandling = Object.freeze({
  tolerant: false,
  withheld: NOTHING_WITHHELD,
  maxBytes: MAX_REQUEST_TRAILER_BYTES,
});

const PASS_RESPONSE_TRAILERS: TrailerHandling = Object.freeze({
  tolerant: true,
  withheld: NOTHING_WITHHELD,
  maxBytes: MAX_RESPONSE_TRAILER_BYTES,
});

const TRAILERS = ascii("trailers");

/**
 * Fields that must be known before the content is (RFC 9110 §6.5.1, and the
 * list of RFC 7230 §4.1.2), those of one hop (§7.6.1), and what is commonly
 * believed of a proxy.
 */
const NEVER_TRAILERS: ReadonlySet<string> = new Set([
  // Framing, and one hop.
  ...["connection", "content-length", "http2-settings", "keep-alive"],
  ...["proxy", "proxy-connection", "te", "trailer", "transfer-encoding"],
  ...["upgrade"],
  // Routing, and who asks.
  ...["forwarded", "host", "max-forwards", "via", "x-client-ip", "x-host"],
  ...["cf-connecting-ip", "true-client-ip", "x-original-host"],
  ...["x-original-url", "x-real-ip", "x-request-id", "x-rewrite-url"],
  // Controls and conditions of a request.
  ...["expect", "if-match", "if-modified-since", "if-none-match", "if-range"],
  ...["if-unmodified-since", "origin", "pragma", "range", "referer"],
  ...["x-http-method", "x-http-method-override", "x-method-override"],
  // Credentials.
  ...["authorization", "cookie", "cookie2", "proxy-authenticate"],
  ...["proxy-authentication-info", "proxy-authorization", "set-cookie"],
  ...["set-cookie2", "www-authenticate"],
  // Control data of a response.
  ...["age", "cache-control", "clear-site-data", "date", "expires"],
  ...["location", "refresh", "retry-after", "status", "vary", "warning"],
  // Format of the content.
  ...["content-disposition", "content-encoding", "content-language"],
  ...["content-location", "content-range", "content-type"],
]);

/** Beginnings of names that are no trailers either. */
const NEVER_TRAILER_PREFIXES = ["x-forwarded-", "sec-"] as const;

/** A head whose fields have been read. */
interface Head {
  readonly fields: FieldTable;
  readonly connection: ConnectionOptions;
}

/** Whether the client takes trailers, and everybody before it (RFC 9110 §10.1.4). */
export function acceptsTrailers(bytes: Uint8Array, head: RequestHead): boolean {
  const { fields, minorVersion } = head;
  if (!fields.has(Field.TE) || minorVersion === 0) return false;
  for (let i = 0; i < fields.count; i++) {
    if (
      fields.kind(i) === Field.TE &&
      hasMember(bytes, fields.valueStart(i), fields.valueEnd(i), TRAILERS)
    ) return true;
  }
  return false;
}

/**
 * What becomes of the trailers of a request. Nobody can ask for them, as a
 * worker speaks second: they pass where the client means them to be read, and
 * says so.
 */
export function requestTrailers(
  bytes: Uint8Array,
  head: RequestHead,
): TrailerHandling {
  const meant = head.body.type === "chunked" &&
    (head.fields.has(Field.TRAILER) || acceptsTrailers(bytes, head));
  return meant
    ? withholding(head.connection.nominated(bytes), PASS_REQUEST_TRAILERS)
    : DROP_REQUEST_TRAILERS;
}

/** What becomes of the trailers of a response that goes on to somebody who takes them, in chunks. */
export function responseTrailers(
  bytes: Uint8Array,
  head: ResponseHead,
): TrailerHandling {
  return withholding(head.connection.nominated(bytes), PASS_RESPONSE_TRAILERS);
}

/** RFC 9110 §7.6.1: what Connection names is taken out of the trailers too. */
function withholding(
  nominated: readonly string[],
  handling: TrailerHandling,
): TrailerHandling {
  const withheld = nominated.filter((name) => !isNeverTrailer(name));
  return withheld.length === 0 ? handling : { ...handling, withheld };
}

/** The lines of those fields that pass, each ended; `null` when there is none. */
export function trailerLines(
  bytes: Uint8Array,
  fields: FieldTable,
  withheld: readonly string[],
): Uint8Array | null {
  const out = new ByteWriter();
  out.reset(new Uint8Array(roomFor(fields)));
  for (let i = 0; i < fields.count; i++) {
    const start = fields.nameStart(i);
    const name = latin1Slice(bytes, start, fields.nameEnd(i)).toLowerCase();
    if (isNeverTrailer(name) || withheld.includes(name)) continue;
    out.copy(bytes, start, fields.valueEnd(i));
    out.endLine();
  }
  return out.at === 0 ? null : out.bytes.subarray(0, out.at);
}

/** Writes the Trailer fields of a head whose trailers pass, without the names of those that do not (RFC 9110 §6.6.2). */
export function writeAnnouncements(
  out: ByteWriter,
  bytes: Uint8Array,
  { fields, connection }: Head,
): void {
  if (!fields.has(Field.TRAILER)) return;
  const withheld = connection.nominated(bytes);
  for (let index = 0; index < fields.count; index++) {
    if (fields.kind(index) !== Field.TRAILER) continue;
    copyMembers(out, bytes, {
      fields,
      index,
      keeps: (start, end) => {
        const name = latin1Slice(bytes, start, end).toLowerCase();
        return !isNeverTrailer(name) && !withheld.includes(name);
      },
    });
  }
}

/** Underscores count as hyphens, which CGI and WSGI applications cannot tell from them. */
function isNeverTrailer(name: string): boolean {
  const plain = name.replaceAll("_", "-");
  return NEVER_TRAILERS.has(plain) ||
    NEVER_TRAILER_PREFIXES.some((prefix) => plain.startsWith(prefix));
}

function roomFor(fields: FieldTable): number {
  let room = 0;
  for (let i = 0; i < fields.count; i++) {
    room += fields.valueEnd(i) - fields.nameStart(i) + 2;
  }
  return room;
}
