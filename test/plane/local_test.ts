/** The contract between the planes, as it is carried by calls. */

import assert from "node:assert/strict";
import { resolveOptions } from "../../src/config/options.ts";
import type { Fact, UpstreamAddress } from "../../src/plane/contract.ts";
import { NO_FIGURES, NO_SUSPECTS } from "../../src/plane/contract.ts";
import { LocalPlane } from "../../src/plane/local.ts";
import { Dispatcher } from "../../src/upstream/dispatcher.ts";
import { roundRobin } from "../../src/upstream/policy/round_robin.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { eventually } from "../support/deadline.ts";
import { get, ok } from "../support/message_text.ts";
import { answering } from "../support/origin_script.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";
import { CloningPlane } from "../support/local_plane.ts";
import { StoppedClock } from "../support/stopped_clock.ts";
import { requestOf } from "../upstream/upstreams.ts";

/** Far longer than anybody may wait. */
const FROZEN_MS = 1_000_000;

/** A data plane, its dispatcher, and what it has reported. */
class Scene {
  readonly dispatcher = new Dispatcher({
    policy: roundRobin,
    workerConcurrency: 0,
    maxQueue: 1,
    queueTimeoutMs: 10_000,
  });
  readonly local = new LocalPlane(resolveOptions({}), this.dispatcher);
  readonly plane = new CloningPlane(this.local);
  readonly facts: Fact[] = [];
  #revision = 0;

  constructor() {
    this.plane.subscribe((fact) => this.facts.push(fact));
  }

  publish(...keys: readonly number[]): void {
    const revision = ++this.#revision;
    const upstreams = keys.map((key) => addressOf(key));
    this.plane.send({
      type: "publish",
      revision,
      upstreams,
      wanted: upstreams.length,
      former: [],
    });
  }

  claim(): Upstream {
    return this.dispatcher.claim(requestOf())!;
  }
}

function addressOf(key: number, port = 9): UpstreamAddress {
  return { key, id: key - 1, hostname: "127.0.0.1", port, generation: 1 };
}

Deno.test("requests go to those in the set in force, and to no others", () => {
  const world = new Scene();
  assert.equal(world.plane.revision, 0);
  assert.equal(world.dispatcher.claim(requestOf()), null);
  world.publish(1, 2);
  assert.equal(world.plane.revision, 1);
  const both = [world.claim(), world.claim()];
  assert.deepEqual(both.map(({ key }) => key), [1, 2]);
  world.publish(2);
  assert.equal(world.plane.revision, 2);
  assert.equal(world.claim().key, 2);
});

Deno.test("the same upstream is meant by a key, however often it is published", () => {
  const world = new Scene();
  world.publish(1);
  const claimed = world.claim();
  world.publish();
  world.publish(1);
  assert.equal(world.claim(), claimed);
  assert.equal(world.plane.figuresOf(1).inFlight, 2);
});

Deno.test("a refused connection is reported, and ends the work until the next set", () => {
  const world = new Scene();
  world.publish(1);
  const upstream = world.claim();
  upstream.reportRefused();
  assert.deepEqual(world.facts, [{ type: "refused", key: 1 }]);
  assert.equal(world.dispatcher.claim(requestOf()), null);
  world.publish(1);
  assert.equal(world.claim(), upstream);
});

Deno.test("the end of the last exchange is reported of those alone that get no more", () => {
  const world = new Scene();
  world.publish(1);
  world.dispatcher.release(world.claim());
  assert.deepEqual(world.facts, []);
  const last = world.claim();
  world.publish();
  world.dispatcher.release(last);
  assert.deepEqual(world.facts, [{ type: "idle", key: 1 }]);
});

Deno.test("what is asked of an upstream that is not known has an empty reply", async () => {
  const { plane } = new Scene();
  const key = 5;
  plane.send({ type: "retire", key });
  plane.send({ type: "forget", key });
  plane.send({ type: "recall", key, diagnosis: "stuck" });
  assert.equal(await plane.ask({ type: "oldest-request", key }), null);
  assert.deepEqual(
    await plane.ask({ type: "newly-slow-requests", key, ageMs: 0 }),
    [],
  );
  const end = { cause: "self-inflicted", description: "" } as const;
  assert.deepEqual(
    await plane.ask({ type: "exited", key, end }),
    NO_SUSPECTS,
  );
  assert.equal(await plane.ask({ type: "cut", key }), true);
  assert.deepEqual(plane.figuresOf(key), NO_FIGURES);
});

Deno.test("who is retired is given up, and who is forgotten is counted no more", () => {
  const world = new Scene();
  world.publish(1);
  const upstream = world.claim();
  world.plane.send({ type: "retire", key: 1 });
  assert.equal(upstream.retired, true);
  assert.equal(world.plane.figures().upstreams.get(1)?.inFlight, 1);
  world.plane.send({ type: "forget", key: 1 });
  assert.deepEqual([...world.plane.figures().upstreams], []);
});

Deno.test("requests are counted, and each is an event while somebody wants that", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("hello"))]);
  const { local, plane, facts } = new Scene();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  await local.serve({ listener, port, certificate: null, admin: null });
  plane.send({
    type: "publish",
    revision: 1,
    upstreams: [addressOf(1, origin.port)],
    wanted: 1,
    former: [],
  });
  await using client = await RawClient.connect({ port });
  const accesses = (): number =>
    facts.flatMap((fact) => fact.type === "access" ? fact.rows : []).length;
  const askAndBeCounted = async (count: number): Promise<void> => {
    await client.ask(get("/"));
    await eventually(async () =>
      assert.equal(await Promise.resolve(plane.figures().requests), count)
    );
  };
  await askAndBeCounted(1);
  plane.send({ type: "report-access", wanted: true });
  await askAndBeCounted(2);
  plane.send({ type: "report-access", wanted: false });
  await askAndBeCounted(3);
  const { responses, latency, upstreams, clientConnections } = plane.figures();
  assert.equal(latency.count, 3);
  assert.deepEqual(responses, [{ workerId: 0, status: 200, count: 3 }]);
  assert.equal(clientConnections, 1);
  assert.equal(upstreams.get(1)?.failures, 0);
  await plane.ask({ type: "stop", timeoutMs: 0, workersGone: true });
  assert.equal(accesses(), 1);
});

Deno.test("what happens after a request is told after it, and a plane that has stopped has nothing left to tell", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("hello"))]);
  const { local, plane, dispatcher, facts } = new Scene();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  await local.serve({ listener, port, certificate: null, admin: null });
  const publish = (revision: number): void => {
    const upstreams = [addressOf(1, origin.port)];
    plane.send({
      type: "publish",
      revision,
      upstreams,
      wanted: 1,
      former: [],
    });
  };
  plane.send({ type: "report-access", wanted: true });
  publish(1);
  await using client = await RawClient.connect({ port });
  await client.ask(get("/"));
  dispatcher.claim(requestOf())!.reportRefused();
  assert.deepEqual(facts.map(({ type }) => type), ["access", "refused"]);
  publish(2);
  await client.ask(get("/"));
  await plane.ask({ type: "stop", timeoutMs: 0, workersGone: true });
  const types = facts.map(({ type }) => type);
  assert.deepEqual(types, ["access", "refused", "access"]);
});

Deno.test("the queue and those who wait in it go by the same clock, which does not count time in which nobody ran", async () => {
  using clock = new StoppedClock();
  await using origin = await RecordingOrigin.start([answering(ok("hello"))]);
  const local = new LocalPlane(resolveOptions({}));
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  await local.serve({ listener, port, certificate: null, admin: null });
  await clock.pass(FROZEN_MS);
  await using client = await RawClient.connect({ port });
  await client.send(get("/"));
  await eventually(async () =>
    assert.equal((await local.figures()).queue.depth, 1)
  );
  await clock.pass(FROZEN_MS);
  const upstreams = [addressOf(1, origin.port)];
  local.send({
    type: "publish",
    revision: 1,
    upstreams,
    wanted: 1,
    former: [],
  });
  assert.equal((await client.readResponse()).status, 200);
  const { sumMs } = local.figures().queue.waits;
  assert.ok(sumMs < FROZEN_MS, `waited ${sumMs} ms`);
  await local.ask({ type: "stop", timeoutMs: 0, workersGone: true });
});
