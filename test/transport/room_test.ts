/** Whether there is room for one more connection, and who makes it. */

import assert from "node:assert/strict";
import { Room, ROOM_INTERVAL_MS } from "../../src/transport/room.ts";

/** A room, and what was asked to be closed: how many, idle for how long. */
function roomFor(maxConnections: number): [Room, (readonly number[])[]] {
  const asked: (readonly number[])[] = [];
  const closeIdle = (...request: readonly number[]): void =>
    void asked.push(request);
  return [new Room({ maxConnections, closeIdle }), asked];
}

Deno.test("there is room for as many as are allowed", () => {
  const [room, asked] = roomFor(20);
  assert.equal(room.fullFor(19, 0), null);
  assert.equal(room.fullFor(20, 0), "max-connections");
  assert.deepEqual(asked, []);
});

Deno.test("a tenth makes room at a time, of those that have been idle for a second", () => {
  const [room, asked] = roomFor(20);
  room.make(20, 0);
  room.make(20, ROOM_INTERVAL_MS - 1);
  room.make(11, ROOM_INTERVAL_MS);
  assert.deepEqual(asked, [[2, 1_000], [2, 1_000]]);
});

Deno.test("for a minute after descriptors have run out a quarter is kept free", () => {
  const [room, asked] = roomFor(1_000);
  const ranOutAt = 500_000;
  room.exhausted(40, ranOutAt);
  assert.deepEqual(asked, [[10, 0]]);
  assert.equal(room.fullFor(29, ranOutAt), null);
  assert.equal(room.fullFor(30, ranOutAt + 59_999), "descriptors");
  assert.equal(room.fullFor(30, ranOutAt + 60_000), null);
});
