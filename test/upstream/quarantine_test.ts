/**
 * Requests that may have ended a worker: who is tried, when, and where.
 *
 * @module
 */

import assert from "node:assert/strict";
import type {
  ClaimRequest,
  Dispatcher,
  DispatcherOptions,
} from "../../src/upstream/dispatcher.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { dispatcherOf, requestOf, upstreams } from "./upstreams.ts";

/** Longer than a trial. */
const TRIAL_MS = 600;

/** Longer than anybody waits for one. */
const LONG_MS = 4_000;

/** A pool, and requests that were lost with a worker it had before. */
class Scene {
  readonly clock = new FakeClock();
  readonly upstreams: readonly Upstream[];
  readonly dispatcher: Dispatcher;
  /** Who has got which worker, in this order. */
  readonly log: string[] = [];
  readonly #loss = { solved: false };
  readonly #given = new Map<string, [Upstream, ClaimRequest]>();

  constructor(workers: number, options: Partial<DispatcherOptions> = {}) {
    this.upstreams = upstreams(workers);
    const clock = (): number => this.clock.now();
    this.dispatcher = dispatcherOf(this.upstreams, { ...options, clock });
  }

  /** Waits for a worker, having been with one that was lost for `ageMs`. */
  suspect(name: string, ageMs = 0): void {
    const request = {
      ...requestOf(),
      suspicion: { loss: this.#loss, sparesLast: true, ageMs },
    };
    assert.equal(this.dispatcher.claim(request), null);
    const refused = this.dispatcher.enqueue({
      request,
      since: this.clock.now(),
      resolve: (upstream) => {
        this.log.push(`${name}: worker ${upstream.id}`);
        this.#given.set(name, [upstream, request]);
      },
      reject: (reason) => void this.log.push(`${name}: ${reason}`),
    });
    assert.equal(refused, null);
  }

  /** A response to `name` has come. */
  respond(name: string): void {
    this.dispatcher.release(...this.#given.get(name)!);
  }

  /** It has turned out who of them it was. */
  solve(): void {
    this.#loss.solved = true;
  }

  /** Who gets the next of `count` ordinary requests; each is served at once. */
  served(count: number): readonly (number | undefined)[] {
    return Array.from({ length: count }, () => {
      const upstream = this.dispatcher.claim(requestOf());
      if (upstream !== null) this.dispatcher.release(upstream);
      return upstream?.id;
    });
  }
}

Deno.test("the newest is tried first, alone, on the least busy worker, which is given nobody else", () => {
  const scene = new Scene(3);
  assert.equal(scene.dispatcher.claim(requestOf())!.id, 0);
  scene.suspect("old", 200);
  scene.suspect("new", 5);
  scene.dispatcher.serveSuspects();
  assert.deepEqual(scene.log, ["new: worker 1"]);
  assert.deepEqual(scene.served(4), [2, 0, 2, 0]);
  scene.respond("new");
  assert.deepEqual(scene.log.slice(1), ["old: worker 1"]);
  scene.respond("old");
  assert.deepEqual(new Set(scene.served(3)), new Set([0, 1, 2]));
});

Deno.test("once it is known who it was, the others are served as all are", () => {
  const scene = new Scene(3);
  for (const name of ["a", "b", "c"]) scene.suspect(name);
  scene.dispatcher.serveSuspects();
  scene.solve();
  scene.upstreams[0]!.markEnded({
    cause: "self-inflicted",
    description: "exited with code 1",
  });
  scene.dispatcher.serveSuspects();
  assert.deepEqual(scene.log, ["a: worker 0", "b: worker 1", "c: worker 2"]);
});

Deno.test("a trial lasts half a second, and who has waited for two is served as all are", () => {
  const scene = new Scene(3);
  for (const name of ["a", "b", "c", "d"]) scene.suspect(name);
  scene.dispatcher.serveSuspects();
  scene.clock.advance(TRIAL_MS);
  scene.dispatcher.sweep(scene.clock.now());
  assert.deepEqual(scene.log, ["a: worker 0", "b: worker 1"]);
  // What has not ended its worker in time is like any other.
  assert.deepEqual(scene.served(2), [0, 2]);
  scene.clock.advance(LONG_MS);
  scene.dispatcher.sweep(scene.clock.now());
  assert.deepEqual(scene.log.slice(2), ["c: worker 0", "d: worker 1"]);
});

Deno.test("the last worker is given nobody who is suspected while another is to come, for a while", () => {
  const scene = new Scene(2);
  const [a, b] = scene.upstreams;
  scene.dispatcher.publish([a!], [], 2);
  scene.suspect("first");
  scene.dispatcher.serveSuspects();
  assert.deepEqual(scene.log, []);
  scene.dispatcher.publish([a!, b!], [], 2);
  assert.deepEqual(scene.log, ["first: worker 0"]);
  scene.respond("first");
  scene.dispatcher.publish([b!], [], 2);
  scene.suspect("second");
  scene.clock.advance(LONG_MS);
  // Whether it may have that one is its own affair.
  scene.dispatcher.sweep(scene.clock.now());
  assert.deepEqual(scene.log.slice(1), ["second: worker 1"]);
});

Deno.test("who is suspected waits for as long as anybody may where there is no worker at all", () => {
  const scene = new Scene(1, { queueTimeoutMs: 2 * LONG_MS });
  scene.dispatcher.publish([], [], 2);
  scene.suspect("a");
  scene.clock.advance(LONG_MS);
  scene.dispatcher.sweep(scene.clock.now());
  assert.deepEqual(scene.log, []);
  scene.clock.advance(LONG_MS);
  scene.dispatcher.sweep(scene.clock.now());
  assert.deepEqual(scene.log, ["a: queue-timeout"]);
});

Deno.test("a limit that is set holds for who is tried, too", () => {
  const scene = new Scene(2, { workerConcurrency: 1 });
  const busy = [0, 1].map(() => scene.dispatcher.claim(requestOf())!);
  scene.suspect("a");
  scene.dispatcher.serveSuspects();
  assert.deepEqual(scene.log, []);
  scene.dispatcher.release(busy[1]!);
  assert.deepEqual(scene.log, ["a: worker 1"]);
});

Deno.test("with the pool those are turned away who wait to be tried", () => {
  const scene = new Scene(2);
  scene.suspect("a");
  scene.dispatcher.stop();
  assert.deepEqual(scene.log, ["a: stopping"]);
});

Deno.test("where nobody may wait, or may wait any more, they are served as all are", () => {
  const { dispatcher } = new Scene(3, { maxQueue: 0 });
  const suspected = (): ClaimRequest => ({
    ...requestOf(),
    suspicion: { loss: { solved: false }, sparesLast: true, ageMs: 0 },
  });
  assert(dispatcher.claim(suspected()) !== null);

  const stopped = new Scene(3).dispatcher;
  stopped.stop();
  assert(stopped.claim(suspected()) !== null);
});
