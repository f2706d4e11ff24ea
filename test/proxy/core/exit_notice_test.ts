/** Whether a worker has ended with a connection, where the loop is late and the end takes a while. */

import assert from "node:assert/strict";
import { awaitExit, DEAF } from "../../../src/proxy/core/exit_notice.ts";
import { Upstream, type UpstreamEnd } from "../../../src/upstream/upstream.ts";
import { ManualClock, ManualTimers } from "../../support/core/manual_clock.ts";
import { ScriptedConnector } from "../../support/core/scripted_connector.ts";
import { ScriptedLink } from "../../support/core/scripted_link.ts";

const REFUSED = { reason: "refused", detail: "ECONNREFUSED" } as const;

/** Somebody who waits for the end of one worker. */
class Wait implements Disposable {
  readonly upstream = new Upstream({
    id: 0,
    hostname: "127.0.0.1",
    port: 9000,
    generation: 1,
  });
  readonly connector = new ScriptedConnector();
  readonly known: (UpstreamEnd | null)[] = [];
  readonly #clock = new ManualClock();
  readonly #timers = new ManualTimers(this.#clock);

  constructor(retryable = true) {
    const { connector } = this;
    const surroundings = { timers: this.#timers, connector, retryable };
    awaitExit(this.upstream, surroundings, (end) => this.known.push(end));
  }

  pass(ms: number): void {
    this.#clock.advance(ms);
    while (this.#timers.fire());
  }

  /** Lets the time pass after which is looked, in two halves. */
  untilLook(): void {
    this.pass(25);
    this.pass(25);
  }

  get looks(): number {
    return this.connector.pending.size;
  }

  refuse(): void {
    for (const look of this.connector.pending) look.fail(REFUSED);
  }

  accept(): ScriptedLink {
    const link = new ScriptedLink();
    for (const look of this.connector.pending) look.succeed(link);
    return link;
  }

  /** Nothing is left under way once it is known. */
  [Symbol.dispose](): void {
    assert.equal(this.#timers.pending, 0);
    assert.equal(this.looks, 0);
  }
}

Deno.test("a worker that listens on has not ended, and the connection that showed it is closed", () => {
  using wait = new Wait();
  wait.untilLook();
  assert.equal(wait.accept().closed, true);
  assert.deepEqual(wait.known, [null]);
});

Deno.test("a worker that takes a while to end is looked at as late as may be", () => {
  using wait = new Wait();
  wait.pass(25);
  assert.equal(wait.looks, 0);
  wait.pass(25);
  wait.refuse();
  assert.equal(wait.upstream.accepting, false);
  assert.deepEqual(wait.known, []);
  wait.pass(1000);
  assert.deepEqual(wait.known, [DEAF]);
});

Deno.test("what a look has shown counts, however late the loop comes to it", () => {
  using wait = new Wait();
  wait.untilLook();
  wait.pass(900);
  assert.deepEqual(wait.known, []);
  wait.refuse();
  wait.pass(100);
  assert.deepEqual(wait.known, [DEAF]);
});

Deno.test("the end of the process is what is waited for, whether it listens or not", () => {
  using wait = new Wait();
  wait.untilLook();
  wait.refuse();
  const end = { cause: "self-inflicted", description: "exited" } as const;
  wait.upstream.markEnded(end);
  assert.deepEqual(wait.known, [end]);
});

Deno.test("nobody looks where nothing depends on it, and a look that comes to nothing is given up", () => {
  using idle = new Wait(false);
  idle.untilLook();
  assert.deepEqual([idle.looks, idle.known], [0, [null]]);
  using unanswered = new Wait();
  unanswered.untilLook();
  unanswered.pass(1000);
  assert.deepEqual(unanswered.known, [null]);
});

Deno.test("a worker that is about to be killed is waited for, though it listens", () => {
  using wait = new Wait();
  wait.upstream.doomed = true;
  wait.untilLook();
  wait.accept();
  assert.deepEqual(wait.known, []);
  wait.pass(1000);
  assert.deepEqual(wait.known, [null]);
});
