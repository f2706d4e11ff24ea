/** When a loop pauses to let events gather. */

import assert from "node:assert/strict";
import { Gathering } from "../../../src/transport/epoll/gathering.ts";

/** Turns after which every mean has settled. */
const MANY = 200;

/** A loop with a turn of `count` events every `everyMs`. */
class Loop {
  readonly gathering = new Gathering();
  now = 0;

  /** Pauses in so many turns; after each there are `gathered` events. */
  turn(
    times: number,
    { count, everyMs, gathered = count }: {
      readonly count: number;
      readonly everyMs: number;
      readonly gathered?: number;
    },
  ): number {
    let pauses = 0;
    for (let i = 0; i < times; i++) {
      this.now += everyMs;
      if (!this.gathering.note(count, this.now)) continue;
      pauses++;
      this.gathering.noteGathered(gathered);
    }
    return pauses;
  }
}

Deno.test("a few events at a time, one turn right behind the other, are let gather", () => {
  const loop = new Loop();
  loop.turn(MANY, { count: 4, everyMs: 0.04, gathered: 10 });
  const busy = { count: 4, everyMs: 0.04, gathered: 10 };
  assert.equal(loop.turn(MANY, busy), MANY);
});

Deno.test("nobody waits where little comes, or nothing, or enough", () => {
  const loop = new Loop();
  assert.equal(loop.turn(MANY, { count: 1, everyMs: 1 }), 0);
  const enough = { count: 8, everyMs: 0.04 };
  assert.equal(loop.turn(MANY, enough), 0);
  assert.equal(loop.turn(MANY, { count: 0, everyMs: 0.04 }), 0);
});

Deno.test("a few clients, of whom no more can come, wait in a few turns of thousands", () => {
  const loop = new Loop();
  const few = { count: 3, everyMs: 0.03, gathered: 5 };
  loop.turn(MANY, few);
  const pauses = loop.turn(100 * MANY, few);
  assert.ok(pauses > 0 && pauses < MANY, `${pauses} pauses`);
});

Deno.test("once there are more clients, they are let gather again", () => {
  const loop = new Loop();
  loop.turn(10 * MANY, { count: 3, everyMs: 0.03, gathered: 5 });
  const many = { count: 4, everyMs: 0.04, gathered: 12 };
  loop.turn(10 * MANY, many);
  assert.equal(loop.turn(MANY, many), MANY);
});
