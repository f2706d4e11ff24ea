/**
 * Well-formed messages, as the text that is sent. Each further argument is a
 * field line.
 *
 * @module
 */

/** A GET without a body. */
export function get(target: string, ...fields: readonly string[]): string {
  return head(`GET ${target} HTTP/1.1`, "Host: a", ...fields);
}

/** A POST whose body has a length. */
export function post(
  target: string,
  body: string,
  ...fields: readonly string[]
): string {
  return postHead(target, `Content-Length: ${body.length}`, ...fields) + body;
}

/** The head of a POST whose fields say how the body comes. */
export function postHead(target: string, ...fields: readonly string[]): string {
  return head(`POST ${target} HTTP/1.1`, "Host: a", ...fields);
}

/** A 200 whose body has a length. */
export function ok(body: string, ...fields: readonly string[]): string {
  const length = `Content-Length: ${body.length}`;
  return head("HTTP/1.1 200 OK", length, ...fields) + body;
}

/** Any head. */
export function head(
  startLine: string,
  ...fields: readonly string[]
): string {
  return [startLine, ...fields, "", ""].join("\r\n");
}

/** A body in chunks of `chunkBytes`, with the last chunk. */
export function chunked(body: string, chunkBytes: number): string {
  let text = "";
  for (let at = 0; at < body.length; at += chunkBytes) {
    const chunk = body.slice(at, at + chunkBytes);
    text += `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
  }
  return text + LAST_CHUNK;
}

/** The end of a body in chunks. */
export const LAST_CHUNK = "0\r\n\r\n";

/** `length` letters in which no two places within reach of a buffer look alike. */
export function letters(length: number): string {
  let text = "";
  for (let line = 0; text.length < length; line++) {
    text += `${line.toString(36)}.`;
  }
  return text.slice(0, length);
}
