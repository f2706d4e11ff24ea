/**
 * Responses that are pushed until somebody ends them, by their media type.
 *
 * @module
 */

import { ascii, equalsIgnoringCase } from "../../http1/bytes.ts";
import type { FieldTable } from "../../http1/field_table.ts";

const CONTENT_TYPE = ascii("content-type");

/** Server-sent events, and pictures of a camera. In lower case. */
const ENDLESS_TYPES = ["text/event-stream", "multipart/x-mixed-replace"]
  .map(ascii);

/** In the octets of these types, what tells capitals apart. */
const LOWER_CASE_BIT = 0x20;

/** Whether the head whose `fields` are in `bytes` announces such a response. */
export function isEndlessType(bytes: Uint8Array, fields: FieldTable): boolean {
  for (let i = 0; i < fields.count; i++) {
    const start = fields.nameStart(i);
    const end = fields.nameEnd(i);
    if (end - start !== CONTENT_TYPE.length) continue;
    if (!equalsIgnoringCase(bytes, start, end, CONTENT_TYPE)) continue;
    const length = fields.valueEnd(i) - fields.valueStart(i);
    return ENDLESS_TYPES.some((type) =>
      type.length <= length && beginsWith(bytes, fields.valueStart(i), type)
    );
  }
  return false;
}

function beginsWith(
  bytes: Uint8Array,
  start: number,
  lower: Uint8Array,
): boolean {
  for (let i = 0; i < lower.length; i++) {
    if ((bytes[start + i]! | LOWER_CASE_BIT) !== lower[i]) return false;
  }
  return true;
}
