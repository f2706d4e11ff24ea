/** What is read of a request that nobody wants any more, and what is left alone. */

import assert from "node:assert/strict";
import {
  LARGE_BUFFER_BYTES,
  TINY_BUFFER_BYTES,
} from "../../../src/proxy/core/buffer_pool.ts";
import { CoreStand } from "../../support/core/core_stand.ts";
import { MemoryOrigin } from "../../support/core/memory_origin.ts";
import { chunked, get, postHead } from "../../support/message_text.ts";
import { toBytes } from "../../support/raw_socket.ts";

/** More than a buffer of a client holds. */
const MUCH = "x".repeat(2000);

const BODIES = {
  "comes to its end": chunked(MUCH, 500),
  "breaks the rules": `1\r\na\r\n${"nonsense ".repeat(9)}\r\n`,
};

/** Connects to a worker that reads a head and is gone. */
function closing(stand: CoreStand): CoreStand["onConnect"] {
  const origin = new MemoryOrigin([[{ do: "read-head" }, { do: "close" }]]);
  return (attempt) => () => {
    const link = stand.newWorkerLink();
    stand.peers.push(origin.serve(link));
    attempt.succeed(link);
  };
}

for (const [what, body] of Object.entries(BODIES)) {
  for (const readsAhead of [false, true]) {
    Deno.test(`no more than a body is read when it ${what} after its worker has gone${readsAhead ? ", with reads begun ahead" : ""}`, () => {
      const stand = new CoreStand({ links: { readsAhead } });
      stand.onConnect = closing(stand);
      const client = stand.accept();
      client.deliver(toBytes(postHead("/", "Transfer-Encoding: chunked")));
      stand.run();
      // Whether the worker has exited is not known yet, and so there is no response.
      client.deliver(toBytes(body + get("/", `X-Long: ${MUCH}`)));
      stand.run();
      assert.equal(client.output, "");
      assert.ok(client.undelivered > 0, "what follows the body was read");
      stand.pass(1000);
      assert.match(client.output, /^HTTP\/1\.1 502 /);
      stand.checkEnds();
    });
  }
}

Deno.test("much that nobody wants is read in larger buffers", () => {
  const stand = new CoreStand();
  stand.onConnect = closing(stand);
  const client = stand.accept();
  const length = 20 * LARGE_BUFFER_BYTES;
  client.deliver(toBytes(postHead("/", `Content-Length: ${length}`)));
  stand.run();
  let reads = 0;
  const { input } = client;
  const received = input.received.bind(input);
  input.received = (count) => {
    reads++;
    received(count);
  };
  for (let sent = 0; sent < length / 2; sent += LARGE_BUFFER_BYTES) {
    client.deliver(new Uint8Array(LARGE_BUFFER_BYTES));
    stand.run();
  }
  assert.equal(client.undelivered, 0);
  const small = LARGE_BUFFER_BYTES / TINY_BUFFER_BYTES;
  assert.ok(reads > 10 && reads < 2 * small, `${reads} reads`);
});
