/**
 * What is said while a pool stops.
 *
 * @module
 */

import assert from "node:assert/strict";
import { EventEmitter } from "../../src/events/mod.ts";
import { StopReport, type Waiting } from "../../src/lifecycle/stop_report.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** A report of what the test says there is. */
class Scene implements Disposable {
  readonly clock = new FakeClock(0);
  readonly said: Waiting[] = [];
  waiting: Waiting = { requests: 0, streams: 0, workers: 0 };
  readonly report: StopReport;

  constructor() {
    const events = new EventEmitter();
    events.subscribe((event) => {
      if (event.type !== "stop-waiting") return;
      const { type: _type, ...waiting } = event;
      this.said.push(waiting);
    });
    this.report = new StopReport({
      events,
      waiting: () => this.waiting,
      clock: this.clock.now,
    });
  }

  /** Lets time pass in which is looked as often as it is outside. */
  pass(ms: number): void {
    for (let passed = 0; passed < ms; passed += 100) {
      this.clock.advance(100);
      this.report.look();
    }
  }

  [Symbol.dispose](): void {
    this.report.stop();
  }
}

Deno.test("requests and streams are said at once, and again as they change, after twice as long each time", () => {
  using scene = new Scene();
  scene.waiting = { requests: 100, streams: 2, workers: 0 };
  scene.report.start();
  assert.deepEqual(scene.said, [{ requests: 100, streams: 2, workers: 0 }]);
  // One fewer every 100 ms.
  for (let requests = 99; requests >= 0; requests--) {
    scene.waiting = { ...scene.waiting, requests };
    scene.pass(100);
  }
  const requests = scene.said.map((waiting) => waiting.requests);
  assert.deepEqual(requests, [100, 90, 70, 30]);
  // What does not change is not said again.
  scene.pass(1_000_000);
  assert.equal(scene.said.at(-1)!.requests, 0);
  assert.equal(scene.said.length, 5);
});

Deno.test("workers that take their time are said, those that end at once are not", () => {
  using scene = new Scene();
  scene.report.start();
  scene.waiting = { requests: 0, streams: 0, workers: 4 };
  scene.pass(900);
  assert.deepEqual(scene.said, []);
  scene.pass(100);
  assert.deepEqual(scene.said, [scene.waiting]);
  scene.waiting = { requests: 0, streams: 0, workers: 0 };
  scene.pass(100_000);
  assert.equal(scene.said.length, 1);
});
