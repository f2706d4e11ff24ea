/** Who takes what is written slowly, and who does not take it at all. */

import assert from "node:assert/strict";
import { CoreStand } from "../../support/core/core_stand.ts";
import { MemoryOrigin } from "../../support/core/memory_origin.ts";
import type { ScriptedLink } from "../../support/core/scripted_link.ts";
import { get, letters, ok, postHead } from "../../support/message_text.ts";
import { toBytes } from "../../support/raw_socket.ts";

const TIMEOUT_MS = 1000;

/** Between two octets that somebody slow takes. */
const PAUSE_MS = 900;

const OCTETS = 20;

/** Both ends of one request, neither of which takes anything unless it is let. */
interface SlowStand {
  readonly stand: CoreStand;
  readonly client: ScriptedLink;
  readonly worker: () => ScriptedLink;
}

function slowStand(): SlowStand {
  const settings = { bodyTimeoutMs: TIMEOUT_MS };
  const stand = new CoreStand({ settings });
  const origin = new MemoryOrigin([[
    { do: "read-request" },
    { do: "send", data: ok(letters(100)) },
  ]]);
  const taking = { writesAtOnce: false, partBytes: 1, capacity: 0 };
  let worker: ScriptedLink | null = null;
  stand.onConnect = (attempt) => () => {
    worker = stand.newWorkerLink(taking);
    stand.peers.push(origin.serve(worker));
    attempt.succeed(worker);
  };
  return { stand, client: stand.accept(taking), worker: () => worker! };
}

/** Lets `link` take one octet after the other, each nearly too late. */
function takeSlowly(stand: CoreStand, link: ScriptedLink): void {
  for (let octet = 0; octet < OCTETS; octet++) {
    assert.ok(!link.closed, `cut off after ${octet} octets`);
    link.capacity = 1;
    stand.run();
    stand.pass(PAUSE_MS);
  }
}

/** How requests have failed. */
function failures(stand: CoreStand): string[] {
  return stand.events.flatMap((event) =>
    event.type === "exchange-failed" ? [event.code] : []
  );
}

for (const ends of [false, true]) {
  const which = ends ? "that has ended its side" : "that may ask again";
  Deno.test(`a client ${which} may take its response octet by octet, and not stop`, () => {
    const { stand, client, worker } = slowStand();
    client.deliver(toBytes(get("/")));
    stand.run();
    worker().capacity = Infinity;
    if (ends) client.deliverEnd();
    stand.run();
    takeSlowly(stand, client);
    assert.deepEqual(failures(stand), []);
    stand.pass(2 * TIMEOUT_MS);
    assert.equal(client.closed, true);
    assert.equal(failures(stand).length, 1);
    stand.checkEnds();
  });
}

Deno.test("a worker may take a body octet by octet, and not stop", () => {
  const { stand, client, worker } = slowStand();
  client.capacity = Infinity;
  client.deliver(toBytes(postHead("/", "Content-Length: 1000")));
  stand.run();
  client.deliver(toBytes(letters(1000)));
  stand.run();
  takeSlowly(stand, worker());
  assert.deepEqual(failures(stand), []);
  stand.pass(2 * TIMEOUT_MS);
  assert.deepEqual(failures(stand), ["response-timeout"]);
  assert.match(client.output, /^HTTP\/1\.1 504 /);
  stand.checkEnds();
});
