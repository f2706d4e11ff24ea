/** What a connection has received and nobody has consumed, and the buffer it is in. */

import assert from "node:assert/strict";
import {
  HEADROOM,
  LARGE_BUFFER_BYTES,
  MEDIUM_BUFFER_BYTES,
  SMALL_BUFFER_BYTES,
  TAILROOM,
  TINY_BUFFER_BYTES,
} from "../../../src/proxy/core/buffer_pool.ts";
import { InputBuffer } from "../../../src/proxy/core/input_buffer.ts";
import { PoisonedPool } from "../../support/poisoned_pool.ts";
import { toBytes, toText } from "../../support/raw_socket.ts";

/** What one read brings at most into the smallest buffer. */
const TINY_ROOM = TINY_BUFFER_BYTES - HEADROOM - TAILROOM;

class Stand {
  readonly pool = new PoisonedPool();
  readonly input: InputBuffer;

  constructor(wantedBytes = TINY_BUFFER_BYTES) {
    this.input = new InputBuffer(this.pool, wantedBytes);
  }

  /** One read; returns how much of `text` there was room for. */
  receive(text: string): number {
    const room = this.input.room();
    const bytes = toBytes(text).subarray(0, room.length);
    room.set(bytes);
    this.input.received(bytes.length);
    return bytes.length;
  }

  get content(): string {
    const { bytes, start, end } = this.input;
    return toText(bytes.subarray(start, end));
  }

  /** Gives it all back, and looks that nothing is left. */
  end(): void {
    this.input.release();
    assert.equal(this.pool.taken.size, 0);
  }
}

Deno.test("a buffer is taken with the first read, and given back once", () => {
  const stand = new Stand();
  assert.equal(stand.pool.taken.size, 0);
  stand.receive("abc");
  assert.equal(stand.content, "abc");
  assert.equal(stand.pool.taken.size, 1);
  stand.input.release();
  stand.input.release();
  stand.end();
});

Deno.test("what comes is appended, and moves to the front only when there is no room behind it", () => {
  const stand = new Stand();
  stand.receive("x".repeat(TINY_ROOM - 5));
  stand.receive("abcde");
  assert.equal(stand.input.filled, true);
  stand.input.start += TINY_ROOM - 5;
  const { bytes } = stand.input;
  stand.receive("fgh");
  assert.equal(stand.input.bytes, bytes);
  assert.equal(stand.input.start, HEADROOM);
  assert.equal(stand.content, "abcdefgh");
  stand.end();
});

Deno.test("a buffer is full when nothing has been consumed and nothing fits behind it", () => {
  const stand = new Stand();
  assert.equal(stand.input.full, false);
  stand.receive("x".repeat(TINY_ROOM + 1));
  assert.equal(stand.input.available, TINY_ROOM);
  assert.equal(stand.input.full, true);
  assert.equal(stand.input.room().length, 0);
  stand.input.start++;
  assert.equal(stand.input.full, false);
  assert.equal(stand.input.filled, true);
  assert.equal(stand.input.room().length, 1);
  stand.end();
});

Deno.test("a larger buffer takes over what has not been consumed", () => {
  const stand = new Stand();
  stand.receive("x".repeat(TINY_ROOM));
  stand.input.start += 7;
  stand.input.resize(SMALL_BUFFER_BYTES);
  assert.equal(stand.input.bytes.length, SMALL_BUFFER_BYTES);
  assert.equal(stand.content, "x".repeat(TINY_ROOM - 7));
  assert.equal(stand.pool.taken.size, 1);
  stand.end();
});

Deno.test("a smaller buffer is no smaller than what has not been consumed", () => {
  const stand = new Stand(MEDIUM_BUFFER_BYTES);
  stand.receive("y".repeat(1000));
  stand.input.resize(TINY_BUFFER_BYTES);
  assert.equal(stand.input.bytes.length, SMALL_BUFFER_BYTES);
  assert.equal(stand.content, "y".repeat(1000));
  stand.end();
});

Deno.test("a buffer with nothing in it is given back where another size is wanted", () => {
  const stand = new Stand();
  stand.receive("abc");
  stand.input.start = stand.input.end;
  stand.input.resize(MEDIUM_BUFFER_BYTES);
  assert.equal(stand.pool.taken.size, 0);
  stand.receive("def");
  assert.equal(stand.input.bytes.length, MEDIUM_BUFFER_BYTES);
  stand.end();
});

Deno.test("a buffer that is being read into stays what it is; the next one has the new size", () => {
  const stand = new Stand();
  const room = stand.input.room();
  stand.input.locked = true;
  const { bytes } = stand.input;
  stand.input.resize(MEDIUM_BUFFER_BYTES);
  assert.equal(stand.input.bytes, bytes);
  room.set(toBytes("abc"));
  stand.input.locked = false;
  stand.input.received(3);
  assert.equal(stand.content, "abc");
  stand.input.release();
  stand.receive("d");
  assert.equal(stand.input.bytes.length, MEDIUM_BUFFER_BYTES);
  stand.end();
});

Deno.test("a buffer that is handed over leaves nothing behind where all is consumed", () => {
  const stand = new Stand();
  stand.receive("abc");
  const { bytes } = stand.input;
  stand.input.start = stand.input.end;
  assert.equal(stand.input.detach(), bytes);
  assert.equal(stand.input.available, 0);
  assert.deepEqual([...stand.pool.taken], [bytes]);
  stand.pool.release(bytes);
  stand.end();
});

Deno.test("what is not consumed goes on in another buffer when the first is handed over", () => {
  const stand = new Stand();
  stand.receive("abcdef");
  stand.input.start += 2;
  const detached = stand.input.detach();
  assert.notEqual(stand.input.bytes, detached);
  stand.pool.release(detached);
  assert.equal(stand.content, "cdef");
  stand.receive("gh");
  assert.equal(stand.content, "cdefgh");
  stand.end();
});

Deno.test("more than the largest buffer holds goes on in one of its own when it is handed over", () => {
  const stand = new Stand(LARGE_BUFFER_BYTES);
  stand.input.resize(LARGE_BUFFER_BYTES + 1);
  const length = stand.receive("z".repeat(LARGE_BUFFER_BYTES));
  stand.input.resize(TINY_BUFFER_BYTES);
  stand.pool.release(stand.input.detach());
  assert.equal(stand.content, "z".repeat(length));
  stand.end();
});
