/** Which `traceparent` is believed (W3C Trace Context). */

import assert from "node:assert/strict";
import { ascii } from "../../src/http1/bytes.ts";
import { parseRequestHead, RequestHead } from "../../src/http1/request_head.ts";
import {
  readTraceContext,
  type TraceContext,
} from "../../src/http1/traceparent.ts";
import { get } from "../support/message_text.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

function read(...values: readonly string[]): TraceContext | null {
  const bytes = ascii(get("/", ...values.map((v) => `TraceParent: ${v}`)));
  const head = new RequestHead();
  parseRequestHead(bytes, 0, bytes.length, head);
  return readTraceContext(bytes, head.fields);
}

Deno.test("a traceparent says trace, span and whether it is recorded", () => {
  const known = { traceId: TRACE, spanId: SPAN };
  assert.deepEqual(read(`00-${TRACE}-${SPAN}-01`), { ...known, sampled: true });
  assert.deepEqual(read(`00-${TRACE}-${SPAN}-02`), {
    ...known,
    sampled: false,
  });
  // §3.2.4: a later version may have more behind it.
  assert.deepEqual(read(`01-${TRACE}-${SPAN}-01-more`), {
    ...known,
    sampled: true,
  });
});

for (
  const value of [
    "",
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}`,
  ]
) {
  Deno.test(`the traceparent "${value}" is none`, () => {
    assert.equal(read(value), null);
  });
}

Deno.test("two of them are none", () => {
  const value = `00-${TRACE}-${SPAN}-01`;
  assert.equal(read(value, value), null);
});
