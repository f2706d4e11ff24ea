/** What of the last 15 minutes is kept, and how exactly. */

import assert from "node:assert/strict";
import { Counters } from "../../src/proxy/core/counters.ts";
import { History } from "../../src/metrics/history.ts";
import type { HistoryReading } from "../../src/metrics/sample_series.ts";

/** When the tests begin, in seconds since the Unix epoch. */
const BEGIN = 1_000_000;

/** A pool whose figures and whose clock are set by the test. */
class Fixture {
  readonly counters = new Counters();
  readonly history: History;
  gauges: Pick<
    HistoryReading,
    "inFlight" | "queued" | "ready" | "desired" | "slots"
  > = {
    inFlight: 0,
    queued: 0,
    ready: 1,
    desired: 1,
    slots: new Map([[0, true]]),
  };
  now = BEGIN;

  constructor() {
    this.history = new History(() => ({
      requests: this.counters.requests,
      responses: this.counters.responses(),
      latency: this.counters.latency,
      ...this.gauges,
    }), () => this.now * 1000);
    this.history.take();
  }

  /** Lets seconds pass, in each of which `during` happens. */
  pass(seconds: number, during: () => void = () => {}): void {
    for (let i = 0; i < seconds; i++) {
      during();
      this.now++;
      this.history.take();
    }
  }
}

Deno.test("three minutes are kept by the second, 15 by ten seconds, and nothing beyond", () => {
  const fixture = new Fixture();
  fixture.pass(2000);
  const { at } = fixture.history.since(0);
  const long = at.filter((second) => second <= fixture.now - 180);
  assert.deepEqual(at.slice(long.length), upTo(fixture.now, 180, 1));
  assert.deepEqual(long, upTo(fixture.now - 180, 72, 10));
});

/** So many numbers, `step` apart, the last of which is `last`. */
function upTo(last: number, count: number, step: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => last - (count - 1 - i) * step);
}

Deno.test("who has the samples up to a time is given those after it", () => {
  const fixture = new Fixture();
  fixture.pass(5);
  assert.deepEqual(fixture.history.since(BEGIN + 3).at, [BEGIN + 4, BEGIN + 5]);
});

Deno.test("rates and latencies are those of the sample, for the pool and each worker", () => {
  const fixture = new Fixture();
  fixture.gauges = {
    ...fixture.gauges,
    slots: new Map([[0, true], [2, true]]),
  };
  fixture.pass(1);
  fixture.pass(1, () => {
    for (let i = 0; i < 3; i++) fixture.counters.record(200, 1, 0);
    fixture.counters.record(502, 64, 2);
  });
  fixture.pass(1);
  const history = fixture.history.since(0);
  assert.deepEqual(history.requestsPerSecond, [0, 4, 0]);
  assert.deepEqual(history.failuresPerSecond, [0, 1, 0]);
  assert.deepEqual(history.p50, [null, 1, null]);
  assert.deepEqual(history.p99, [null, 64, null]);
  assert.deepEqual(history.workers, {
    0: [0, 3, 0],
    1: [null, null, null],
    2: [0, 1, 0],
  });
});

Deno.test("a longer sample has the worst of its time, so that a second of it is not lost", () => {
  const fixture = new Fixture();
  const calm = fixture.gauges;
  fixture.pass(4);
  fixture.gauges = {
    inFlight: 9,
    queued: 7,
    ready: 0,
    desired: 1,
    slots: new Map([[0, false]]),
  };
  fixture.pass(1);
  fixture.gauges = calm;
  fixture.pass(1, () => {
    for (let i = 0; i < 20; i++) fixture.counters.record(503, 1, 0);
  });
  fixture.pass(194);
  const { at, inFlight, queued, ready, down, ...history } = fixture.history
    .since(0);
  assert.equal(at[0], BEGIN + 10);
  assert.deepEqual([inFlight[0], queued[0], ready[0]], [9, 7, 0]);
  assert.deepEqual([inFlight[1], queued[1], ready[1]], [0, 0, 1]);
  assert.deepEqual(down.slice(0, 2), [[0], []]);
  const { requestsPerSecond, failuresPerSecond, workers } = history;
  for (const rates of [requestsPerSecond, failuresPerSecond, workers["0"]!]) {
    assert.deepEqual(rates.slice(0, 2), [2, 0]);
  }
});

Deno.test("when the clock is set back, the history begins anew", () => {
  const fixture = new Fixture();
  fixture.pass(100);
  fixture.now = BEGIN - 3600;
  fixture.pass(3);
  assert.deepEqual(
    fixture.history.since(0).at,
    [BEGIN - 3598, BEGIN - 3597],
  );
});
