/** Heads that are larger than the buffer they come into. */

import assert from "node:assert/strict";
import { CoreStand } from "../../support/core/core_stand.ts";
import { MemoryOrigin } from "../../support/core/memory_origin.ts";
import type { ScriptedLink } from "../../support/core/scripted_link.ts";
import { get, ok, post } from "../../support/message_text.ts";
import type { OriginScript } from "../../support/origin_script.ts";
import { toBytes } from "../../support/raw_socket.ts";

/** The largest that may be set. */
const GREATEST_HEAD_BYTES = 1_048_576;

/** Larger than the largest buffer of the pool. */
const LONG_FIELD = `X-Long: ${"l".repeat(300_000)}`;

interface HeadStandOptions {
  readonly response?: string;
  readonly maxHeadBytes?: number;
}

/** A stand with one client and one worker, which responds to every request. */
function standWith(options: HeadStandOptions): {
  stand: CoreStand;
  client: ScriptedLink;
} {
  const { response = ok("ok"), maxHeadBytes } = options;
  const settings = maxHeadBytes === undefined ? {} : { maxHeadBytes };
  const stand = new CoreStand({ settings });
  const answer: OriginScript = [
    { do: "read-request" },
    { do: "send", data: response },
  ];
  const origin = new MemoryOrigin([[...answer, ...answer]]);
  stand.onConnect = (attempt) => () => {
    const link = stand.newWorkerLink();
    stand.peers.push(origin.serve(link));
    attempt.succeed(link);
  };
  return { stand, client: stand.accept() };
}

Deno.test("a request's head may be as large as is allowed, larger than any buffer kept", () => {
  const maxHeadBytes = GREATEST_HEAD_BYTES;
  const { stand, client } = standWith({ maxHeadBytes });
  client.deliver(toBytes(get("/", LONG_FIELD)));
  stand.run();
  assert.match(client.output, /^HTTP\/1\.1 200 /);
  stand.checkEnds();
});

Deno.test("a response's head may be as large as is allowed, larger than any buffer kept", () => {
  const maxHeadBytes = GREATEST_HEAD_BYTES;
  const response = ok("ok", LONG_FIELD);
  const { stand, client } = standWith({ maxHeadBytes, response });
  client.deliver(toBytes(get("/")));
  stand.run();
  assert.match(client.output, /^HTTP\/1\.1 200 /);
  assert.ok(client.output.includes(LONG_FIELD));
  stand.checkEnds();
});

Deno.test("a large head comes whole whose beginning came with the end of a body", () => {
  for (let begunBytes = 1; begunBytes < 6000; begunBytes += 97) {
    const { stand, client } = standWith({});
    const next = get("/", `X-Long: ${"l".repeat(9000)}`);
    client.deliver(
      toBytes(post("/", "b".repeat(2000)) + next.slice(0, begunBytes)),
    );
    stand.run();
    client.deliver(toBytes(next.slice(begunBytes)));
    stand.run();
    assert.equal(client.output.match(/HTTP\/1\.1 200 /g)?.length, 2);
    stand.checkEnds();
  }
});
