/**
 * What taking off the chunked transfer coding costs.
 *
 * `deno bench bench/micro/chunked_bench.ts`
 *
 * @module
 */

import { ascii } from "../../src/http1/bytes.ts";
import { ChunkedDecoder } from "../../src/http1/chunked_decoder.ts";

/** Content of the body, whatever the size of its chunks. */
const CONTENT_BYTES = 10_240;

for (const chunkBytes of [16, 1024, 4096]) {
  const chunk = `${chunkBytes.toString(16)}\r\n${"x".repeat(chunkBytes)}\r\n`;
  const body = ascii(`${chunk.repeat(CONTENT_BYTES / chunkBytes)}0\r\n\r\n`);
  const bytes = new Uint8Array(body.length);
  const name = `${CONTENT_BYTES} B in chunks of ${chunkBytes} B`;
  // The decoder moves the content together, so each round needs a fresh copy.
  Deno.bench(`${name}: copy alone`, { group: name, baseline: true }, () => {
    bytes.set(body);
  });
  Deno.bench(`${name}: copy and decode`, { group: name }, () => {
    bytes.set(body);
    new ChunkedDecoder().decode(bytes, 0, bytes.length);
  });
}
