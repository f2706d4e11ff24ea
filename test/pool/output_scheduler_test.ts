/** Who may read an output when, on a clock of the test's own. */

import assert from "node:assert/strict";
import { OutputScheduler } from "../../src/pool/output_scheduler.ts";

/** Time that stands still unless slices take some, or somebody waits. */
class World {
  now = 0;
  readonly #timers: { readonly at: number; readonly call: () => void }[] = [];
  readonly scheduler = new OutputScheduler({
    clock: () => this.now,
    later: (call, delayMs) =>
      this.#timers.push({ at: this.now + delayMs, call }),
  });

  /** Runs what is due, one timer at a time, until the clock shows `until`. */
  async runTo(until: number): Promise<void> {
    for (;;) {
      // What awaited a turn goes on first.
      for (let i = 0; i < 5; i++) await Promise.resolve();
      this.#timers.sort((a, b) => a.at - b.at);
      if ((this.#timers[0]?.at ?? Infinity) > until) break;
      const timer = this.#timers.shift()!;
      this.now = Math.max(this.now, timer.at);
      timer.call();
    }
    this.now = Math.max(this.now, until);
  }
}

Deno.test("who seldom writes is read at once", async () => {
  const world = new World();
  for (let i = 0; i < 3; i++) {
    let read = false;
    const done = world.scheduler.run(() => {
      read = true;
      world.now += 0.1;
      return 100;
    });
    assert.equal(read, true);
    await done;
    world.now += 1000;
  }
});

Deno.test("output takes a fifth of the time at most, however many write", async () => {
  const world = new World();
  const reads = Array.from({ length: 8 }, () => 0);
  const flood = async (id: number): Promise<void> => {
    while (world.now < 10_000) {
      await world.scheduler.run(() => {
        reads[id]!++;
        world.now += 1;
        return 0;
      });
    }
  };
  const floods = reads.map((_, id) => flood(id));
  await world.runTo(12_000);
  await Promise.all(floods);
  const total = reads.reduce((sum, count) => sum + count);
  // A fifth of ten seconds, and the burst.
  assert.ok(total >= 1_900 && total <= 2_400, `${total}`);
  assert.ok(Math.max(...reads) - Math.min(...reads) <= 2, `${reads}`);
});

Deno.test("who writes a line waits for no more than one slice of each who floods", async () => {
  const world = new World();
  let before = 0;
  let waiting = false;
  const flood = async (): Promise<void> => {
    while (world.now < 5_000) {
      await world.scheduler.run(() => {
        if (waiting) before++;
        world.now += 1;
        return 0;
      });
    }
  };
  const floods = [flood(), flood(), flood()];
  await world.runTo(3_000);
  waiting = true;
  const line = world.scheduler.run(() => {
    waiting = false;
    return 0;
  });
  await world.runTo(6_000);
  await Promise.all([line, ...floods]);
  assert.ok(before <= 3, `${before}`);
});

Deno.test("what is read out of turn makes nobody wait for longer than a second", async () => {
  const world = new World();
  world.scheduler.runNow(() => 1e12);
  let read = false;
  const line = world.scheduler.run(() => {
    read = true;
    return 0;
  });
  assert.equal(read, false);
  await world.runTo(1_100);
  assert.equal(read, true);
  await line;
});

Deno.test("a slice that waits can be run out of turn, and those behind it keep theirs", async () => {
  const world = new World();
  world.scheduler.runNow(() => {
    world.now += 1_000;
    return 0;
  });
  const order: string[] = [];
  const slice = (name: string) => (): number => {
    order.push(name);
    return 0;
  };
  const [last, behind] = [slice("last"), slice("behind")];
  const waits = [world.scheduler.run(last), world.scheduler.run(behind)];
  world.scheduler.runNow(last);
  await waits[0];
  assert.deepEqual(order, ["last"]);
  await world.runTo(5_000);
  await waits[1];
  assert.deepEqual(order, ["last", "behind"]);
});
