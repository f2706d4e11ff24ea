/** A body that stalls is noticed although the other direction makes progress. */

import assert from "node:assert/strict";
import { settled } from "../support/back_pressure.ts";
import { head, postHead } from "../support/message_text.ts";
import type { OriginScript } from "../support/origin_script.ts";
import { type ProxyServer, startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";
import { StoppedClock } from "../support/stopped_clock.ts";

/** Short for a test, and long beside the sweep that enforces it (100 ms). */
const SHORT_MS = 300;

/** Between two octets of a sender that makes progress. */
const PAUSE_MS = 30;

/** More than all the buffers between two ends hold. */
const MORE_THAN_BUFFERED = 64 * 1024 * 1024;

/** Octets of a body sent one by one that takes several times {@linkcode SHORT_MS}. */
const STEADY_BYTES = 50;

/** A request whose body is on its way, at a worker that follows `script`. */
async function beginUpload(
  script: OriginScript,
  length: number,
): Promise<
  & { proxy: ProxyServer; client: RawClient; origin: RecordingOrigin }
  & AsyncDisposable
> {
  // deno-lint-ignore no-undef -- newer than the linter's list of globals.
  const opened = new AsyncDisposableStack();
  const origin = opened.use(
    await RecordingOrigin.start([[{ do: "read-head" }, ...script]]),
  );
  const proxy = opened.use(startProxy({
    origins: [origin.port],
    options: { bodyTimeoutMs: SHORT_MS },
  }));
  const client = opened.use(await RawClient.connect(proxy));
  await client.send(postHead("/", `Content-Length: ${length}`));
  return {
    proxy,
    client,
    origin,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** The head of an answer with a body of `length` octets, and then that body octet by octet. */
function answerSteadily(length: number): OriginScript {
  const data = "x".repeat(length);
  return [
    { do: "send", data: head("HTTP/1.1 200 OK", `Content-Length: ${length}`) },
    { do: "send", data, pieceBytes: 1, pauseMs: PAUSE_MS },
  ];
}

/** Sends the body octet by octet until the exchange has failed; how it did. */
async function uploadUntilFailure(
  client: RawClient,
  proxy: ProxyServer,
  clock: StoppedClock,
): ReturnType<typeof proxy.waitForEvent<"exchange-failed">> {
  let failed = false;
  const failure = proxy.waitForEvent("exchange-failed")
    .finally(() => failed = true);
  while (!failed) {
    await client.send("x");
    await clock.pass(SHORT_MS / 5);
  }
  return await failure;
}

Deno.test("a request body that stalls does not hide behind an answer that flows", async () => {
  using clock = new StoppedClock();
  const upload = await beginUpload(answerSteadily(STEADY_BYTES), 10);
  await using _ = upload;
  await upload.client.readThrough("\r\n\r\n");
  let failed = false;
  const failure = upload.proxy.waitForEvent("exchange-failed")
    .finally(() => failed = true);
  while (!failed) await clock.pass(SHORT_MS / 5);
  const { status, source, message } = await failure;
  assert.deepEqual([status, source], [0, "downstream"]);
  assert.match(message, /body did not arrive/);
  const { bytes } = await upload.client.readUntilEnd();
  assert.ok(bytes.length < STEADY_BYTES + 1000);
  await upload.origin.waitFor(({ connections }) =>
    connections[0]?.end !== null
  );
});

Deno.test("an answer that stalls does not hide behind a request body that flows", async () => {
  using clock = new StoppedClock();
  const answer = head("HTTP/1.1 200 OK", "Content-Length: 10");
  await using upload = await beginUpload(
    [{ do: "send", data: answer }],
    10_000,
  );
  const { client, proxy } = upload;
  await client.readThrough("\r\n\r\n");
  const { source, message } = await uploadUntilFailure(client, proxy, clock);
  assert.equal(source, "upstream");
  assert.match(message, /stopped in the middle/);
});

Deno.test("a client that stops reading does not hide behind the body it sends", async () => {
  using clock = new StoppedClock();
  const length = MORE_THAN_BUFFERED;
  await using upload = await beginUpload([
    { do: "send", data: head("HTTP/1.1 200 OK", `Content-Length: ${length}`) },
    { do: "send-fill", count: length },
  ], 10_000);
  const { client, proxy } = upload;
  const { source, message } = await uploadUntilFailure(client, proxy, clock);
  assert.equal(source, "downstream");
  assert.match(message, /stopped reading/);
});

Deno.test("a worker that takes no more of the body may go on answering", async () => {
  using clock = new StoppedClock();
  await using upload = await beginUpload(
    [
      { do: "send", data: head("HTTP/1.1 200 OK", "Content-Length: 10") },
      ...[..."0123456789"].flatMap((data) =>
        [{ do: "gate", name: data }, { do: "send", data }] as const
      ),
      { do: "close" },
    ],
    MORE_THAN_BUFFERED,
  );
  const { client, origin } = upload;
  const sending = client.send(new Uint8Array(MORE_THAN_BUFFERED));
  await client.readThrough("\r\n\r\n");
  for (const octet of "0123456789") {
    await clock.pass(SHORT_MS / 3);
    origin.open(octet);
    await client.readThrough(octet);
  }
  await sending;
});

Deno.test("a worker that takes no more of the body and does not answer is a 504", async () => {
  using clock = new StoppedClock();
  await using upload = await beginUpload(
    [{ do: "gate", name: "never" }],
    MORE_THAN_BUFFERED,
  );
  const { client, origin } = upload;
  const block = new Uint8Array(1024 * 1024);
  let sent = 0;
  const sending = (async (): Promise<void> => {
    for (; sent < MORE_THAN_BUFFERED; sent += block.length) {
      await client.send(block);
    }
  })();
  await settled(() => sent);
  await clock.stall(SHORT_MS);
  assert.equal((await client.readResponse()).status, 504);
  origin.open("never");
  await sending;
});
