/**
 * Octets written one after the other into a buffer that somebody else owns.
 * Pure.
 *
 * @module
 */

import { CR, LF, ZERO } from "./bytes.ts";

/** Below this many octets a loop is quicker than a call into the engine. */
const LOOP_BELOW = 12;

/** The same for a part of an array, which takes a view of it. */
const LOOP_PART_BELOW = 48;

/** A position in a buffer. The caller makes sure that what is written fits. */
export class ByteWriter {
  /** The buffer written to. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the next octet goes. */
  at = 0;

  /** Octets that there is room for. */
  get room(): number {
    return this.bytes.length - this.at;
  }

  /** Goes on at the beginning of `bytes`. */
  reset(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.at = 0;
  }

  /** Writes all of `source`. */
  write(source: Uint8Array): void {
    const { length } = source;
    if (length < LOOP_BELOW) return this.copy(source, 0, length);
    this.bytes.set(source, this.at);
    this.at += length;
  }

  /** Writes the octets of `source` from `start` to `end`. */
  copy(source: Uint8Array, start: number, end: number): void {
    const { bytes } = this;
    let at = this.at;
    if (end - start < LOOP_PART_BELOW) {
      for (let i = start; i < end; i++) bytes[at++] = source[i]!;
    } else {
      bytes.set(source.subarray(start, end), at);
      at += end - start;
    }
    this.at = at;
  }

  /** Writes CR LF. */
  endLine(): void {
    this.bytes[this.at++] = CR;
    this.bytes[this.at++] = LF;
  }

  /** Writes one octet. */
  octet(value: number): void {
    this.bytes[this.at++] = value;
  }

  /** Writes a whole number, not negative, in decimal digits. */
  decimal(value: number): void {
    let digits = 1;
    for (let rest = value; rest >= 10; rest /= 10) digits++;
    let rest = value;
    for (let i = this.at + digits - 1; i >= this.at; i--) {
      this.bytes[i] = ZERO + rest % 10;
      rest = Math.floor(rest / 10);
    }
    this.at += digits;
  }
}
