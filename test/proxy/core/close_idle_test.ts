/** Which connections are given up when there are no descriptors left. */

import assert from "node:assert/strict";
import { CoreStand } from "../../support/core/core_stand.ts";
import { MemoryOrigin } from "../../support/core/memory_origin.ts";
import { get, ok } from "../../support/message_text.ts";
import { toBytes } from "../../support/raw_socket.ts";

Deno.test("idle connections are given up by how long they have been idle, those that are not never", () => {
  const stand = new CoreStand();
  const origin = new MemoryOrigin([[
    { do: "read-head" },
    { do: "send", data: ok("ok") },
  ]]);
  stand.onConnect = (attempt) => () => {
    const link = stand.newWorkerLink();
    stand.peers.push(origin.serve(link));
    attempt.succeed(link);
  };
  const served = stand.accept();
  served.deliver(toBytes(get("/")));
  stand.run();
  assert.match(served.output, /^HTTP\/1\.1 200 /);
  stand.leap(1_000);
  // These have far less time for their first request than `served` for the next.
  const fresh = stand.accept();
  const busy = stand.accept();
  busy.deliver(toBytes("GET / HT"));
  stand.run();
  const closed = (): boolean[] =>
    [served, fresh, busy].map((link) => link.closed);
  stand.engine.closeIdle(1);
  assert.deepEqual(closed(), [true, false, false]);
  stand.engine.closeIdle(2);
  assert.deepEqual(closed(), [true, true, false]);
  stand.checkEnds();
});

Deno.test("so are those of which nothing has come yet of what comes before the first request", () => {
  const stand = new CoreStand({ settings: { proxyProtocol: true } });
  const silent = stand.accept();
  stand.run();
  stand.leap(1_000);
  const fresh = stand.accept();
  const busy = stand.accept();
  busy.deliver(toBytes("PROXY TCP4 "));
  stand.run();
  const closed = (): boolean[] =>
    [silent, fresh, busy].map((link) => link.closed);
  stand.engine.closeIdle(3, 1_000);
  assert.deepEqual(closed(), [true, false, false]);
  stand.engine.closeIdle(3);
  assert.deepEqual(closed(), [true, true, false]);
  stand.checkEnds();
});
