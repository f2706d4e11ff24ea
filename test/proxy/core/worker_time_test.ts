/** What is counted of a worker is the time it had its requests: not how long they waited for it, or were with another. */

import assert from "node:assert/strict";
import { CoreStand } from "../../support/core/core_stand.ts";
import type { ScriptedLink } from "../../support/core/scripted_link.ts";
import { get, ok } from "../../support/message_text.ts";
import { toBytes } from "../../support/raw_socket.ts";

const FIRST_MS = 1_000;
const SECOND_MS = 100;

/** A stand with what connects to its workers, in this order. */
function standWith(
  options: ConstructorParameters<typeof CoreStand>[0],
): { readonly stand: CoreStand; readonly workers: ScriptedLink[] } {
  const stand = new CoreStand(options);
  const workers: ScriptedLink[] = [];
  stand.onConnect = (attempt) => () => {
    const link = stand.newWorkerLink();
    workers.push(link);
    attempt.succeed(link);
  };
  return { stand, workers };
}

function ask(stand: CoreStand): void {
  stand.accept().deliver(toBytes(get("/")));
  stand.run();
}

Deno.test("the wait in the queue is none of a worker's time", () => {
  const { stand, workers } = standWith({ settings: { workerConcurrency: 1 } });
  ask(stand);
  ask(stand);
  stand.pass(FIRST_MS);
  workers[0]!.deliver(toBytes(ok("ok")));
  stand.run();
  stand.pass(SECOND_MS);
  workers[0]!.deliver(toBytes(ok("ok")));
  stand.run();
  const [worker] = stand.upstreams;
  assert.equal(worker!.requests, 2);
  assert.equal(worker!.latencySumMs, FIRST_MS + SECOND_MS);
});

Deno.test("what another worker had a request for is none of a worker's time", () => {
  const { stand, workers } = standWith({ workers: 2 });
  ask(stand);
  stand.pass(FIRST_MS);
  const [first, second] = stand.upstreams;
  for (const exchange of first!.exchanges) exchange.retryElsewhere();
  stand.run();
  stand.pass(SECOND_MS);
  workers[1]!.deliver(toBytes(ok("ok")));
  stand.run();
  assert.deepEqual(
    [first!, second!].map(({ latencySumMs }) => latencySumMs),
    [FIRST_MS, SECOND_MS],
  );
});
