/**
 * A pool of buffers that shows whoever uses one that is not its own.
 *
 * @module
 */

import assert from "node:assert/strict";
import { BufferPool } from "../../../src/proxy/core/buffer_pool.ts";

/** What is in a buffer that nobody has: no test sends it. */
export const POISON = 0xdb;

/** Fills what comes back, and looks that it is still so when it goes out again. */
export class PoisonedPool extends BufferPool {
  /** Buffers that have been taken and not given back. */
  readonly taken: Set<Uint8Array> = new Set();

  override take(bytes: number): Uint8Array<ArrayBuffer> {
    const buffer = super.take(bytes);
    assert.ok(!this.taken.has(buffer), "a buffer is handed out twice");
    assert.ok(
      buffer.every((octet) => octet === POISON || octet === 0),
      "somebody has written into a buffer that was given back",
    );
    buffer.fill(POISON);
    this.taken.add(buffer);
    return buffer;
  }

  override release(buffer: Uint8Array<ArrayBuffer>): void {
    assert.ok(this.taken.delete(buffer), "a buffer is given back twice");
    buffer.fill(POISON);
    super.release(buffer);
  }
}
