/** Buffers that are used again: which are kept, and when they are given back. */

import assert from "node:assert/strict";
import {
  BufferPool,
  LARGE_BUFFER_BYTES,
  SMALL_BUFFER_BYTES,
  TINY_BUFFER_BYTES,
} from "../../../src/proxy/core/buffer_pool.ts";

/** Further apart than sweeps that do something. */
const LATER_MS = 10_000;

/** Buffers of a size in use, and a pool that knows nothing of others. */
function inUse(count: number): {
  pool: BufferPool;
  release(count: number): void;
} {
  const pool = new BufferPool();
  const taken = Array.from(
    { length: count },
    () => pool.take(SMALL_BUFFER_BYTES),
  );
  return {
    pool,
    release: (count) =>
      taken.splice(0, count).forEach((buffer) => pool.release(buffer)),
  };
}

Deno.test("a buffer is of the smallest size that is large enough, and is used again", () => {
  const pool = new BufferPool();
  for (const bytes of [1, TINY_BUFFER_BYTES, TINY_BUFFER_BYTES + 1]) {
    const buffer = pool.take(bytes);
    assert.equal(buffer.length, pool.sizeFor(bytes));
    assert.ok(buffer.length >= bytes);
    pool.release(buffer);
    assert.equal(pool.take(bytes), buffer);
  }
  assert.equal(pool.free, 0);
});

Deno.test("a buffer of no size that the pool has is not kept", () => {
  const pool = new BufferPool();
  const odd = LARGE_BUFFER_BYTES + 1;
  assert.equal(pool.take(odd).length, odd);
  assert.equal(pool.sizeFor(odd), odd);
  pool.release(new Uint8Array(odd));
  pool.release(new Uint8Array(TINY_BUFFER_BYTES + 1));
  assert.equal(pool.free, 0);
});

Deno.test("what a burst leaves behind is given back when nobody has wanted it for a while", () => {
  const { pool, release } = inUse(100);
  pool.sweep(LATER_MS);
  release(100);
  // It has only just come back.
  pool.sweep(2 * LATER_MS);
  assert.equal(pool.free, 100);
  pool.sweep(3 * LATER_MS);
  assert.equal(pool.free, 0);
});

Deno.test("buffers that are used in turn are kept, and those beyond them are not", () => {
  const { pool, release } = inUse(100);
  release(100);
  pool.sweep(LATER_MS);
  const busy = Array.from({ length: 8 }, () => pool.take(SMALL_BUFFER_BYTES));
  for (const buffer of busy) pool.release(buffer);
  pool.sweep(2 * LATER_MS);
  assert.equal(pool.free, 8);
});

Deno.test("sweeps that follow upon one another at once give nothing back", () => {
  const { pool, release } = inUse(3);
  pool.sweep(LATER_MS);
  release(3);
  for (let i = 1; i < 10; i++) pool.sweep(LATER_MS + i);
  assert.equal(pool.free, 3);
});
