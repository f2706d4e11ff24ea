/**
 * Responses that end with the connection of their worker: nothing but how that
 * has ended shows whether they are whole.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fixture } from "../support/fixture.ts";
import { CutMessageError } from "../support/http_message.ts";
import { get } from "../support/message_text.ts";
import { startPool, UNJUDGED } from "../support/pool_process.ts";
import { ignoreWithout } from "../support/programs.ts";
import { RawClient } from "../support/raw_client.ts";

/** Whether a process is ending is seen in /proc. */
const ignore = Deno.build.os !== "linux" || ignoreWithout("node");

Deno.test({
  name:
    "a response that ends with its worker is cut, and one that ends with its connection alone is whole (needs node and /proc)",
  ignore,
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { ...UNJUDGED, POOL_SIZE: "2", MAX_RETRIES: "0" },
      command: ["node", fixture("endless_worker.mjs")],
      // Where the runtime itself reads /proc.
      permissions: ["-A"],
    });
    const ask = async (path: string): Promise<string> => {
      await using client = await RawClient.connect({ port: pool.port });
      return (await client.ask(get(path))).text;
    };
    assert.match(await ask("/whole"), /partwhole$/);
    for (const path of ["/kill", "/exit", "/abort"]) {
      await assert.rejects(ask(path), CutMessageError, path);
    }
    assert.match(await ask("/whole"), /partwhole$/);
  },
});
