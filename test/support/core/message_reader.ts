/**
 * Reads HTTP/1.1 messages out of what has come so far, without waiting: for
 * peers that are in memory.
 *
 * Deliberately shares nothing with `src/http1/`: a mistake there must not be
 * repeated by what checks it.
 *
 * @module
 */

import type { Field, HttpMessage } from "../http_message.ts";
import { toBytes } from "../raw_socket.ts";

/** A message, as far as it has come. */
export interface ReadMessage {
  readonly message: HttpMessage;
  /** Whether it is there to its end. */
  readonly complete: boolean;
  /** Just past it, or past what there is of it. */
  readonly next: number;
}

/** Reads a request at `at`; `null` while its head is not all there. */
export function readRequestAt(text: string, at: number): ReadMessage | null {
  return readMessage(text, at, (head) => {
    if (isChunked(head)) return "chunked";
    return Number(head.headers.get("content-length") ?? 0);
  });
}

/** Reads a response at `at`; `null` while its head is not all there. `method` is that of the request. */
export function readResponseAt(
  text: string,
  at: number,
  { method, ended }: {
    readonly method: string;
    /** Whether the connection has been ended in order. */
    readonly ended: boolean;
  },
): ReadMessage | null {
  const read = readMessage(text, at, (head) => {
    const status = statusOf(head);
    if (method === "HEAD" || status < 200 || status === 204 || status === 304) {
      return 0;
    }
    if (isChunked(head)) return "chunked";
    const length = head.headers.get("content-length");
    return length === undefined ? "until-close" : Number(length);
  });
  if (read === null || read.next < text.length) return read;
  return { ...read, complete: read.complete || read.untilClose && ended };
}

/** The status in the first line of a response. */
export function statusOf({ startLine }: HttpMessage): number {
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(startLine)?.[1]);
  if (Number.isNaN(status)) throw new Error(`No status line: "${startLine}"`);
  return status;
}

type Framing = number | "chunked" | "until-close";

function readMessage(
  text: string,
  at: number,
  framingOf: (head: HttpMessage) => Framing,
): ReadMessage & { readonly untilClose: boolean } | null {
  const headEnd = text.indexOf("\r\n\r\n", at);
  if (headEnd < 0) return null;
  const [startLine = "", ...lines] = text.slice(at, headEnd).split("\r\n");
  const fields = lines.map(fieldOf);
  const head = messageOf(startLine, fields, "", []);
  const framing = framingOf(head);
  const from = headEnd + 4;
  const body = framing === "chunked"
    ? readChunks(text, from)
    : readPlain(text, from, framing === "until-close" ? Infinity : framing);
  const { content, trailers, complete, next } = body;
  return {
    message: {
      ...messageOf(startLine, fields, content, trailers),
      raw: toBytes(text.slice(at, next)),
    },
    complete,
    next,
    untilClose: framing === "until-close",
  };
}

interface ReadBody {
  readonly content: string;
  readonly trailers: readonly Field[];
  readonly complete: boolean;
  readonly next: number;
}

function readPlain(text: string, from: number, length: number): ReadBody {
  const next = Math.min(text.length, from + length);
  const content = text.slice(from, next);
  return { content, trailers: [], complete: content.length === length, next };
}

function readChunks(text: string, from: number): ReadBody {
  let content = "";
  const cut = (): ReadBody => {
    const next = text.length;
    return { content, trailers: [], complete: false, next };
  };
  for (let at = from;;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return cut();
    const line = text.slice(at, lineEnd);
    const size = /^([0-9a-f]+)(?:[ \t]*;.*)?$/i.exec(line)?.[1];
    if (size === undefined) throw new Error(`A chunk's size is "${line}"`);
    const length = parseInt(size, 16);
    at = lineEnd + 2;
    if (length === 0) return readTrailers(text, at, content) ?? cut();
    content += text.slice(at, at + length);
    if (text.length < at + length + 2) return cut();
    const end = text.slice(at + length, at + length + 2);
    if (end !== "\r\n") throw new Error(`A chunk ends with "${end}"`);
    at += length + 2;
  }
}

function readTrailers(
  text: string,
  from: number,
  content: string,
): ReadBody | null {
  const trailers: Field[] = [];
  for (let at = from;;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    const line = text.slice(at, lineEnd);
    at = lineEnd + 2;
    if (line === "") return { content, trailers, complete: true, next: at };
    trailers.push(fieldOf(line));
  }
}

function messageOf(
  startLine: string,
  fields: readonly Field[],
  text: string,
  trailers: readonly Field[],
): HttpMessage {
  const headers = new Map<string, string>();
  for (const [name, value] of fields) {
    const key = name.toLowerCase();
    const before = headers.get(key);
    headers.set(key, before === undefined ? value : `${before}, ${value}`);
  }
  const body = toBytes(text);
  const raw = body;
  return { startLine, fields, headers, body, text, trailers, raw };
}

function fieldOf(line: string): Field {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

function isChunked({ headers }: HttpMessage): boolean {
  return /\bchunked$/i.test(headers.get("transfer-encoding") ?? "");
}
