/** A worker that has responded goes on with the next request before the client has the response. */

import assert from "node:assert/strict";
import { CoreStand } from "../../support/core/core_stand.ts";
import type { ScriptedLink } from "../../support/core/scripted_link.ts";
import { get, ok } from "../../support/message_text.ts";
import { toBytes } from "../../support/raw_socket.ts";

/** A client that takes nothing has been responded to, and another one's request has waited for that. */
function responded(): {
  readonly stand: CoreStand;
  readonly worker: ScriptedLink;
  readonly slow: ScriptedLink;
  readonly next: ScriptedLink;
} {
  const stand = new CoreStand({ settings: { workerConcurrency: 1 } });
  const worker = stand.newWorkerLink();
  stand.onConnect = (attempt) => () => attempt.succeed(worker);
  const slow = stand.accept({ capacity: 0 });
  const next = stand.accept();
  slow.deliver(toBytes(get("/slow")));
  next.deliver(toBytes(get("/next")));
  stand.run();
  assert.doesNotMatch(worker.output, /GET \/next/);
  worker.deliver(toBytes(ok("one")));
  stand.run();
  assert.equal(slow.output, "");
  assert.match(worker.output, /GET \/next/);
  return { stand, worker, slow, next };
}

Deno.test("the next request goes out before the response that has freed the worker", () => {
  const { stand, worker, slow, next } = responded();
  worker.deliver(toBytes(ok("two")));
  stand.run();
  assert.match(next.output, /two/);
  slow.capacity = Infinity;
  stand.run();
  assert.match(slow.output, /one/);
  assert.equal(stand.counters.requests, 2);
  stand.checkEnds();
});

Deno.test("a client that goes then takes nothing from the one whose request the worker has", () => {
  const { stand, worker, slow, next } = responded();
  slow.reset();
  stand.run();
  worker.deliver(toBytes(ok("two")));
  stand.run();
  assert.match(next.output, /two/);
  assert.equal(stand.counters.requests, 2);
  assert.equal(stand.counters.inFlight, 0);
  stand.checkEnds();
});
