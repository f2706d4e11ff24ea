/**
 * Copying field lines from one head into another. Pure.
 *
 * @module
 */

import type { ByteWriter } from "./byte_writer.ts";
import { CR } from "./bytes.ts";
import type { ConnectionOptions } from "./connection_options.ts";
import { FIELD_KINDS, type FieldKind } from "./field_names.ts";
import { type FieldTable, forEachMember } from "./field_table.ts";

/** Octets of CR LF. */
const LINE_END_BYTES = 2;

/** What becomes of a field. */
const Fate = {
  /** It is copied. */
  COPY: 0,
  DROP: 1,
  /** It is dropped where the Connection field names it. */
  DROP_IF_NOMINATED: 2,
} as const;

/** For each kind of field: one of {@linkcode Fate}. */
export type Fates = Uint8Array;

/** A head with fields. */
interface Head {
  readonly fields: FieldTable;
  readonly connection: ConnectionOptions;
}

/** Has the kinds in `dropped` dropped, those in `nominable` if they are nominated, and the others copied. */
export function fatesOf(
  dropped: readonly FieldKind[],
  nominable: readonly FieldKind[],
): Fates {
  const fates = new Uint8Array(FIELD_KINDS);
  for (const kind of nominable) fates[kind] = Fate.DROP_IF_NOMINATED;
  for (const kind of dropped) fates[kind] = Fate.DROP;
  return fates;
}

/** Copies the field lines that are not dropped, neighbours in one go. */
export function copyFields(
  out: ByteWriter,
  bytes: Uint8Array,
  head: Head,
  fates: Fates,
): void {
  const { fields, connection } = head;
  let start = 0;
  let end = -1; // of the lines to be copied next; none yet
  for (let i = 0; i < fields.count; i++) {
    const fate = fates[fields.kind(i)];
    if (
      fate === Fate.DROP ||
      fate === Fate.DROP_IF_NOMINATED && connection.nominates(bytes, fields, i)
    ) continue;
    const lineStart = fields.nameStart(i);
    // What stands between may be a blank and a bare LF, of a worker.
    if (
      end < 0 || lineStart !== end + LINE_END_BYTES || bytes[end] !== CR
    ) {
      if (end >= 0) {
        out.copy(bytes, start, end);
        out.endLine();
      }
      start = lineStart;
    }
    end = fields.valueEnd(i);
  }
  if (end < 0) return;
  out.copy(bytes, start, end);
  out.endLine();
}

/** Which members of a list field are copied. */
export interface MemberSelection {
  readonly fields: FieldTable;
  readonly index: number;
  readonly keeps: (start: number, end: number) => boolean;
}

/**
 * Copies the line of a list field with those members that are kept, and what
 * stood before each; nothing when none is. Never longer than it was.
 */
export function copyMembers(
  out: ByteWriter,
  bytes: Uint8Array,
  { fields, index, keeps }: MemberSelection,
): void {
  const lineAt = out.at;
  const valueStart = fields.valueStart(index);
  const valueEnd = fields.valueEnd(index);
  out.copy(bytes, fields.nameStart(index), valueStart);
  const valueAt = out.at;
  let all = true;
  let before = valueStart;
  forEachMember(bytes, valueStart, valueEnd, (start, end) => {
    if (!keeps(start, end)) all = false;
    else out.copy(bytes, out.at === valueAt ? start : before, end);
    before = end;
  });
  const none = out.at === valueAt;
  if (none) out.at = lineAt;
  else if (all) { // empty members and all
    out.at = valueAt;
    out.copy(bytes, valueStart, valueEnd);
  }
  if (!none) out.endLine();
}
