/**
 * What must always hold in the walks through what can happen to a pool.
 *
 * @module
 */

import assert from "node:assert/strict";
import { KEPT_PER_PLACE } from "../../src/shared/kept_per_place.ts";
import { type ModelWorld, OPTIONS } from "./model_world.ts";

/** The rules. */
export function check(world: ModelWorld): void {
  const { roster } = world.reconciler;
  const { slots } = roster;
  const { workers, spares } = world.goal;
  const now = world.clock.now();

  assert.equal(slots.length, workers + spares, "as many slots as are wanted");
  const ids = new Set(slots.map(({ id }) => id));
  assert.equal(ids.size, slots.length, "no slot number is used twice");
  for (const slot of slots) {
    assert.ok(
      slot.worker !== null || slot.retryAt > now,
      `slot ${slot.id} has a worker, or waits for its next attempt`,
    );
  }
  const successors = slots.filter(({ successor }) => successor !== null);
  assert.ok(successors.length <= OPTIONS.reloadSurge, "no more than the surge");

  const ports = roster.workers.map(({ port }) => port);
  assert.equal(new Set(ports).size, ports.length, "no port is used twice");

  const published = world.dispatcher.upstreams;
  for (const upstream of published) {
    const worker = roster.workers.find((w) => w.upstream.key === upstream.key);
    assert.ok(worker, "who is published is in the pool");
    assert.ok(
      worker.state.type === "ready" || worker.retained !== null,
      "who is published is ready, or better than none",
    );
    assert.equal(worker.goneAt, null, "who is published runs");
    assert.ok(!worker.withheld, "who is published is not withheld");
    assert.ok(upstream.accepting);
    assert.ok(roster.slotOf(worker)?.member, "who is published is no spare");
  }
  checkFormer(world);
  checkPanic(world);
  checkWithheld(world);
  const places = new Set(published.map(({ id }) => id));
  const able = slots.filter(({ serviceable }) => serviceable.length > 0);
  assert.equal(
    places.size,
    Math.min(workers, able.length),
    "whoever can serve does, up to the number that is wanted",
  );
  assert.ok(published.length <= workers + OPTIONS.reloadSurge);
  assert.ok(world.dueAt > now, "the next pass is due later, not now");
}

/** Those who are kept for their clients have left their places, and get nobody new. */
function checkFormer(world: ModelWorld): void {
  const { roster } = world.reconciler;
  const { kept, slots } = roster;
  const { affinity } = world.goal.options;
  const places = Map.groupBy(kept, ({ id }) => id);
  for (const ofPlace of places.values()) {
    assert.ok(ofPlace.length <= KEPT_PER_PLACE, "a place keeps only so many");
  }
  for (const worker of kept) {
    assert.ok(
      affinity !== null || slots.some(({ id }) => id === worker.id) &&
          worker.generation < world.goal.generation.number,
      "its slot is there, and has a newer one",
    );
    assert.ok(worker.generation <= world.goal.generation.number);
    assert.ok(worker.hasServed);
    assert.ok(slots.every((slot) => !slot.workers.includes(worker)));
    assert.ok(worker.state.type === "ready" || worker.retained === "panic");
  }
  for (const upstream of world.dispatcher.former) {
    const worker = roster.workers.find((other) =>
      other.upstream.key === upstream.key
    );
    assert.ok(worker?.serviceable, "who gets requests can serve");
    assert.ok(!world.dispatcher.upstreams.includes(upstream));
    const spare = affinity !== null &&
      roster.slotOf(worker)?.member === false && worker.hasServed;
    assert.ok(kept.has(worker) || spare, "who is kept, or had clients before");
  }
}

/** Who fails is kept only where it responds and its code has proved itself, and is not replaced in a panic but to try one. */
function checkPanic(world: ModelWorld): void {
  const { panic, roster } = world.reconciler;
  const published = world.dispatcher.upstreams;
  let tried = 0;
  for (const slot of roster.slots) {
    for (const worker of slot.workers) {
      if (worker.retained === null) continue;
      assert.equal(worker.retained === "panic", panic);
      assert.equal(worker.health?.healthy, false);
      assert.notEqual(worker.health.reach, "unreachable");
      assert.ok(worker.generation <= world.goal.provenGeneration);
      assert.notEqual(worker.startupMs, null, "it has been ready");
      if (panic && slot.successor !== null && slot.cause === "unhealthy") {
        tried++;
      }
    }
    if (slot.member && slot.serviceable.length > 0) {
      assert.ok(published.some(({ id }) => id === slot.id));
    }
  }
  assert.ok(tried <= 1, "one replacement is tried at a time");
  // Of those that respond and have proved themselves, a panic leaves nobody out.
  for (const { worker } of panic ? roster.slots : []) {
    if (worker?.health?.healthy !== false || worker.suspect) continue;
    const kept = worker.health.reach !== "unreachable" &&
      worker.startupMs !== null && worker.goneAt === null &&
      worker.generation <= world.goal.provenGeneration;
    assert.equal(worker.serviceable && worker.retained === "panic", kept);
  }
}

/** Who fails its requests is out of rotation where others serve, one at a time, and where nothing else may be the reason. */
function checkWithheld({ goal, reconciler }: ModelWorld): void {
  const { panic, roster } = reconciler;
  const workers = roster.slots.flatMap((slot) => slot.workers);
  const withheld = workers.filter((worker) => worker.withheld);
  assert.ok(withheld.length <= 1, "one at a time");
  assert.ok(workers.filter(({ failing }) => failing).length <= 1);
  for (const worker of withheld) {
    assert.ok(
      workers.some((other) => other !== worker && other.serviceable),
      "it is withheld where others serve",
    );
    assert.equal(panic, false);
    assert.equal(goal.options.affinity, null);
    if (worker.failing) continue;
    assert.equal(goal.generation.number, goal.provenGeneration);
    assert.equal(worker.state.type, "ready");
  }
}

/** Who is suspected is acquitted, replaced, or leaves for something else, and only then is anybody else; returns what came of them. */
export function checkSuspicions(
  { events, reconciler }: ModelWorld,
): ReadonlySet<string> {
  const outcomes = new Set<string>();
  let suspect: number | null = null;
  /** One that fails its probes, too: that is enough, unless it is condemned already. */
  let sick: number | null = null;
  for (const event of events) {
    switch (event.type) {
      case "worker-failing":
        assert.equal(suspect, null, "one at a time");
        suspect = event.pid;
        break;
      case "worker-acquitted":
        assert.ok([suspect, sick].includes(event.pid), "it was suspected");
        outcomes.add(event.peers === null ? "let go" : "acquitted");
        suspect = sick = null;
        break;
      case "worker-unhealthy":
        if (event.pid !== suspect) break;
        outcomes.add("unhealthy");
        sick = suspect;
        suspect = null;
        break;
      case "worker-draining":
      case "worker-exited":
      case "worker-signalled":
        if (event.pid !== suspect) break;
        outcomes.add("reason" in event ? event.reason : event.type);
        suspect = null;
    }
  }
  assert.equal(suspect, null);
  for (const worker of reconciler.roster.workers) {
    assert.ok(!worker.withheld, "nobody is withheld for ever");
  }
  return outcomes;
}

/** A panic begins and ends, in turn; returns how many there were. */
export function checkPanicEvents({ events, reconciler }: ModelWorld): number {
  let panic = false;
  let panics = 0;
  for (const { type } of events) {
    if (type !== "panic-entered" && type !== "panic-left") continue;
    assert.equal(type === "panic-entered", !panic);
    panic = !panic;
    if (panic) panics++;
  }
  assert.equal(panic, reconciler.panic);
  return panics;
}

/** Claims are made on workers alone that may be given work. */
export function checkClaims(world: ModelWorld): void {
  const { upstreams, former } = world.dispatcher;
  for (const upstream of [...upstreams, ...former]) {
    if (!upstream.accepting) continue;
    const worker = world.reconciler.roster.workers
      .find((candidate) => candidate.upstream.key === upstream.key);
    assert.ok(worker?.state.type === "ready" || worker?.retained);
  }
}

/**
 * Workers are asked to end when they have nothing in flight but streams, or
 * their time for it is up; and are killed only after they have had the time to.
 */
export class EndRules {
  readonly #world: ModelWorld;
  /** When each worker was asked, by process id. */
  readonly #askedAt = new Map<number, number>();
  #seen = 0;
  /** Workers that were asked while they had streams. */
  streaming = 0;
  /** Upstreams whose workers were asked once they had nothing but streams. */
  readonly drained = new Set<number>();
  /** Workers that were killed after their time, by what is said of it. */
  readonly overdue = new Set<string>();

  constructor(world: ModelWorld) {
    this.#world = world;
  }

  /** Looks at what has happened in the pass that has just been made. */
  check(): void {
    const { events, claims, clock, reconciler } = this.#world;
    for (const event of events.slice(this.#seen)) {
      if (event.type !== "worker-signalled") continue;
      const { pid, signal, reason } = event;
      const worker = reconciler.roster.workers
        .find(({ process }) => process.pid === pid);
      const inFlight = claims
        .filter(({ upstream }) => upstream.key === worker?.upstream.key);
      if (signal === "SIGTERM") {
        this.#askedAt.set(pid, clock.now());
        if (reason !== "drained") continue;
        assert.ok(inFlight.every(({ stream }) => stream), "no request is lost");
        if (inFlight.length > 0) this.streaming++;
        if (worker) this.drained.add(worker.upstream.key);
      } else if (!reason.includes("MEMORY")) {
        const askedAt = this.#askedAt.get(pid);
        assert.ok(askedAt !== undefined, "nobody is killed unasked");
        assert.ok(clock.now() - askedAt >= OPTIONS.stopTimeoutMs, "in time");
        this.overdue.add(reason);
      }
    }
    this.#seen = events.length;
    for (const { stream, upstream } of claims) {
      assert.ok(
        stream || !this.drained.has(upstream.key),
        "nobody is given a request who was asked to end when drained",
      );
    }
  }
}

/** With AFFINITY nobody goes who is well and may have clients, but after it was kept for them. */
export class TieRules {
  readonly #world: ModelWorld;
  readonly #kept = new Set<number>();
  #seen = 0;

  constructor(world: ModelWorld) {
    this.#world = world;
  }

  /** Looks at what has happened in the pass that has just been made. */
  check(): void {
    const { events, goal, reconciler: { roster } } = this.#world;
    for (const event of events.slice(this.#seen)) {
      if (event.type === "worker-kept") this.#kept.add(event.pid);
      if (event.type !== "worker-draining") continue;
      const { pid, reason } = event;
      const [worker] = [...roster.leaving]
        .filter(({ process }) => process.pid === pid);
      const leaves = ["scale-down", "max-requests", "max-age"].includes(reason);
      if (this.#kept.has(pid)) continue;
      if (leaves && worker?.hasServed && goal.options.affinity !== null) {
        const { suspect, health, goneAt, generation } = worker;
        const lost = suspect || health?.healthy === false || goneAt !== null;
        // What the workers keep goes with a reload that fails.
        const failed = generation > goal.generation.number;
        assert.ok(lost || failed, `it goes for ${reason}, and was not kept`);
      }
    }
    this.#seen = events.length;
  }
}

/** Each generation that is kept is not any more at some time; returns for how many reasons. */
export function checkGenerationEvents({ events }: ModelWorld): number {
  const kept = new Set<number>();
  const reasons = new Set<string>();
  for (const event of events) {
    if (event.type === "generation-kept") {
      assert.ok(!kept.has(event.generation));
      kept.add(event.generation);
    } else if (event.type === "generation-ended") {
      assert.ok(kept.delete(event.generation));
      reasons.add(event.reason);
    }
  }
  assert.equal(kept.size, 0);
  return reasons.size;
}
