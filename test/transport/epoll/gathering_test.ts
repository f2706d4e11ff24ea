/** When a loop pauses to let events gather. */

import assert from "node:assert/strict";
import { Gathering } from "../../../src/transport/epoll/gathering.ts";

/** Turns after which every mean has settled. */
const MANY = 500;

/** A loop with a turn of `count` events every `everyMs`. */
class Loop {
  readonly gathering = new Gathering();
  now = 0;
  #next = 0;

  /** Pauses in so many turns, of so many descriptors; after each there are `gathered` events. */
  turn(
    times: number,
    { busy, count, everyMs, gathered = count }: {
      readonly busy: number;
      readonly count: number;
      readonly everyMs: number;
      readonly gathered?: number;
    },
  ): number {
    let pauses = 0;
    for (let i = 0; i < times; i++) {
      this.now += everyMs;
      if (this.gathering.worthwhile) {
        pauses++;
        this.gathering.noteGathered(gathered);
      }
      this.gathering.note(count, this.now);
      for (let event = 0; event < count; event++) {
        this.gathering.noteEvent(10 + this.#next++ % busy);
      }
    }
    return pauses;
  }
}

/** Of 32 clients, say, and their workers' connections. */
const BUSY = { busy: 64, count: 4, everyMs: 0.04, gathered: 10 };

Deno.test("a few events at a time, one turn right behind the other, are let gather", () => {
  const loop = new Loop();
  loop.turn(MANY, BUSY);
  assert.equal(loop.turn(MANY, BUSY), MANY);
});

Deno.test("nobody waits where little comes, or nothing", () => {
  const loop = new Loop();
  assert.equal(loop.turn(MANY, { ...BUSY, count: 1, everyMs: 1 }), 0);
  assert.equal(loop.turn(MANY, { ...BUSY, count: 0 }), 0);
});

Deno.test("eight clients, of whom no more can come, do not wait", () => {
  const loop = new Loop();
  assert.equal(loop.turn(10 * MANY, { ...BUSY, busy: 16, gathered: 6 }), 0);
});

Deno.test("pauses that bring little are made in a few turns of thousands", () => {
  const loop = new Loop();
  const slow = { ...BUSY, count: 1, gathered: 2 };
  loop.turn(MANY, slow);
  const pauses = loop.turn(100 * MANY, slow);
  assert.ok(pauses > 0 && pauses < MANY, `${pauses} pauses`);
});

Deno.test("once they bring more, or there are more clients, events are let gather again", () => {
  const loop = new Loop();
  loop.turn(10 * MANY, { ...BUSY, gathered: 2 });
  loop.turn(10 * MANY, { ...BUSY, busy: 16 });
  loop.turn(10 * MANY, BUSY);
  assert.equal(loop.turn(MANY, BUSY), MANY);
});

Deno.test("load that ends is known in a few turns", () => {
  const loop = new Loop();
  loop.turn(MANY, BUSY);
  assert.ok(loop.turn(MANY, { ...BUSY, busy: 2, count: 1, everyMs: 1 }) < 50);
});
