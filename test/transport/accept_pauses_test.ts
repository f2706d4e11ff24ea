/** What is said of clients that are kept out: the beginning and the end, and not each pause. */

import assert from "node:assert/strict";
import { AcceptPauses, SETTLED_MS } from "../../src/transport/accept_pauses.ts";
import { TimerQueue } from "../../src/transport/epoll/timer_queue.ts";

/** Pauses, and time that passes when a test says so. */
class Stand {
  readonly said: string[] = [];
  readonly pauses: AcceptPauses;
  readonly #queue = new TimerQueue();
  #now = 0;

  constructor() {
    this.pauses = new AcceptPauses({
      timers: {
        after: (delayMs, callback) =>
          this.#queue.add(this.#now + delayMs, callback),
      },
      report: ({ type, reason }) => this.said.push(`${type} ${reason}`),
    });
  }

  pass(ms: number): void {
    this.#now += ms;
    for (const callback of this.#queue.due(this.#now)) callback();
  }
}

Deno.test("a thousand clients at MAX_CONNECTIONS, one after the other, are told of once", () => {
  const stand = new Stand();
  const { pauses, said } = stand;
  for (let i = 0; i < 1000; i++) {
    pauses.begin("max-connections");
    stand.pass(SETTLED_MS - 1);
    pauses.end();
    stand.pass(SETTLED_MS - 1);
  }
  assert.deepEqual(said, ["accept-paused max-connections"]);
  stand.pass(1);
  assert.equal(said.at(-1), "accept-resumed max-connections");
  pauses.begin("max-connections");
  assert.equal(said.length, 3);
});

Deno.test("another reason is told at once", () => {
  const stand = new Stand();
  const { pauses, said } = stand;
  pauses.begin("max-connections");
  pauses.end();
  pauses.begin("descriptors");
  pauses.end();
  stand.pass(SETTLED_MS);
  assert.deepEqual(said, [
    "accept-paused max-connections",
    "accept-paused descriptors",
    "accept-resumed descriptors",
  ]);
});

Deno.test("nothing is told once it is closed", () => {
  const stand = new Stand();
  const { pauses, said } = stand;
  pauses.begin("descriptors");
  pauses.end();
  pauses.close();
  stand.pass(SETTLED_MS);
  assert.deepEqual(said, ["accept-paused descriptors"]);
});
