/** A slow reader slows its sender down, and nothing piles up in between. */

import assert from "node:assert/strict";
import { delay } from "../support/deadline.ts";
import { get, head, ok, postHead } from "../support/message_text.ts";
import { answering } from "../support/origin_script.ts";
import { startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";

/** Far more than the kernel takes for two connections (up to 4 + 6 MiB each) and we do for one. */
const BODY_BYTES = 64 * 1024 * 1024;
const MOST_IN_BETWEEN_BYTES = 32 * 1024 * 1024;

/** A sender that gets nothing off for so long has been stopped. */
const STILL_MS = 200;

/** Waits until `count` changes no more, and returns it. */
async function settled(count: () => number): Promise<number> {
  for (let before = -1;;) {
    const now = count();
    if (now === before) return now;
    before = now;
    await delay(STILL_MS);
  }
}

Deno.test("a client that does not read stops the worker, and gets all when it reads on", async () => {
  await using origin = await RecordingOrigin.start([[
    { do: "read-request" },
    {
      do: "send",
      data: head("HTTP/1.1 200 OK", `Content-Length: ${BODY_BYTES}`),
    },
    { do: "send-fill", count: BODY_BYTES },
  ]]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await client.send(get("/"));
  await client.readThrough("\r\n\r\n");
  const sent = await settled(() => origin.connections[0]?.sentBytes ?? 0);
  assert.ok(sent < MOST_IN_BETWEEN_BYTES, `${sent} bytes were taken`);
  let received = 0;
  while (received < BODY_BYTES) {
    received += (await client.readSome())?.length ?? assert.fail("cut");
  }
  assert.equal(received, BODY_BYTES);
});

Deno.test("a worker that does not read stops the client, and gets all when it reads on", async () => {
  await using origin = await RecordingOrigin.start([[
    { do: "read-head" },
    { do: "gate", name: "read" },
    { do: "read-bytes", count: BODY_BYTES },
    ...answering(ok("ok")).slice(1),
  ]]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await client.send(postHead("/", `Content-Length: ${BODY_BYTES}`));
  const block = new Uint8Array(1024 * 1024);
  let sent = 0;
  const upload = (async (): Promise<void> => {
    for (; sent < BODY_BYTES; sent += block.length) await client.send(block);
  })();
  const taken = await settled(() => sent);
  assert.ok(taken < MOST_IN_BETWEEN_BYTES, `${taken} bytes were taken`);
  origin.open("read");
  await upload;
  assert.equal((await client.readResponse()).text, "ok");
});
