/**
 * Ids for requests that come without a believable one: unique in this process
 * and, by a random prefix, among processes.
 *
 * @module
 */

import { ascii } from "../../http1/bytes.ts";

const HEX = ascii("0123456789abcdef");
const PREFIX_DIGITS = 12;
const COUNTER_DIGITS = 8;

/** For each hexadecimal digit: the one that follows; after the last, the first. */
const NEXT_DIGIT = new Uint8Array(256);
HEX.forEach((digit, i) => NEXT_DIGIT[digit] = HEX[(i + 1) % HEX.length]!);

/** Makes ids of twenty hexadecimal digits. */
export class RequestIds {
  readonly #id: Uint8Array = new Uint8Array(PREFIX_DIGITS + COUNTER_DIGITS)
    .fill(HEX[0]!);

  /** Draws a prefix. */
  constructor() {
    const random = crypto.getRandomValues(new Uint8Array(PREFIX_DIGITS));
    random.forEach((octet, i) => this.#id[i] = HEX[octet & 15]!);
  }

  /** The next id, as ASCII octets that are valid until the next call. */
  next(): Uint8Array {
    // Counts in place: one digit changes, and seldom more.
    const id = this.#id;
    let at = id.length;
    do {
      at--;
      id[at] = NEXT_DIGIT[id[at]!]!;
    } while (id[at] === HEX[0] && at > PREFIX_DIGITS);
    return id;
  }
}
