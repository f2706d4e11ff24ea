/**
 * Reading what the kernel shows of this process in files, by calls of the C
 * library: Deno opens files of `/proc` with all permissions only.
 *
 * @module
 */

import { OPEN_FLAGS } from "./abi.ts";
import type { Libc } from "./libc.ts";

/** So much is read at once at most, in octets. */
const CHUNK_BYTES = 65_536;

/** Returns the text of a file, up to `maxBytes` or a little more; empty where it cannot be read. */
export function readFile(
  { call }: Libc,
  path: string,
  maxBytes: number,
): string {
  const descriptor = call.open(
    new TextEncoder().encode(`${path}\0`),
    OPEN_FLAGS,
  );
  if (descriptor < 0) return "";
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(Math.min(maxBytes, CHUNK_BYTES));
  let text = "";
  while (text.length < maxBytes) {
    const count = call.read(descriptor, chunk, chunk.length);
    if (count <= 0) break;
    text += decoder.decode(chunk.subarray(0, count), { stream: true });
  }
  call.close(descriptor);
  return text;
}
