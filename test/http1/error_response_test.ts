import assert from "node:assert/strict";
import {
  errorResponse,
  type WrittenResponse,
} from "../../src/http1/error_response.ts";
import { ByteReader } from "../support/byte_reader.ts";
import { type RawResponse, readResponse } from "../support/http_message.ts";

async function read(
  { bytes }: WrittenResponse,
  method: string = "GET",
): Promise<RawResponse> {
  const parts = [bytes];
  const reader = new ByteReader(() => Promise.resolve(parts.shift() ?? null));
  const message = await readResponse(reader, method);
  assert.deepEqual(await reader.takeRest(), new Uint8Array());
  return message;
}

Deno.test("an answer of our own is short and typed, and ends the connection unless told otherwise", async () => {
  const { status, text, headers } = await read(errorResponse({
    status: 400,
    message: "Missing Host",
    dateLine: "Date: now\r\n",
  }));
  assert.equal(status, 400);
  assert.equal(text, "400 Bad Request: Missing Host\n");
  assert.equal(headers.get("content-type"), "text/plain; charset=utf-8");
  assert.equal(headers.get("connection"), "close");
  assert.equal(headers.get("date"), "now");
});

Deno.test("an answer that keeps the connection says when to try again, and its id", async () => {
  const { headers } = await read(errorResponse({
    status: 503,
    message: "No worker",
    close: false,
    retryAfterSeconds: 1,
    requestId: "id",
  }));
  assert.equal(headers.get("connection"), undefined);
  assert.equal(headers.get("retry-after"), "1");
  assert.equal(headers.get("x-request-id"), "id");
});

Deno.test("RFC 9110 §9.3.2: the answer to HEAD says the length of the body it lacks", async () => {
  const error = { status: 502, message: "Gone" };
  const { text } = await read(errorResponse(error));
  const toHead = await read(errorResponse({ ...error, toHead: true }), "HEAD");
  assert.equal(toHead.headers.get("content-length"), `${text.length}`);
});

Deno.test("RFC 9110 §15.5.6: 405 says which methods are served", async () => {
  const { headers } = await read(
    errorResponse({ status: 405, message: "TRACE is not served here" }),
  );
  assert.match(headers.get("allow") ?? "", /\bGET\b/);
});
