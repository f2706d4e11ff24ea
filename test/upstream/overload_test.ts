/**
 * What is taken for more than can be served, and what is not.
 *
 * @module
 */

import assert from "node:assert/strict";
import { seededRandom } from "../../src/simulate/random.ts";
import type { ClaimRequest } from "../../src/upstream/dispatcher.ts";
import { Overload } from "../../src/upstream/overload.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { dispatcherOf, requestOf, upstreams } from "./upstreams.ts";

/** Has as many served now that have waited for so long. */
function serveAfter(
  overload: Overload,
  waitedMs: number,
  { count, now }: { readonly count: number; readonly now: number },
): void {
  const request = requestOf();
  for (let i = 0; i < count; i++) {
    overload.serve(request, now - waitedMs);
    overload.finish(request, () => now);
  }
}

Deno.test("a few clients that go are no overload", () => {
  const overload = new Overload(10_000);
  const request = requestOf();
  for (let second = 0; second < 60; second++) {
    for (let i = 0; i < 100; i++) overload.serve(request, 0);
    overload.leave(1_000);
    overload.sweep(second * 1_000, { queued: 5, working: 2, saturated: true });
  }
  assert(!overload.known);
});

for (
  const [waitedMs, others] of [[600, "wait as long"], [50, "stay"]] as const
) {
  Deno.test(`clients that go after ${waitedMs} ms while others ${others} are no overload`, () => {
    const overload = new Overload(10_000);
    for (let now = 0; now < 60_000; now += 100) {
      serveAfter(overload, 2_000, { count: 5, now });
      if (now % 500 === 0) overload.leave(waitedMs);
      overload.sweep(now, { queued: 5, working: 2, saturated: false });
      assert(!overload.known, `${now}`);
    }
  });
}

Deno.test("clients in a hurry have nobody turned away beside as many who wait", () => {
  const overload = new Overload(10_000);
  for (let now = 0; now < 60_000; now += 100) {
    serveAfter(overload, 1_700, { count: 2, now });
    overload.leave(1_000);
    overload.sweep(now, { queued: 20, working: 20, saturated: true });
    assert(!overload.known, `${now}`);
  }
});

Deno.test("who has waited as long and is not served yet waits, too", () => {
  const knownWith = (waiting: number): boolean => {
    const overload = new Overload(10_000);
    for (let now = 0; now <= 1_000; now += 100) {
      overload.leave(1_000);
      overload.sweep(now, {
        queued: 20,
        working: 20,
        saturated: true,
        waitingSince: (latest) => latest === now - 1_000 ? waiting : 0,
      });
    }
    return overload.known;
  };
  assert.equal(knownWith(15), false);
  assert.equal(knownWith(5), true);
});

Deno.test("when it turns out that others wait as long, everybody is let in again", () => {
  const overload = new Overload(10_000);
  const load = { queued: 20, working: 20, saturated: true };
  overload.sweep(0, load);
  for (let i = 0; i < 4; i++) overload.leave(1_000);
  overload.sweep(100, load);
  assert(overload.known);
  serveAfter(overload, 1_500, { count: 8, now: 1_500 });
  overload.leave(1_000);
  overload.sweep(1_500, load);
  assert(!overload.known);
});

Deno.test("a queue that has grown stays short, though some clients are in a hurry and others wait", () => {
  const overload = new Overload(10_000);
  let now = 0;
  let queued = 0;
  const second = (joining: number): void => {
    for (let look = 0; look < 10; look++) {
      queued += joining;
      serveAfter(overload, 1_500, { count: 20, now });
      overload.sweep(now += 100, { queued, working: 2, saturated: true });
    }
  };
  while (!overload.known && now < 20_000) second(20);
  assert(overload.known);
  for (let i = 0; i < 8; i++) {
    for (let i = 0; i < 10; i++) overload.leave(1_000);
    second(0);
    assert(overload.known, `${now}`);
  }
});

Deno.test("an overload is forgotten when clients have ceased to give up", () => {
  const overload = new Overload(10_000);
  let now = 0;
  overload.sweep(now, { queued: 20, working: 2, saturated: true });
  for (let i = 0; i < 10; i++) overload.leave(1_000);
  overload.sweep(now += 100, { queued: 10, working: 2, saturated: true });
  assert(overload.known);
  // In these 100 ms it has grown already.
  const grown = 1.01 ** 0.1;
  assert.equal(overload.takeBound().longestMs, 500 * grown);
  assert.equal(overload.takeBound().longestMs, 1_000 * grown);
  while (overload.known && now < 600_000) {
    overload.sweep(now += 100, { queued: 0, working: 0, saturated: true });
  }
  assert(now > 60_000 && now < 600_000, `${now}`);
});

Deno.test("where all go at once nobody has given up", () => {
  const overload = new Overload(10_000);
  const crowd = { queued: 400, working: 2, saturated: true };
  for (const now of [0, 100, 200]) overload.sweep(now, crowd);
  for (let waitedMs = 100; waitedMs < 1_100; waitedMs += 5) {
    overload.leave(waitedMs);
  }
  // Some are noticed later.
  overload.sweep(300, { ...crowd, queued: 200 });
  for (let i = 0; i < 200; i++) overload.leave(1_000);
  overload.sweep(400, { queued: 0, working: 0, saturated: true });
  assert(!overload.known && overload.admits(1_000));
});

/** What is known after so many sweeps between each two of which `left` clients have gone of 400 that wait for a second, whatever each has waited. */
function knownAfter(sweeps: number, left: number): boolean {
  const overload = new Overload(10_000);
  const random = seededRandom(1);
  const load = { queued: 400, working: 2, saturated: false };
  let now = 0;
  for (; now < 1_000; now += 100) overload.sweep(now, load);
  for (let sweep = 0; sweep < sweeps; sweep++, now += 100) {
    for (let i = 0; i < left; i++) overload.leave(1_000 * random());
    overload.sweep(now, load);
  }
  // Nobody else goes, but for somebody now and then.
  for (let second = 0; second < 10; second++) {
    overload.leave(700);
    for (let i = 0; i < 10; i++, now += 100) overload.sweep(now, load);
  }
  return overload.known;
}

Deno.test("where many go at once, of those that have just come and those that have waited, nobody has given up", () => {
  for (const left of [10, 100, 300]) {
    assert.equal(knownAfter(1, left), false, `${left}`);
    assert.equal(knownAfter(3, left), false, `${left}, noticed late`);
  }
});

Deno.test("where some go all the time, each after a time of its own, they give up", () => {
  assert.equal(knownAfter(20, 10), true);
  assert.equal(knownAfter(20, 2), true);
});

Deno.test("how many may wait depends on what workers can do, and not on what they were asked for last", () => {
  const overload = new Overload(10_000);
  let now = 0;
  const looks = (count: number, finished: number, queued: number): void => {
    for (let look = 0; look < count; look++) {
      for (let i = 0; i < finished; i++) overload.finish(null, () => now);
      overload.sweep(now += 100, { queued, working: 2, saturated: true });
    }
  };
  overload.sweep(now, { queued: 100, working: 2, saturated: true });
  looks(50, 40, 100);
  for (let i = 0; i < 20; i++) overload.leave(1_000);
  looks(1, 40, 100);
  assert(overload.admits(150) && !overload.admits(250));
  looks(50, 1, 0);
  assert(overload.known && overload.admits(150));
});

Deno.test("thousands that leave at once, after a fraction of a second, are no overload", () => {
  const overload = new Overload(30_000);
  for (let i = 0; i < 5_000; i++) overload.leave(100 + i % 300);
  assert.equal(overload.known, false);
  assert.equal(overload.admits(5_000), true);
});

/** Whether many may wait after twenty that waited, were given to a worker, and have gone from it two seconds later. */
function manyMayWait(
  { uploading = false, responded = false }: {
    readonly uploading?: boolean;
    readonly responded?: boolean;
  },
): boolean {
  let now = 0;
  const dispatcher = dispatcherOf([], {
    workerConcurrency: "auto",
    clock: () => now,
  });
  const newRequest = (): ClaimRequest => ({ ...requestOf(), uploading });
  const requests = Array.from({ length: 20 }, newRequest);
  const given: Upstream[] = [];
  for (const request of requests) {
    const resolve = (upstream: Upstream) => void given.push(upstream);
    dispatcher.enqueue({ request, since: now, resolve, reject: assert.fail });
  }
  dispatcher.publish(upstreams(1));
  assert.equal(given.length, requests.length);
  dispatcher.sweep(now = 1_900);
  requests.forEach((request, i) =>
    dispatcher.release(given[i]!, request, { clientGone: true, responded })
  );
  dispatcher.sweep(now = 2_000);
  dispatcher.publish([]);
  for (let i = 0; i < 100; i++) {
    const refused = dispatcher.enqueue({
      request: newRequest(),
      since: now,
      resolve: () => {},
      reject: () => {},
    });
    if (refused !== null) return false;
  }
  return true;
}

Deno.test("clients that are cut off in mid-upload, or leave a response they were given, have not gone for having to wait", () => {
  assert.equal(manyMayWait({ uploading: true }), true);
  assert.equal(manyMayWait({ responded: true }), true);
  assert.equal(manyMayWait({}), false);
});

Deno.test("who goes has not gone for what workers have to do that hardly compute", () => {
  const overload = new Overload(10_000);
  for (let now = 0; now <= 2_000; now += 100) {
    overload.leave(1_000);
    overload.sweep(now, {
      queued: 5,
      working: 200,
      saturated: true,
      waits: true,
    });
  }
  assert(!overload.known);
});
