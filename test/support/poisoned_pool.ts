/**
 * A pool of buffers that shows whoever uses one that is not its own.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  BufferPool,
  LARGE_BUFFER_BYTES,
} from "../../src/proxy/core/buffer_pool.ts";

/** What is in a buffer that nobody has: no test sends it. */
export const POISON = 0xdb;

/** Fills what comes back, and looks that it is still so when it goes out again. */
export class PoisonedPool extends BufferPool {
  /** Buffers that have been taken and not given back. */
  readonly taken: Set<Uint8Array> = new Set();

  readonly #released = new WeakSet<Uint8Array>();

  override take(bytes: number): Uint8Array<ArrayBuffer> {
    const buffer = super.take(bytes);
    assert.ok(!this.taken.has(buffer), "a buffer is handed out twice");
    if (!this.#released.has(buffer)) buffer.fill(POISON);
    // At the speed of memory: buffers are taken all the time.
    else if (Buffer.compare(buffer, poison(buffer.length)) !== 0) {
      assert.fail("somebody has written into a buffer that was given back");
    }
    this.taken.add(buffer);
    return buffer;
  }

  override release(buffer: Uint8Array<ArrayBuffer>): void {
    assert.ok(this.taken.delete(buffer), "a buffer is given back twice");
    buffer.fill(POISON);
    this.#released.add(buffer);
    super.release(buffer);
  }
}

const POISONED = new Uint8Array(LARGE_BUFFER_BYTES).fill(POISON);

/** As many octets of it. */
function poison(length: number): Uint8Array {
  return length <= POISONED.length
    ? POISONED.subarray(0, length)
    : new Uint8Array(length).fill(POISON);
}
