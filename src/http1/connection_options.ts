/**
 * What the Connection field says (RFC 9110 §7.6.1). Pure.
 *
 * @module
 */

import {
  ascii,
  equalsIgnoringCase,
  latin1Slice,
  TOKEN_LOWER,
} from "./bytes.ts";
import { Field } from "./field_names.ts";
import { type FieldTable, forEachMember } from "./field_table.ts";

const CLOSE = ascii("close");
const KEEP_ALIVE = ascii("keep-alive");
const UPGRADE = ascii("upgrade");

/** The options of a connection, and the fields it nominates for removal. */
export class ConnectionOptions {
  /** `close` is among them. */
  close = false;
  /** `keep-alive` is among them. */
  keepAlive = false;
  /** `upgrade` is among them. */
  upgrade = false;
  /** Bounds of other options, in pairs: names of fields meant for this hop only. */
  readonly #nominated: number[] = [];

  /** Reads all Connection fields anew. */
  parse(bytes: Uint8Array, fields: FieldTable): void {
    this.close = this.keepAlive = this.upgrade = false;
    // To set the length calls into the engine, which nearly nobody gives a reason to.
    if (this.#nominated.length > 0) this.#nominated.length = 0;
    if (!fields.has(Field.CONNECTION)) return;
    for (let i = 0; i < fields.count; i++) {
      if (fields.kind(i) !== Field.CONNECTION) continue;
      forEachMember(
        bytes,
        fields.valueStart(i),
        fields.valueEnd(i),
        (start, end) => this.#add(bytes, start, end),
      );
    }
  }

  /** Whether field `index` of `fields` is nominated for removal. */
  nominates(bytes: Uint8Array, fields: FieldTable, index: number): boolean {
    const nominated = this.#nominated;
    if (nominated.length === 0) return false;
    const start = fields.nameStart(index);
    const end = fields.nameEnd(index);
    for (let i = 0; i < nominated.length; i += 2) {
      const name = bytes.subarray(nominated[i]!, nominated[i + 1]!);
      if (equalNames(bytes, start, end, name)) return true;
    }
    return false;
  }

  /** The names of all nominated fields, in lower case. */
  nominated(bytes: Uint8Array): readonly string[] {
    const bounds = this.#nominated;
    const names: string[] = [];
    for (let i = 0; i < bounds.length; i += 2) {
      const name = latin1Slice(bytes, bounds[i]!, bounds[i + 1]!);
      names.push(name.toLowerCase());
    }
    return names;
  }

  #add(bytes: Uint8Array, start: number, end: number): void {
    if (equalsIgnoringCase(bytes, start, end, CLOSE)) this.close = true;
    else if (equalsIgnoringCase(bytes, start, end, KEEP_ALIVE)) {
      this.keepAlive = true;
    } else if (equalsIgnoringCase(bytes, start, end, UPGRADE)) {
      this.upgrade = true;
    } else this.#nominated.push(start, end);
  }
}

function equalNames(
  bytes: Uint8Array,
  start: number,
  end: number,
  other: Uint8Array,
): boolean {
  if (end - start !== other.length) return false;
  for (let i = 0; i < other.length; i++) {
    if (TOKEN_LOWER[bytes[start + i]!] !== TOKEN_LOWER[other[i]!]) return false;
  }
  return true;
}
