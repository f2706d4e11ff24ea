/**
 * A worker that makes absolute URIs of its own address, as many do where they
 * do not look at Host: clients cannot get there, and are sent to where they
 * have asked instead. Pure.
 *
 * @module
 */

import { latin1Slice } from "./bytes.ts";
import { Field, type FieldKind, LOCATION_FIELDS } from "./field_names.ts";
import type { ResponseHead } from "./response_head.ts";

/** Where a worker listens. */
export interface WorkerAddress {
  readonly hostname: string;
  readonly port: number;
}

/** Where a client has sent its request. */
interface PublicOrigin {
  /** `http` or `https`; `null` when it is not known. */
  readonly scheme: string | null;
  /** Host and port as the client wrote them; `null` for a client that named none. */
  readonly authority: string | null;
}

/** A URI in a value. */
interface Uri {
  readonly start: number;
  readonly end: number;
}

/** The kinds of fields in which a worker may name itself, as bits. */
export const LOCATION_KINDS: number = LOCATION_FIELDS.reduce(
  (bits, kind) => bits | 1 << kind,
  0,
);

/** What such a field becomes: it is not copied. */
export const REWRITTEN: FieldKind = 31;

/** What a worker calls the machine it runs on, beside the address it was told to listen on. */
const OWN_HOSTS: ReadonlySet<string> = new Set([
  "127.0.0.1",
  "localhost",
  "[::1]",
  "0.0.0.0",
  "[::]",
]);

/** Scheme, host and port of an absolute or scheme-relative URI, and nothing but a path, a query or a fragment behind them. */
const ORIGIN =
  /^(?:(https?):)?\/\/([a-z\d.-]+|\[[\da-f:.]+\])(?::(\d{0,5}))?(?=[/?#]|$)/i;

/** What stands before the URI of Refresh, its quote included ("shared declarative refresh steps" of HTML). */
const BEFORE_REFRESH_URI =
  /^[\d.]+(?:[\t ]*[;,][\t ]*|[\t ]+)(?:url[\t ]*=[\t ]*)?(["']?)/i;

/** A value of Host: what is more would leave the URI. */
const AUTHORITY = /^(?:\[[\da-f:.]+\]|[\w.~!$&'()*+;=%-]+)(?::\d{0,5})?$/i;

/**
 * Rewrites the fields of `head` that name the worker's own address, and marks
 * them {@linkcode REWRITTEN}.
 *
 * @param request The head the worker was sent, forwarding fields and all.
 * @returns The lines that take their place, ended; `null` when there are none.
 */
export function rewriteOwnLocations(
  bytes: Uint8Array,
  { fields, connection }: ResponseHead,
  worker: WorkerAddress,
  request: () => string,
): Uint8Array | null {
  let lines = "";
  let origin: PublicOrigin | null = null;
  for (let i = 0; i < fields.count; i++) {
    const kind = fields.kind(i);
    if ((LOCATION_KINDS >>> kind & 1) === 0) continue;
    const value = latin1Slice(bytes, fields.valueStart(i), fields.valueEnd(i));
    const { start, end } = uriIn(value, kind);
    const uri = value.slice(start, end);
    const own = ORIGIN.exec(uri);
    if (own === null || !isOwn(own, worker)) continue;
    if (connection.nominates(bytes, fields, i)) continue; // it goes no further
    origin ??= originOf(request());
    const name = latin1Slice(bytes, fields.nameStart(i), fields.nameEnd(i));
    const rewritten = onOrigin(own, uri.slice(own[0].length), origin);
    lines += `${name}: ${value.slice(0, start)}${rewritten}${
      value.slice(end)
    }\r\n`;
    fields.setKind(i, REWRITTEN);
  }
  return lines === ""
    ? null
    : Uint8Array.from(lines, (character) => character.charCodeAt(0));
}

/** Where the URI is in a value of a field of this kind; an empty part of it when there is none. */
function uriIn(value: string, kind: FieldKind): Uri {
  if (kind !== Field.REFRESH) return { start: 0, end: value.length };
  const before = BEFORE_REFRESH_URI.exec(value);
  if (before === null) return { start: 0, end: 0 };
  const start = before[0].length;
  const quote = before[1]!;
  const closing = quote === "" ? -1 : value.indexOf(quote, start);
  return { start, end: closing < 0 ? value.length : closing };
}

function isOwn(
  [, scheme, host, port]: RegExpExecArray,
  worker: WorkerAddress,
): boolean {
  const name = host!.toLowerCase();
  const isHost = OWN_HOSTS.has(name) || name === worker.hostname ||
    name === `[${worker.hostname}]`;
  const defaultPort = scheme?.toLowerCase() === "https" ? 443 : 80;
  return isHost && (port ? Number(port) : defaultPort) === worker.port;
}

/** The URI with another origin; for a client that has named none, without any. */
function onOrigin(
  own: RegExpExecArray,
  rest: string,
  { scheme, authority }: PublicOrigin,
): string {
  if (authority !== null) {
    const isRelative = own[1] === undefined || scheme === null;
    return `${isRelative ? "" : `${scheme}:`}//${authority}${rest}`;
  }
  // Not `//x`, which would be an authority (RFC 3986 §4.2).
  if (rest.startsWith("//")) return `/.${rest}`;
  return rest.startsWith("/") ? rest : `/${rest}`;
}

/** What the forwarding fields that a worker was sent say of where its client has asked. */
function originOf(requestHead: string): PublicOrigin {
  const proto = firstMember(requestHead, "X-Forwarded-Proto")?.toLowerCase();
  const host = firstMember(requestHead, "X-Forwarded-Host");
  return {
    scheme: proto === "http" || proto === "https" ? proto : null,
    authority: host !== undefined && AUTHORITY.test(host) ? host : null,
  };
}

function firstMember(head: string, name: string): string | undefined {
  const value = new RegExp(`\r\n${name}:([^\r\n]*)`, "i").exec(head)?.[1];
  return value?.split(",").map((member) => member.trim())
    .find((member) => member !== "");
}
