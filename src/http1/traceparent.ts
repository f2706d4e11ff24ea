/**
 * The fields that tell a trace: `traceparent` and `tracestate` (W3C Trace
 * Context, level 1). Pure.
 *
 * @module
 */

import { ascii, equalsIgnoringCase, latin1Slice } from "./bytes.ts";
import { Field } from "./field_names.ts";
import type { FieldTable } from "./field_table.ts";

/** Octets of a `traceparent` as we write it: `00-TRACE-PARENT-FLAGS`. */
export const TRACEPARENT_BYTES = 55;

/** Where in it the id of the parent begins. */
export const PARENT_ID_START = 36;

/** The flag of a trace that is recorded. */
const SAMPLED = 1;

const TRACEPARENT = ascii("traceparent");
const TRACESTATE = ascii("tracestate");

/** §3.2.2: version, trace, parent, flags; later versions may have more behind it. */
const FORMAT =
  /^(?:00(?=.{53}$)|(?!00|ff)[0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;

/** Of which trace a request is, and which span of it has made it. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** Whether that span is recorded. */
  readonly sampled: boolean;
}

/**
 * Reads the trace of a request; `null` where there is none, or none that can
 * be understood: then what was sent of it is not to be passed on (§4.3).
 */
export function readTraceContext(
  bytes: Uint8Array,
  fields: FieldTable,
): TraceContext | null {
  let found: string | null = null;
  for (let i = 0; i < fields.count; i++) {
    if (!isNamed(bytes, fields, i, TRACEPARENT)) continue;
    if (found !== null) return null; // which of them?
    found = latin1Slice(bytes, fields.valueStart(i), fields.valueEnd(i));
  }
  if (found === null) return null;
  const [, traceId, spanId, flags] = FORMAT.exec(found) ?? [];
  if (traceId === undefined || spanId === undefined) return null;
  return { traceId, spanId, sampled: (parseInt(flags!, 16) & SAMPLED) !== 0 };
}

/** Has `traceparent` not passed on as it is; nor `tracestate`, where the trace is another one. */
export function dropTraceContext(
  bytes: Uint8Array,
  fields: FieldTable,
  { state }: { readonly state: boolean },
): void {
  for (let i = 0; i < fields.count; i++) {
    if (
      isNamed(bytes, fields, i, TRACEPARENT) ||
      state && isNamed(bytes, fields, i, TRACESTATE)
    ) fields.setKind(i, Field.ALIAS);
  }
}

function isNamed(
  bytes: Uint8Array,
  fields: FieldTable,
  index: number,
  name: Uint8Array,
): boolean {
  const start = fields.nameStart(index);
  return equalsIgnoringCase(bytes, start, fields.nameEnd(index), name);
}
