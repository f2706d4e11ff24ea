/**
 * Short ways to parse text, and the property that all parsers of heads must
 * have.
 *
 * @module
 */

import assert from "node:assert/strict";
import { INCOMPLETE } from "../../src/http1/field_table.ts";
import { HttpError } from "../../src/http1/http_error.ts";
import { parseRequestHead, RequestHead } from "../../src/http1/request_head.ts";
import {
  parseResponseHead,
  ResponseHead,
} from "../../src/http1/response_head.ts";
import { toBytes, toText } from "../support/raw_socket.ts";

/** A head and the bytes it points into. */
export interface Parsed<Head> {
  readonly head: Head;
  readonly bytes: Uint8Array;
  /** Offset just past the head. */
  readonly next: number;
}

/** Parses a request head that must be whole. */
export function parseRequest(text: string): Parsed<RequestHead> {
  const bytes = toBytes(text);
  const head = new RequestHead();
  const next = parseRequestHead(bytes, 0, bytes.length, head);
  assert.notEqual(next, INCOMPLETE, "the head is not whole");
  return { head, bytes, next };
}

/** Parses a response head that must be whole. */
export function parseResponse(text: string): Parsed<ResponseHead> {
  const bytes = toBytes(text);
  const head = new ResponseHead();
  const next = parseResponseHead(bytes, 0, bytes.length, head);
  assert.notEqual(next, INCOMPLETE, "the head is not whole");
  return { head, bytes, next };
}

/** The target as it would be passed on. */
export function targetOf({ head, bytes }: Parsed<RequestHead>): string {
  return toText(bytes.subarray(head.targetStart, head.targetEnd));
}

/** What becomes of `text`: the length of its head, `"incomplete"`, or the status it is refused with. */
export type Verdict = number | "incomplete" | `refused ${number}`;

/** The verdict on a request. */
export function judgeRequest(text: string): Verdict {
  return judge(
    text,
    (bytes, end) => parseRequestHead(bytes, 0, end, new RequestHead()),
  );
}

/** The verdict on a response. */
export function judgeResponse(text: string): Verdict {
  return judge(
    text,
    (bytes, end) => parseResponseHead(bytes, 0, end, new ResponseHead()),
  );
}

/**
 * At every prefix the verdict is `"incomplete"` or the one on the whole: an
 * error may come early, never a different outcome.
 */
export function checkPrefixes(
  text: string,
  judge: (text: string) => Verdict,
): void {
  const whole = judge(text);
  for (let end = 0; end < text.length; end++) {
    const verdict = judge(text.slice(0, end));
    if (verdict === "incomplete") continue;
    assert.equal(verdict, whole, JSON.stringify(text.slice(0, end)));
  }
}

function judge(
  text: string,
  parse: (bytes: Uint8Array, end: number) => number,
): Verdict {
  // What stands beyond the end must not matter.
  const bytes = toBytes(text + "\r\n\r\n 2.0");
  try {
    const next = parse(bytes, text.length);
    return next === INCOMPLETE ? "incomplete" : next;
  } catch (error) {
    if (error instanceof HttpError) return `refused ${error.status}`;
    throw error;
  }
}
