/**
 * The Date field for responses that lack one, made at most once a second.
 *
 * @module
 */

import { ascii } from "../../http1/bytes.ts";

/** Keeps the line `Date: ...` for the present second. */
export class DateLine {
  readonly #wallClock: () => number;
  #second = -1;
  #text = "";
  #bytes: Uint8Array = new Uint8Array(0);

  /** Creates a line by the clock that `wallClock` reads: milliseconds since 1970. */
  constructor(wallClock: () => number) {
    this.#wallClock = wallClock;
  }

  /** The line with its end, as text. */
  get text(): string {
    this.#renew();
    return this.#text;
  }

  /** The line with its end, as octets. */
  get line(): Uint8Array {
    this.#renew();
    return this.#bytes;
  }

  #renew(): void {
    const now = this.#wallClock();
    const second = Math.floor(now / 1000);
    if (second === this.#second) return;
    this.#second = second;
    this.#text = `Date: ${new Date(now).toUTCString()}\r\n`;
    this.#bytes = ascii(this.#text);
  }
}
