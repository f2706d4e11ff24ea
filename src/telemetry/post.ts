/**
 * A request of our own to a collector, over a connection of our own: `fetch`
 * would hand it to an HTTP_PROXY, which Deno's exporter does not ask either,
 * and Deno would make a span of it.
 *
 * @module
 */

import { concatenated } from "../http1/bytes.ts";
import { closeQuietly } from "../shared/close_quietly.ts";

/** More than this of a response is not read for its status, in octets. */
const MAX_STATUS_LINE_BYTES = 1024;

/** What is sent. */
export interface Post {
  readonly endpoint: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
  /** Certificates in PEM that are trusted beside those of every program. */
  readonly caCerts: readonly string[];
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Sends it, and resolves to the status of the response. @throws {Error} When none comes. */
export async function post(request: Post): Promise<number> {
  const { endpoint, signal } = request;
  const caCerts = [...request.caCerts];
  const tls = endpoint.protocol === "https:";
  const hostname = endpoint.hostname.replace(/^\[|\]$/g, "");
  const port = Number(endpoint.port) || (tls ? 443 : 80);
  const plain = await Deno.connect({ hostname, port, signal });
  let connection: Deno.Conn = plain;
  const end = (): void => closeQuietly(connection);
  signal.addEventListener("abort", end, { once: true });
  try {
    if (tls) connection = await Deno.startTls(plain, { hostname, caCerts });
    signal.throwIfAborted();
    await writeAll(connection, written(request));
    return statusIn(await readStatusLine(connection));
  } finally {
    signal.removeEventListener("abort", end);
    end();
  }
}

function written({ endpoint, headers, body }: Post): Uint8Array {
  const content = new TextEncoder().encode(body);
  const fields = new Headers(headers);
  fields.set("Host", endpoint.host);
  fields.set("Content-Type", "application/json");
  fields.set("Content-Length", `${content.length}`);
  fields.set("Connection", "close");
  const head = [
    `POST ${endpoint.pathname}${endpoint.search} HTTP/1.1`,
    ...[...fields].map(([name, value]) => `${name}: ${value}`),
  ].join("\r\n");
  return concatenated(new TextEncoder().encode(`${head}\r\n\r\n`), content);
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await conn.write(bytes.subarray(at));
  }
}

async function readStatusLine(conn: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(MAX_STATUS_LINE_BYTES);
  let length = 0;
  while (length < buffer.length && !buffer.subarray(0, length).includes(0x0a)) {
    const read = await conn.read(buffer.subarray(length));
    if (read === null) break;
    length += read;
  }
  return new TextDecoder().decode(buffer.subarray(0, length));
}

function statusIn(line: string): number {
  const status = /^HTTP\/1\.[01] ([1-5]\d\d)/.exec(line)?.[1];
  if (status === undefined) throw new Error("the response is none of HTTP/1.1");
  return Number(status);
}
