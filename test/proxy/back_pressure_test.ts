/** A slow reader slows its sender down, and nothing piles up in between. */

import assert from "node:assert/strict";
import {
  BODY_BYTES,
  LATE_READER,
  LONG_ANSWER,
  MOST_IN_BETWEEN_BYTES,
  settled,
} from "../support/back_pressure.ts";
import { get, postHead } from "../support/message_text.ts";
import { startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";

Deno.test("a client that does not read stops the worker, and gets all when it reads on", async () => {
  await using origin = await RecordingOrigin.start([LONG_ANSWER]);
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

Deno.test("a worker whose client does not read is as free as before, where all of the response was announced", async () => {
  await using origin = await RecordingOrigin.start([LONG_ANSWER]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: { workerConcurrency: "auto" },
  });
  const [upstream] = proxy.upstreams;
  await using client = await RawClient.connect(proxy);
  await client.send(get("/"));
  await client.readThrough("\r\n\r\n");
  await proxy.waitUntil(() => upstream!.working === 0);
  assert.deepEqual([upstream!.inFlight, upstream!.load], [1, 0]);
  let received = 0;
  while (received < BODY_BYTES) {
    received += (await client.readSome())?.length ?? assert.fail("cut");
  }
  await proxy.waitUntil(() => upstream!.inFlight === 0);
  assert.deepEqual([upstream!.working, upstream!.load], [0, 0]);
});

Deno.test("a worker that does not read stops the client, and gets all when it reads on", async () => {
  await using origin = await RecordingOrigin.start([LATE_READER]);
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
