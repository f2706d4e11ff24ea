/**
 * Reads HTTP/1.1 messages for tests: lenient, whole in memory, with the exact
 * bytes kept.
 *
 * Deliberately shares nothing with `src/http1/`: a mistake there must not be
 * repeated by what checks it.
 *
 * @module
 */

import { type ByteReader, CutError } from "./byte_reader.ts";
import { concatBytes, toText } from "./raw_socket.ts";

/** One field line: name as written and value without surrounding space. */
export type Field = readonly [name: string, value: string];

/** A request or response, read to its end. */
export interface HttpMessage {
  /** Request or status line without its line end. */
  readonly startLine: string;
  /** Field lines in order, names as written. */
  readonly fields: readonly Field[];
  /** Fields by lower-case name; several of one name are joined with `", "`. */
  readonly headers: ReadonlyMap<string, string>;
  /** Body with the framing taken off. */
  readonly body: Uint8Array;
  /** The body as text, one character a byte. */
  readonly text: string;
  /** Trailer lines of a chunked body. */
  readonly trailers: readonly Field[];
  /** Every byte of the message as it came. */
  readonly raw: Uint8Array;
}

/** A response. */
export interface RawResponse extends HttpMessage {
  readonly status: number;
}

/** A request. */
export interface RawRequest extends HttpMessage {
  readonly method: string;
  readonly target: string;
}

/** A message ended before its head or its framing said so. */
export class CutMessageError extends CutError {
  /** What had come of it; `null` when not even the head was whole. */
  readonly partial: HttpMessage | null;

  /** Creates the error with what had come. */
  constructor(cause: CutError, partial: HttpMessage | null) {
    const seen = partial === null
      ? "the head is not whole"
      : `${partial.startLine}, ${partial.body.length} body bytes`;
    super(`${cause.message} (${seen})`, { cause });
    this.partial = partial;
  }
}

/** Reads a request. @throws {CutMessageError} when it ends early. */
export async function readRequest(reader: ByteReader): Promise<RawRequest> {
  const head = await readHead(reader);
  const message = await readBody(reader, head, requestFraming(head));
  const [method = "", target = ""] = head.startLine.split(" ");
  return { ...message, method, target };
}

/**
 * Reads a response, interim ones (1xx) included.
 *
 * @throws {CutMessageError} when it ends early.
 */
export async function readResponse(
  reader: ByteReader,
  method: string,
): Promise<RawResponse> {
  const head = await readHead(reader);
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head.startLine)?.[1]);
  if (Number.isNaN(status)) {
    throw new Error(`Cannot read a response: it begins "${head.startLine}"`);
  }
  const framing = responseFraming(head, status, method);
  return { ...await readBody(reader, head, framing), status };
}

/** Reads a head alone. @throws {CutMessageError} when it ends early. */
export async function readHead(reader: ByteReader): Promise<HttpMessage> {
  let raw: Uint8Array;
  try {
    raw = await reader.takeThrough("\r\n\r\n");
  } catch (error) {
    if (error instanceof CutError) throw new CutMessageError(error, null);
    throw error;
  }
  const [startLine = "", ...lines] = toText(raw).trimEnd().split("\r\n");
  const fields = lines.map(parseField);
  return {
    startLine,
    fields,
    headers: joinFields(fields),
    body: new Uint8Array(),
    text: "",
    trailers: [],
    raw,
  };
}

/** How a body ends: its length in bytes, or one of the other two ways. */
type Framing = number | "chunked" | "until-close";

function requestFraming(head: HttpMessage): Framing {
  if (isChunked(head)) return "chunked";
  return Number(head.headers.get("content-length") ?? 0);
}

function responseFraming(
  head: HttpMessage,
  status: number,
  method: string,
): Framing {
  const bodiless = method === "HEAD" || status < 200 || status === 204 ||
    status === 304;
  if (bodiless) return 0;
  if (isChunked(head)) return "chunked";
  const length = head.headers.get("content-length");
  return length === undefined ? "until-close" : Number(length);
}

function isChunked(head: HttpMessage): boolean {
  return /\bchunked$/i.test(head.headers.get("transfer-encoding") ?? "");
}

async function readBody(
  reader: ByteReader,
  head: HttpMessage,
  framing: Framing,
): Promise<HttpMessage> {
  const raw: Uint8Array[] = [head.raw];
  const body: Uint8Array[] = [];
  let trailers: readonly Field[] = [];
  const message = (): HttpMessage => {
    const whole = concatBytes(...body);
    return {
      ...head,
      body: whole,
      text: toText(whole),
      trailers,
      raw: concatBytes(...raw),
    };
  };
  try {
    if (framing === "chunked") {
      trailers = await readChunks(reader, raw, body);
    } else {
      await readPlain(reader, framing, raw, body);
    }
  } catch (error) {
    if (error instanceof CutError) throw new CutMessageError(error, message());
    throw error;
  }
  return message();
}

async function readPlain(
  reader: ByteReader,
  length: number | "until-close",
  raw: Uint8Array[],
  body: Uint8Array[],
): Promise<void> {
  let missing = length === "until-close" ? Infinity : length;
  while (missing > 0) {
    const part = await reader.takeSome(missing);
    if (part === null) {
      // Only an orderly end completes a body that has no other end.
      if (length === "until-close" && reader.peer === "closed") return;
      throw new CutError(
        `Cannot read a body: the peer ${reader.peer} the connection`,
      );
    }
    raw.push(part);
    body.push(part);
    missing -= part.length;
  }
}

async function readChunks(
  reader: ByteReader,
  raw: Uint8Array[],
  body: Uint8Array[],
): Promise<readonly Field[]> {
  while (true) {
    const line = await reader.takeThrough("\r\n");
    raw.push(line);
    const size = /^([0-9a-f]+)(?:[ \t]*;.*)?\r\n$/i.exec(toText(line))?.[1];
    if (size === undefined) {
      throw new Error(`Cannot read a chunk: its size is "${toText(line)}"`);
    }
    const length = parseInt(size, 16);
    if (length === 0) break;
    await readPlain(reader, length, raw, body);
    const end = await reader.take(2);
    raw.push(end);
    if (toText(end) !== "\r\n") {
      throw new Error(`Cannot read a chunk: it ends with "${toText(end)}"`);
    }
  }
  const trailers: Field[] = [];
  while (true) {
    const line = await reader.takeThrough("\r\n");
    raw.push(line);
    if (line.length === 2) return trailers;
    trailers.push(parseField(toText(line)));
  }
}

function parseField(line: string): Field {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

function joinFields(fields: readonly Field[]): Map<string, string> {
  const joined = new Map<string, string>();
  for (const [name, value] of fields) {
    const key = name.toLowerCase();
    const before = joined.get(key);
    joined.set(key, before === undefined ? value : `${before}, ${value}`);
  }
  return joined;
}
