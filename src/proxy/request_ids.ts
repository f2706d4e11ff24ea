/**
 * Ids for requests that come without a believable one: unique in this process
 * and, by a random prefix, among processes.
 *
 * @module
 */

import { ascii } from "../http1/bytes.ts";

const HEX = ascii("0123456789abcdef");
const PREFIX_DIGITS = 12;
const COUNTER_DIGITS = 8;

/** Makes ids of twenty hexadecimal digits. */
export class RequestIds {
  readonly #id: Uint8Array;
  #counter = 0;

  /** Draws a prefix. */
  constructor() {
    const random = crypto.getRandomValues(new Uint8Array(PREFIX_DIGITS));
    this.#id = new Uint8Array(PREFIX_DIGITS + COUNTER_DIGITS);
    random.forEach((octet, i) => this.#id[i] = HEX[octet & 15]!);
  }

  /** The next id, as ASCII octets of its own. */
  next(): Uint8Array {
    let rest = this.#counter = (this.#counter + 1) >>> 0;
    for (let i = COUNTER_DIGITS - 1; i >= 0; i--) {
      this.#id[PREFIX_DIGITS + i] = HEX[rest & 15]!;
      rest >>>= 4;
    }
    return this.#id.slice();
  }
}
