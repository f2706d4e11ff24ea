/**
 * Workers that computed and wait now do other work; those that are slower, are
 * not given the CPU, or always waited do not.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  ChangeOfWork,
  type Exertion,
} from "../../src/upstream/concurrency/change_of_work.ts";
import { WorkerCpu } from "../../src/upstream/concurrency/worker_cpu.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { upstreams } from "./upstreams.ts";

/** Milliseconds from look to look. */
const STEP_MS = 100;

/** What two workers do from one look to the next. */
type Step = Omit<Exertion, "now" | "workers" | "finished"> & {
  readonly done: number;
};

/** Both compute all the time. */
const COMPUTES: Step = {
  spell: 1,
  working: 2,
  busy: 2,
  done: 30,
  cpuMs: 190,
};
/** Each request waits for 50 ms. */
const WAITS: Step = { ...COMPUTES, done: 4, cpuMs: 1 };

/** How many looks it takes until the change is seen; -1 where it is not in a hundred. */
function looksUntilSeen(before: Step, after: Step): number {
  const change = new ChangeOfWork();
  let now = 0;
  let finished = 0;
  const look = ({ done, ...step }: Step): boolean => {
    now += STEP_MS;
    finished += done;
    return change.look({ ...step, now, finished, workers: 2 });
  };
  for (let at = 0; at < 50; at++) {
    assert(!look(before), `look ${at}`);
  }
  for (let looks = 1; looks <= 100; looks++) {
    if (look(after)) return looks;
  }
  return -1;
}

Deno.test("workers that computed and wait now are seen at the first look", () => {
  assert.equal(looksUntilSeen(COMPUTES, WAITS), 1);
});

Deno.test("workers wait that hardly compute, until they compute half of the time, and where it is seen who serves", () => {
  const change = new ChangeOfWork();
  let [now, finished] = [0, 0];
  const waitsAfter = ({ done, ...step }: Step): boolean => {
    for (let looks = 0; looks < 200; looks++) {
      now += STEP_MS;
      finished += done;
      change.look({ ...step, spell: null, now, finished, workers: 2 });
    }
    return change.waits;
  };
  assert.equal(waitsAfter(COMPUTES), false);
  assert.equal(waitsAfter({ ...WAITS, cpuMs: 80 }), false);
  assert.equal(waitsAfter(WAITS), true);
  assert.equal(waitsAfter({ ...WAITS, cpuMs: 80 }), true);
  assert.equal(waitsAfter({ ...WAITS, cpuMs: 120 }), false);
  // The master of a server that has forked others.
  assert.equal(waitsAfter({ ...WAITS, cpuMs: 0 }), false);
});

Deno.test("a change is seen by some responses, and not before", () => {
  assert.equal(looksUntilSeen(COMPUTES, { ...WAITS, done: 1 }), 3);
  assert.equal(looksUntilSeen(COMPUTES, { ...WAITS, done: 0 }), -1);
});

Deno.test("workers that are full and compute less have some to spare, whatever a response costs, until they compute again", () => {
  const change = new ChangeOfWork();
  let [now, finished] = [0, 0];
  const spareAfter = ({ done, ...step }: Step): boolean => {
    now += STEP_MS;
    finished += done;
    change.look({ ...step, now, finished, workers: 2 });
    return change.spare;
  };
  for (let at = 0; at < 20; at++) assert(!spareAfter(COMPUTES));
  const held = { ...COMPUTES, done: 6, cpuMs: 38 };
  assert(spareAfter(held));
  // While nobody waits nothing is seen.
  assert(spareAfter({ ...COMPUTES, spell: null }));
  assert(spareAfter({ ...COMPUTES, spell: 2 }));
  assert(!spareAfter({ ...COMPUTES, spell: 2 }));
});

Deno.test("with many at each worker, it is seen when as many have been finished", () => {
  const crowded = { working: 20 };
  assert.equal(
    looksUntilSeen({ ...COMPUTES, ...crowded }, { ...WAITS, ...crowded }),
    5,
  );
});

Deno.test("nothing is seen where now and then nobody waits", () => {
  const change = new ChangeOfWork();
  let finished = 0;
  for (let at = 0; at < 200; at++) {
    const { done, ...step } = at < 100 ? COMPUTES : { ...WAITS, spell: at };
    finished += done;
    const now = at * STEP_MS;
    assert(!change.look({ ...step, now, finished, workers: 2 }), `look ${at}`);
  }
});

Deno.test("it is seen where nobody had to wait before", () => {
  const seldom = { spell: null, working: 1, busy: 1, done: 15, cpuMs: 90 };
  // Only of the second look it is known that workers were full.
  assert.equal(looksUntilSeen(seldom, WAITS), 2);
});

for (
  const [what, before, after] of [
    ["while nobody waits for them", COMPUTES, { ...WAITS, spell: null }],
    ["that have always waited", WAITS, { ...WAITS, cpuMs: 0 }],
    [
      "that are not given the CPU",
      COMPUTES,
      { ...COMPUTES, done: 3, cpuMs: 19 },
    ],
    ["whose requests are heavier", COMPUTES, { ...COMPUTES, done: 3 }],
    ["whose requests are lighter", COMPUTES, { ...COMPUTES, done: 300 }],
    [
      "whose CPU times are not known",
      { ...COMPUTES, cpuMs: null },
      { ...WAITS, cpuMs: null },
    ],
  ] as const
) {
  Deno.test(`nothing is seen of workers ${what}`, () => {
    assert.equal(looksUntilSeen(before, after), -1);
  });
}

Deno.test("what workers used is known from the second look on", () => {
  const [one, two] = upstreams(2) as [Upstream, Upstream];
  const used = new Map<Upstream, number | null>([[one, 10], [two, 100]]);
  const cpu = new WorkerCpu((upstream) => used.get(upstream) ?? null);
  const look = (...upstreams: Upstream[]): [Upstream, number][] => [
    ...cpu.look(upstreams),
  ];
  assert.deepEqual(look(one), []);
  used.set(one, 15);
  assert.deepEqual(look(one), [[one, 5]]);
  // One that has come.
  assert.deepEqual(look(one, two), [[one, 0]]);
  used.set(two, 130);
  assert.deepEqual(look(one, two), [[one, 0], [two, 30]]);
  // One whose process is gone.
  used.set(one, null);
  assert.deepEqual(look(one, two), [[two, 0]]);
  assert.deepEqual(look(two), [[two, 0]]);
});
