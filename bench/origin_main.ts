/**
 * The worker behind every peer: as little work as can be had for each request,
 * so that load generator and workers fit on one core.
 *
 * `deno run -A bench/origin_main.ts PORT`. A benchmark's origin, not a server:
 * it believes what it reads and knows no pipelining.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { ChunkedDecoder } from "../src/http1/chunked_decoder.ts";
import {
  CHUNK_BYTES,
  DEFAULT_PATH,
  ECHO_PATH,
  ORIGIN_BODIES,
  ORIGIN_FIELD,
  type OriginBody,
  UPLOAD_PATH,
} from "./support/origin_bodies.ts";

/** Makes a 1 MiB upload few reads. */
const BUFFER_BYTES = 65_536;

/** Longer than any head of the benchmark. */
const MAX_HEAD_BYTES = 4096;

const STATUS_LINE = "HTTP/1.1 200 OK\r\n";

const END_OF_HEAD = "\r\n\r\n";

const port = Number(Deno.args[0]);

const responses: ReadonlyMap<string, Uint8Array> = new Map(
  [...ORIGIN_BODIES].map(([path, body]) => [path, fixedResponse(body)]),
);

const listener = Deno.listen({ hostname: "127.0.0.1", port });
for await (const conn of listener) {
  serve(conn).catch((error) => {
    // A load generator that has had enough closes in the middle.
    if (error instanceof Deno.errors.ConnectionReset) return;
    if (error instanceof Deno.errors.BrokenPipe) return;
    throw error;
  });
}

async function serve(conn: Deno.TcpConn): Promise<void> {
  using connection = conn;
  connection.setNoDelay(true);
  const buffer = Buffer.alloc(BUFFER_BYTES);
  while (true) {
    let filled = 0;
    let head = "";
    while (head === "") {
      const count = await connection.read(buffer.subarray(filled));
      if (count === null) return;
      filled += count;
      head = headOf(buffer, filled);
    }
    const bytes = await answer(connection, buffer.subarray(0, filled), head);
    // As the load generator writes it; no peer may send it on.
    if (head.includes("Connection: close")) {
      await writeAll(connection, closing(bytes));
      return;
    }
    await writeAll(connection, bytes);
  }
}

/** The head at the beginning of `buffer`, or "" when its end is not there yet. */
function headOf(buffer: Buffer, filled: number): string {
  const text = buffer.toString("latin1", 0, Math.min(filled, MAX_HEAD_BYTES));
  const end = text.indexOf(END_OF_HEAD);
  return end < 0 ? "" : text.slice(0, end + END_OF_HEAD.length);
}

async function answer(
  conn: Deno.TcpConn,
  received: Buffer,
  head: string,
): Promise<Uint8Array> {
  const from = head.indexOf(" ") + 1;
  const path = head.slice(from, head.indexOf(" ", from));
  if (path === UPLOAD_PATH) {
    return plainResponse(`${await readBody(conn, received, head)}\n`);
  }
  if (path === ECHO_PATH) return plainResponse(head);
  return responses.get(path) ?? responses.get(DEFAULT_PATH)!;
}

/** Reads the body to its end and returns its length without the framing. */
async function readBody(
  conn: Deno.TcpConn,
  received: Buffer,
  head: string,
): Promise<number> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  buffer.set(received.subarray(head.length));
  let filled = received.length - head.length;
  if (/^expect: *100-continue/im.test(head)) {
    await writeAll(conn, Buffer.from("HTTP/1.1 100 Continue\r\n\r\n"));
  }
  if (!/^transfer-encoding: *chunked/im.test(head)) {
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    let total = filled;
    while (total < length) total += await readSome(conn, buffer);
    return total;
  }
  const decoder = new ChunkedDecoder();
  let total = 0;
  while (true) {
    decoder.decode(buffer, 0, filled);
    total += decoder.contentEnd - decoder.contentStart;
    if (decoder.done) return total;
    buffer.copyWithin(0, decoder.next, filled);
    const kept = filled - decoder.next;
    filled = kept + await readSome(conn, buffer.subarray(kept));
  }
}

async function readSome(
  conn: Deno.TcpConn,
  buffer: Uint8Array,
): Promise<number> {
  const count = await conn.read(buffer);
  if (count === null) throw new Deno.errors.ConnectionReset("body cut short");
  return count;
}

function fixedResponse({ text, chunked }: OriginBody): Uint8Array {
  if (!chunked) return plainResponse(text);
  let body = "";
  for (let at = 0; at < text.length; at += CHUNK_BYTES) {
    const chunk = text.slice(at, at + CHUNK_BYTES);
    body += `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
  }
  return response("Transfer-Encoding: chunked", `${body}0\r\n\r\n`);
}

function plainResponse(text: string): Uint8Array {
  return response(`Content-Length: ${text.length}`, text);
}

function response(framing: string, body: string): Uint8Array {
  return Buffer.from(
    `${STATUS_LINE}Content-Type: text/plain\r\n` +
      `${ORIGIN_FIELD}: ${port}\r\n${framing}\r\n\r\n${body}`,
    "latin1",
  );
}

/** The response with the word that the connection ends after it. */
function closing(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([
    Buffer.from(`${STATUS_LINE}Connection: close\r\n`),
    bytes.subarray(STATUS_LINE.length),
  ]);
}

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  let written = await conn.write(bytes);
  while (written < bytes.length) {
    written += await conn.write(bytes.subarray(written));
  }
}
