/**
 * Reading the Forwarded field (RFC 7239), and what else names whom a request
 * is forwarded for. Pure.
 *
 * @module
 */

import { latin1Slice } from "./bytes.ts";
import { Field } from "./field_names.ts";
import { type FieldTable, forEachMember } from "./field_table.ts";

/** What the Forwarded fields of a request say. */
export interface ForwardedText {
  /** Who is named by `for`, in order: addresses without port and brackets, `unknown`, or an obfuscated name. */
  readonly nodes: readonly string[];
  /** The scheme the client used, in lower case, as the first proxy says; `null` when it does not. */
  readonly proto: string | null;
  /** The Host the client sent, as the first proxy says; `null` when it does not. */
  readonly host: string | null;
}

/** Bounds of a part of a value. */
export interface Bounds {
  readonly start: number;
  readonly end: number;
}

/** One `name=value` and what stands behind it, or that alone (RFC 7239 §4). */
const PAIR =
  /[\t ]*(?:([\w!#$%&'*+.^`|~-]+)=(?:([\w!#$%&'*+.^`|~-]+)|"((?:[^"\\]|\\.)*)"))?[\t ]*([;,]|$)/y;

/** `node` of RFC 7239 §6, and an IPv6 address without the brackets it should have. */
const NODE =
  /^(?:([\d.]{7,15}|unknown|_[\w.-]+)|\[([\da-f:.]+)\])(?::(?:\d{1,5}|_[\w.-]+))?$|^([\da-f.]*:[\da-f.]*:[\da-f:.]*)$/i;

const SCHEME = /^[a-z][a-z\d+.-]*$/;
const HOST = /^[\w\-.~!$&'()*+,;=%:[\]]+$/;

/** Reads all Forwarded fields as one; `null` when they are malformed. */
export function readForwarded(
  bytes: Uint8Array,
  fields: FieldTable,
): ForwardedText | null {
  const lines: string[] = [];
  for (let i = 0; i < fields.count; i++) {
    if (fields.kind(i) !== Field.FORWARDED) continue;
    lines.push(latin1Slice(bytes, fields.valueStart(i), fields.valueEnd(i)));
  }
  const elements = parseElements(lines.join(","));
  if (elements === null || elements.length === 0) return null;
  const nodes: string[] = [];
  for (const element of elements) {
    const node = element.get("for");
    if (node === undefined) continue;
    const [, name, bracketed, bare] = NODE.exec(node) ?? [];
    const text = name ?? bracketed ?? bare;
    if (text === undefined) return null;
    nodes.push(text);
  }
  const proto = elements[0]!.get("proto")?.toLowerCase() ?? null;
  const host = elements[0]!.get("host") ?? null;
  const valid = (proto === null || SCHEME.test(proto)) &&
    (host === null || HOST.test(host));
  return valid ? { nodes, proto, host } : null;
}

/** Where the first member of the first field of this kind is; `null` when there is none. */
export function firstMember(
  bytes: Uint8Array,
  fields: FieldTable,
  kind: number,
): Bounds | null {
  let first: Bounds | null = null;
  for (let i = 0; i < fields.count && first === null; i++) {
    if (fields.kind(i) !== kind) continue;
    forEachMember(
      bytes,
      fields.valueStart(i),
      fields.valueEnd(i),
      (start, end) => first ??= { start, end },
    );
  }
  return first;
}

/** The elements that are not empty, each as its parameters by their names in lower case. */
function parseElements(text: string): Map<string, string>[] | null {
  const elements: Map<string, string>[] = [];
  let element = new Map<string, string>();
  PAIR.lastIndex = 0;
  for (;;) {
    const match = PAIR.exec(text);
    if (match === null) return null;
    const [, name, token, quoted, delimiter] = match;
    if (name !== undefined) {
      const key = name.toLowerCase();
      if (element.has(key)) return null;
      element.set(key, token ?? quoted!.replace(/\\(.)/g, "$1"));
    }
    if (delimiter === ";") continue;
    if (element.size > 0) elements.push(element);
    if (delimiter === "") return elements;
    element = new Map();
  }
}
