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

/** A buffer that nobody has, as long as the longest. */
const UNTOUCHED = new Uint8Array(LARGE_BUFFER_BYTES).fill(POISON);

/** Fills what comes back, and looks that it is still so when it goes out again. */
export class PoisonedPool extends BufferPool {
  /** Buffers that have been taken and not given back. */
  readonly taken: Set<Uint8Array> = new Set();
  readonly #givenBack = new WeakSet<Uint8Array>();

  override take(bytes: number): Uint8Array<ArrayBuffer> {
    const buffer = super.take(bytes);
    assert.ok(!this.taken.has(buffer), "a buffer is handed out twice");
    if (!this.#givenBack.has(buffer)) buffer.fill(POISON);
    else assert.ok(isUntouched(buffer), "a buffer given back was written into");
    this.taken.add(buffer);
    return buffer;
  }

  override release(buffer: Uint8Array<ArrayBuffer>): void {
    assert.ok(this.taken.delete(buffer), "a buffer is given back twice");
    buffer.fill(POISON);
    this.#givenBack.add(buffer);
    super.release(buffer);
  }
}

function isUntouched(buffer: Uint8Array): boolean {
  // Those that are longer are not kept, and so not handed out again.
  const untouched = UNTOUCHED.subarray(0, buffer.length);
  return Buffer.compare(buffer, untouched) === 0;
}
