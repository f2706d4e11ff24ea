/**
 * What parsing a head, and writing it out again for the other side, costs.
 *
 * `deno bench bench/micro/head_bench.ts`
 *
 * @module
 */

import { ByteWriter } from "../../src/http1/byte_writer.ts";
import { ascii } from "../../src/http1/bytes.ts";
import { parseRequestHead, RequestHead } from "../../src/http1/request_head.ts";
import {
  forwarding,
  writeRequestHead,
} from "../../src/http1/request_writer.ts";
import {
  parseResponseHead,
  ResponseHead,
} from "../../src/http1/response_head.ts";
import {
  type ResponseContext,
  writeResponseHead,
} from "../../src/http1/response_writer.ts";
import { SCENARIOS } from "../scenarios.ts";

/** Holds the longest head of the benchmark with what is added to it. */
const OUT_BYTES = 4096;

const requests = ["small", "browser"].map((name) => {
  const fields = SCENARIOS.find((scenario) => scenario.name === name)!.headers;
  const lines = ["GET / HTTP/1.1", "Host: 127.0.0.1:8080", ...fields];
  return { name, bytes: ascii(`${lines.join("\r\n")}\r\n\r\n`) };
});

const response = ascii(
  "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" +
    "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 12\r\n\r\n",
);

const context = {
  forwarding: forwarding({
    trusted: false,
    address: "192.0.2.1",
    proto: "http",
    port: 8080,
    defaultHost: "localhost",
  }),
  requestId: ascii("0123456789abcdef"),
};

for (const { name, bytes } of requests) {
  const head = new RequestHead();
  Deno.bench(`parse a request: ${name}, ${bytes.length} B`, () => {
    parseRequestHead(bytes, 0, bytes.length, head);
  });

  const writer = new ByteWriter();
  const out = new Uint8Array(OUT_BYTES);
  const parsed = new RequestHead();
  parseRequestHead(bytes, 0, bytes.length, parsed);
  Deno.bench(`rewrite a request: ${name}, ${bytes.length} B`, () => {
    writer.reset(out);
    writeRequestHead(writer, bytes, parsed, context);
  });
}

const head = new ResponseHead();
parseResponseHead(response, 0, response.length, head);
Deno.bench(`parse a response, ${response.length} B`, () => {
  parseResponseHead(response, 0, response.length, head);
});

const responseContext: ResponseContext = {
  trailers: false,
  body: { type: "length", bytes: 12 },
  connection: "keep-alive",
  http10: false,
  requestId: {
    bytes: context.requestId,
    idStart: 0,
    idEnd: context.requestId.length,
  },
  setCookie: null,
  date: { line: ascii("Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n") },
};
const responseWriter = new ByteWriter();
const responseOut = new Uint8Array(OUT_BYTES);
Deno.bench(`rewrite a response, ${response.length} B`, () => {
  responseWriter.reset(responseOut);
  writeResponseHead(responseWriter, response, head, responseContext);
});
