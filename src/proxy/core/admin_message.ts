/**
 * How the response of a page of our own is written out (RFC 9112). Pure.
 *
 * @module
 */

import { ascii, concatenated } from "../../http1/bytes.ts";
import { reasonPhrase } from "../../http1/error_response.ts";
import type { AdminHead } from "./admin_port.ts";

/** A head; `framing` are the fields by which its end is seen. */
export function adminHead(
  { status, headers }: AdminHead,
  { dateField, framing }: {
    readonly dateField: string;
    readonly framing: readonly string[];
  },
): Uint8Array {
  const lines = [`HTTP/1.1 ${status} ${reasonPhrase(status)}`];
  for (const [name, value] of headers) {
    if (name === "content-length" || name === "transfer-encoding") continue;
    lines.push(`${name}: ${value}`);
  }
  return new TextEncoder().encode(
    `${lines.join("\r\n")}\r\n${dateField}${framing.join("\r\n")}\r\n\r\n`,
  );
}

/** A part of a body as a chunk. */
export function adminChunk(content: Uint8Array): Uint8Array {
  // A chunk of no content would be the last one.
  if (content.length === 0) return content;
  const size = ascii(`${content.length.toString(16)}\r\n`);
  return concatenated(size, content, ascii("\r\n"));
}
