/**
 * The cookies of a request (RFC 6265 §4.2.1). Pure.
 *
 * A cookie is no field that a proxy has to understand, so the parser does not
 * tell it from others: only who wants cookies looks for them.
 *
 * @module
 */

import { ascii, equalsIgnoringCase, SEMICOLON, SP } from "./bytes.ts";
import { Field } from "./field_names.ts";
import type { FieldTable } from "./field_table.ts";

const COOKIE = ascii("cookie");

/** Calls `visit` with the bounds of each cookie, `name=value`, until it returns `false`. */
export function visitCookies(
  bytes: Uint8Array,
  fields: FieldTable,
  visit: (start: number, end: number) => boolean,
): void {
  for (let i = 0; i < fields.count; i++) {
    if (fields.kind(i) !== Field.OTHER) continue;
    const named = equalsIgnoringCase(
      bytes,
      fields.nameStart(i),
      fields.nameEnd(i),
      COOKIE,
    );
    if (!named) continue;
    const end = fields.valueEnd(i);
    let start = fields.valueStart(i);
    while (start < end) {
      let stop = start;
      while (stop < end && bytes[stop] !== SEMICOLON) stop++;
      if (!visit(start, stop)) return;
      start = stop + 1;
      while (start < end && bytes[start] === SP) start++;
    }
  }
}
