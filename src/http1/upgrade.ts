/**
 * Switching protocols (RFC 9110 §7.8): what is passed on of what a client asks
 * for, and what a worker may switch to. Pure.
 *
 * After a switch bytes go both ways unread. So it is passed on only where no
 * HTTP can follow: requests within h2c or TLS would go past everything that is
 * kept account of here.
 *
 * @module
 */

import { ascii, equalsIgnoringCase, SLASH } from "./bytes.ts";
import type { ByteWriter } from "./byte_writer.ts";
import { copyMembers } from "./field_copy.ts";
import { Field } from "./field_names.ts";
import { type FieldTable, forEachMember } from "./field_table.ts";

/** Names of protocols that carry HTTP. */
const HTTP_CARRIERS = ["h2c", "h2", "http", "tls"].map(ascii);

/** Whether one of the protocols that are asked for can be carried. */
export function asksForCarried(bytes: Uint8Array, fields: FieldTable): boolean {
  let carried = false;
  forEachProtocol(bytes, fields, (start, end) => {
    carried ||= isCarried(bytes, start, end);
  });
  return carried;
}

/** Whether a worker says what it switches to, and all of that can be carried. */
export function switchesToCarried(
  bytes: Uint8Array,
  fields: FieldTable,
): boolean {
  let named = false;
  let carried = true;
  forEachProtocol(bytes, fields, (start, end) => {
    named = true;
    carried &&= isCarried(bytes, start, end);
  });
  return named && carried;
}

/** Writes the Upgrade fields of a request, without what cannot be carried. */
export function writeCarriedUpgrade(
  out: ByteWriter,
  bytes: Uint8Array,
  fields: FieldTable,
): void {
  for (let index = 0; index < fields.count; index++) {
    if (fields.kind(index) !== Field.UPGRADE) continue;
    copyMembers(out, bytes, {
      fields,
      index,
      keeps: (start, end) => isCarried(bytes, start, end),
    });
  }
}

function forEachProtocol(
  bytes: Uint8Array,
  fields: FieldTable,
  visit: (start: number, end: number) => void,
): void {
  for (let i = 0; i < fields.count; i++) {
    if (fields.kind(i) !== Field.UPGRADE) continue;
    forEachMember(bytes, fields.valueStart(i), fields.valueEnd(i), visit);
  }
}

/** Whether `name["/"version]` can be carried. */
function isCarried(bytes: Uint8Array, start: number, end: number): boolean {
  let nameEnd = start;
  while (nameEnd < end && bytes[nameEnd] !== SLASH) nameEnd++;
  return !HTTP_CARRIERS.some((name) =>
    equalsIgnoringCase(bytes, start, nameEnd, name)
  );
}
