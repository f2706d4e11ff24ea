/** A worker's connection is kept only when both messages on it have come to their ends. */

import assert from "node:assert/strict";
import { CoreStand } from "../../support/core/core_stand.ts";
import { MemoryOrigin } from "../../support/core/memory_origin.ts";
import { ok, post } from "../../support/message_text.ts";
import { toBytes } from "../../support/raw_socket.ts";

for (
  const [what, capacity, idle] of [
    ["kept once the request is written", Infinity, 1],
    ["closed when the response came before the request was written", 600, 0],
  ] as const
) {
  Deno.test(`a worker's connection is ${what}`, () => {
    const stand = new CoreStand();
    const origin = new MemoryOrigin([[
      { do: "read-head" },
      { do: "send", data: ok("ok", "Keep-Alive: timeout=60") },
    ]]);
    stand.onConnect = (attempt) => () => {
      const link = stand.newWorkerLink({ writesAtOnce: false, capacity });
      stand.peers.push(origin.serve(link));
      attempt.succeed(link);
    };
    const client = stand.accept({ bufferBytes: 4096 });
    // Head and body in one read, and so in one write.
    client.deliver(toBytes(post("/", "b".repeat(2000))));
    stand.run();
    assert.match(client.output, /^HTTP\/1\.1 200 /);
    assert.equal(stand.engine.idleUpstreamConnections, idle);
    stand.checkEnds();
  });
}
