/**
 * A worker that passes its probes and fails its requests, where its peers do
 * not: by numbers, and in a pool with made-up processes and a clock of the test.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { PoolEvent } from "../../src/events/mod.ts";
import type { StaffingOptions } from "../../src/pool/goal.ts";
import { judgeOutlier, wellPeers, whoseDoing } from "../../src/pool/outlier.ts";
import type { Outcomes } from "../../src/pool/outcomes.ts";
import { snapshotPool } from "../../src/pool/pool_snapshot.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { ModelWorld, specCalled } from "./model_world.ts";

/** Seconds in which a worker that fails is found, tried and replaced. */
const SOON_S = 8;

const HOUR_S = 3_600;

/** Requests a second: enough for each worker to be judged in a second. */
const BUSY = 200;

/** Suspicions an hour at most: some at first, and four an hour then. */
const MOST_AN_HOUR = 8;

function of(requests: number, errors: number): Outcomes {
  return { requests, errors, latencySumMs: requests };
}

Deno.test("a worker stands out by more than chance, and not by few requests", () => {
  for (
    const [own, peers, verdict] of [
      [of(20, 20), of(20, 0), "outlier"],
      [of(1_000, 960), of(250, 1), "outlier"],
      [of(40, 20), of(40, 0), "outlier"],
      [of(20, 10), of(20, 2), "ordinary"],
      [of(100, 49), of(100, 0), "ordinary"],
      [of(100, 100), of(100, 11), "ordinary"],
      [of(19, 19), of(60, 0), "open"],
      [of(60, 60), of(19, 0), "open"],
    ] as const
  ) {
    const said = `${own.errors}/${own.requests}, ${peers.errors}`;
    assert.equal(judgeOutlier({ own, peers }), verdict, said);
  }
});

Deno.test("a worker is compared with peers that are well, where with it they are half of the pool", () => {
  const peers = (...errors: readonly number[]) =>
    wellPeers(new Map(errors.map((count, id) => [id, of(10, count)])));
  assert.deepEqual(peers(0), [0]);
  assert.deepEqual(peers(0, 10, 1), [0, 2]);
  assert.deepEqual(peers(0, 10), [], "two of three fail");
  assert.deepEqual(peers(), []);
  const idle = new Map([["idle", of(0, 0)], ["failing", of(5, 5)]]);
  assert.deepEqual(wellPeers(idle), [], "who has done nothing shows nothing");
});

Deno.test("what its peers fail without it says whose doing it is", () => {
  const before = { own: of(100, 100), peers: of(100, 0) };
  assert.equal(whoseDoing(before, of(19, 0), false), "open");
  assert.equal(whoseDoing(before, of(20, 0), false), "worker");
  assert.equal(whoseDoing(before, of(20, 10), false), "requests");
  assert.equal(whoseDoing(before, of(0, 0), true), "worker");
  const large = { own: of(50, 50), peers: of(4_950, 0) };
  assert.equal(whoseDoing(large, of(700, 7), false), "open");
  assert.equal(whoseDoing(large, of(1_000, 1), false), "worker");
  assert.equal(whoseDoing(large, of(1_000, 10), false), "requests");
});

/** What comes of the `index`th request, and who has it. */
interface Traffic {
  readonly perSecond?: number;
  /** Who is given it, where that is not whose turn it is. */
  readonly client?: (index: number) => number;
  readonly fails: (upstream: Upstream, index: number) => boolean;
  /** Whether what fails gets no response, and not 500. */
  readonly silently?: boolean;
}

/** A pool that is given requests. */
class ServingWorld extends ModelWorld {
  /** Most workers that were out of rotation, or had successors, at one time. */
  mostAtATime = 0;
  /** States in which those are shown, or were on their way out, in order. */
  readonly shown = new Set<string>();
  #index = 0;

  /** A pool of so many workers, all of them ready. */
  static async start(
    workers: number,
    options: Partial<StaffingOptions> = {},
    spares = 0,
  ): Promise<ServingWorld> {
    const world = new ServingWorld(specCalled("first"), {
      maxRequests: 0,
      maxWorkerAgeS: 0,
      maxWorkerMemoryMb: 0,
      skewProtection: false,
      reloadSurge: 1,
      ...options,
    });
    world.wish.workers = workers;
    world.wish.spares = spares;
    await world.#look();
    return world;
  }

  /** Serves for so long, and lets all probes pass. */
  async serve(seconds: number, traffic: Traffic): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      for (let i = 0; i < (traffic.perSecond ?? BUSY); i++) this.#one(traffic);
      this.clock.advance(1_000);
      await this.#look();
    }
  }

  /** Events of these types, as `"worker-failing 2"`. */
  story(...types: readonly PoolEvent["type"][]): readonly string[] {
    return this.events.flatMap((event) =>
      types.includes(event.type) && "workerId" in event
        ? [`${event.type} ${event.workerId}`]
        : []
    );
  }

  /** How often a worker was replaced for what it failed. */
  get replacements(): number {
    return this.reconciler.restarts.failing ?? 0;
  }

  /** Slots whose workers are given requests. */
  get serving(): readonly number[] {
    return this.dispatcher.upstreams.map(({ id }) => id);
  }

  #one({ client, fails, silently = false }: Traffic): void {
    const index = this.#index++;
    const { upstreams } = this.dispatcher;
    const upstream = client === undefined
      ? this.dispatcher.claim({ clientHash: 0, generation: null, avoid: null })!
      : upstreams[client(index) % upstreams.length]!;
    if (client === undefined) this.dispatcher.release(upstream);
    upstream.requests++;
    if (!fails(upstream, index)) return;
    if (silently) upstream.failures++;
    else upstream.serverErrors++;
  }

  #noteShown(): void {
    const { roster, restarts, panic } = this.reconciler;
    const withheld = roster.workers.filter((worker) => worker.withheld);
    const { workers } = snapshotPool(roster, {
      min: 0,
      max: 0,
      desired: 0,
      generation: 1,
      droppedOutput: new Map(),
      now: this.clock.now(),
      restarts,
      panic,
    });
    for (const { pid, state } of workers) {
      const concerned = withheld.some(({ process }) => process.pid === pid);
      if (concerned) this.shown.add(state);
    }
  }

  async #look(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) {
      this.pass();
      this.#noteShown();
      for (const process of [...this.processes]) {
        if (process.asked) process.exit(0);
        else this.probe(process, "passed");
      }
      await this.settle();
      for (const read of this.unread.splice(0)) read();
      await this.settle();
      const { slots } = this.reconciler.roster;
      const concerned = slots.filter(({ worker, successor }) =>
        worker?.withheld || successor !== null
      );
      this.mostAtATime = Math.max(this.mostAtATime, concerned.length);
    }
  }
}

/** The workers that have served from the start in these slots have broken. */
function broken(world: ServingWorld, ...ids: readonly number[]): Traffic {
  const keys = world.dispatcher.upstreams
    .filter(({ id }) => ids.includes(id)).map(({ key }) => key);
  return { fails: ({ key }) => keys.includes(key) };
}

Deno.test("a worker that fails what the others serve gets no more of it, and is replaced", async () => {
  const world = await ServingWorld.start(4);
  await world.serve(3, { fails: () => false });
  const traffic = broken(world, 2);
  while (world.story("worker-failing").length === 0) {
    await world.serve(1, traffic);
  }
  assert.deepEqual(world.serving, [0, 1, 3], "the others are asked instead");
  assert.equal(world.replacements, 0, "they have yet to show that they serve");
  await world.serve(SOON_S, traffic);
  assert.deepEqual(
    world.story("worker-failing", "worker-acquitted", "worker-draining"),
    ["worker-failing 2", "worker-draining 2"],
  );
  assert.deepEqual(world.serving, [0, 1, 2, 3]);
  assert.equal(world.replacements, 1);
  const ready = world.events.findLast(({ type }) => type === "worker-ready");
  assert.ok(ready?.type === "worker-ready");
  assert.equal(ready.replaces?.reason, "failing");
  assert.ok(ready.replaces.downMs > 0, "its place was empty from then on");
});

Deno.test("a spare stands in for a worker that fails what the others serve", async () => {
  const world = await ServingWorld.start(2, {}, 1);
  await world.serve(SOON_S, broken(world, 0));
  const promoted = world.events
    .find(({ type }) => type === "worker-promoted");
  assert.ok(promoted?.type === "worker-promoted");
  assert.equal(promoted.replaces?.reason, "failing");
  assert.equal(world.replacements, 1);
});

Deno.test("two of four that have broken are replaced one after the other, two of three are not", async () => {
  const four = await ServingWorld.start(4);
  await four.serve(60, broken(four, 1, 2));
  assert.equal(four.replacements, 2);
  assert.equal(four.mostAtATime, 1);
  const three = await ServingWorld.start(3);
  await three.serve(60, broken(three, 1, 2));
  assert.deepEqual(three.story("worker-failing"), []);
});

for (
  const [what, traffic] of [
    ["the application as a whole fails", { fails: () => true }],
    ["one route fails everywhere", { fails: (_, index) => index % 7 < 3 }],
    [
      "a quarter of it fails, by chance",
      { fails: () => Math.random() < 0.25, perSecond: 80 },
    ],
    ["there is hardly a request", { fails: (_, i) => i % 9 < 5, perSecond: 1 }],
  ] satisfies readonly (readonly [string, Traffic])[]
) {
  Deno.test(`nobody is replaced because ${what}`, async () => {
    const world = await ServingWorld.start(4);
    await world.serve(HOUR_S, traffic);
    assert.equal(world.replacements, 0);
  });
}

Deno.test("requests that fail at one worker because it alone is given them acquit it", async () => {
  const world = await ServingWorld.start(2);
  // Whose turn it is: each second request is one worker's.
  await world.serve(HOUR_S, { fails: (_, index) => index % 2 === 0 });
  assert.equal(world.replacements, 0);
  const suspicions = world.story("worker-failing").length;
  assert.ok(suspicions > 0 && suspicions <= MOST_AN_HOUR, `${suspicions}`);
  const acquitted = world.story("worker-acquitted").length;
  assert.ok(acquitted >= suspicions - 1);
});

Deno.test("a client that is tied to a worker does not have it replaced by what it asks for", async () => {
  const traffic = {
    client: (index: number) => index % 3,
    fails: (_: Upstream, index: number) => index % 3 === 1,
  };
  const tied = await ServingWorld.start(3, { policy: "ip-hash" });
  await tied.serve(60, traffic);
  assert.deepEqual(tied.story("worker-failing"), [], "a status is its own");
  await tied.serve(HOUR_S, { ...traffic, silently: true });
  assert.equal(tied.replacements, 0);
  assert.ok(tied.story("worker-acquitted").length <= MOST_AN_HOUR);

  const world = await ServingWorld.start(3, { policy: "ip-hash" });
  await world.serve(60, { ...broken(world, 1), silently: true });
  assert.equal(world.replacements, 1, "one that breaks off is its own doing");
});

Deno.test("with AFFINITY nobody is suspected: out of rotation a worker would lose what it keeps for its clients", async () => {
  const world = await ServingWorld.start(3, { affinity: "cookie" });
  await world.serve(60, { ...broken(world, 1), silently: true });
  assert.deepEqual(world.story("worker-failing"), []);
});

Deno.test("a worker whose successors fail as it does is replaced more and more seldom", async () => {
  const world = await ServingWorld.start(4);
  const traffic: Traffic = { fails: ({ id }) => id === 3 };
  await world.serve(HOUR_S, traffic);
  const first = world.replacements;
  assert.ok(first > 1 && first <= MOST_AN_HOUR, `${first}`);
  await world.serve(HOUR_S, traffic);
  assert.ok(world.replacements - first <= 4, `${world.replacements}`);
  assert.equal(world.mostAtATime, 1);
});

Deno.test("a worker that is out of rotation is shown as unhealthy, and as what it is once it leaves", async () => {
  const world = await ServingWorld.start(3);
  await world.serve(60, broken(world, 1));
  assert.equal(world.replacements, 1);
  assert.deepEqual([...world.shown], ["unhealthy", "terminating"]);
});

Deno.test("a worker that failed what the others served serves again when they are gone", async () => {
  const world = await ServingWorld.start(2);
  const traffic = broken(world, 0);
  while (world.story("worker-failing").length === 0) {
    await world.serve(1, traffic);
  }
  assert.deepEqual(world.serving, [1]);
  const other = world.reconciler.roster.slots[1]!.worker!;
  [...world.processes].find(({ port }) => port === other.port)!.exit(1);
  await world.settle();
  world.pass();
  assert.deepEqual(world.serving, [0], "better than none");
  assert.deepEqual(world.story("worker-acquitted"), ["worker-acquitted 0"]);
});

Deno.test("a reload judges its workers by itself, and OUTLIER_DETECTION=off judges nobody", async () => {
  const world = await ServingWorld.start(4);
  world.reload(specCalled("second"));
  await world.serve(SOON_S, { fails: ({ generation }) => generation === 2 });
  assert.deepEqual(world.reports.map(({ ok }) => ok), [false]);
  assert.deepEqual(world.story("worker-failing"), []);
  const off = await ServingWorld.start(4, { outlierDetection: false });
  await off.serve(60, broken(off, 0));
  assert.deepEqual(off.story("worker-failing"), []);
});
