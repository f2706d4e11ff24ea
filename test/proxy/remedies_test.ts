/** A request that fails is reported with what it was, why it failed, and the setting that would change it. */

import assert from "node:assert/strict";
import type { ExchangeFailedEvent } from "../../src/events/mod.ts";
import { freePort } from "../support/free_port.ts";
import { get, head, ok, post, postHead } from "../support/message_text.ts";
import type { OriginScript } from "../support/origin_script.ts";
import { startProxy, type StartProxyOptions } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";

const SHORT_MS = 200;

/** What a worker does, what is asked of it, and what is reported then. */
const CASES: Readonly<
  Record<string, {
    readonly script?: OriginScript;
    readonly options?: StartProxyOptions["options"];
    readonly send?: string;
    readonly event: Partial<ExchangeFailedEvent>;
    readonly note?: RegExp;
  }>
> = {
  "a head that is too large": {
    script: [
      { do: "read-request" },
      { do: "send", data: ok("x", `Cookie: ${"x".repeat(20_000)}`) },
      { do: "read-end" },
    ],
    event: {
      code: "upstream-malformed",
      status: 502,
      setting: "MAX_HEAD_BYTES",
      message: "The worker's response is malformed: head too large",
    },
    note: /^more than 16384 bytes$/,
  },
  "a head that does not come": {
    script: [{ do: "read-request" }, { do: "read-end" }],
    options: { requestTimeoutMs: SHORT_MS },
    event: {
      code: "response-timeout",
      status: 504,
      setting: "REQUEST_TIMEOUT_MS",
    },
    note: /^no response head within 200 ms$/,
  },
  "a response that stalls": {
    script: [
      { do: "read-request" },
      { do: "send", data: head("HTTP/1.1 200 OK", "Content-Length: 9") },
      { do: "read-end" },
    ],
    options: { bodyTimeoutMs: SHORT_MS },
    event: {
      code: "response-stalled",
      status: 0,
      setting: "BODY_TIMEOUT_MS",
    },
  },
  "a response that is none": {
    script: [
      { do: "read-request" },
      { do: "send", data: "SSH-2.0\r\n\r\n" },
      { do: "read-end" },
    ],
    event: {
      code: "upstream-malformed",
      status: 502,
      setting: null,
      message: "The worker's response is malformed: Invalid status line",
    },
  },
  "a connection that is closed for a GET": {
    script: [{ do: "read-request" }, { do: "close" }],
    event: {
      code: "upstream-closed",
      status: 502,
      setting: "MAX_RETRIES",
      attempts: 3,
    },
  },
  "a connection that is closed for a POST": {
    script: [{ do: "read-request" }, { do: "close" }],
    send: post("/a?b", "x"),
    event: {
      code: "upstream-closed",
      status: 502,
      setting: null,
      method: "POST",
      attempts: 1,
    },
    note: /not sent again/,
  },
  "an upload that stalls": {
    script: [{ do: "read-head" }, { do: "read-end" }],
    options: { bodyTimeoutMs: SHORT_MS },
    send: postHead("/a?b", "Content-Length: 9"),
    event: {
      code: "body-stalled",
      status: 408,
      setting: "BODY_TIMEOUT_MS",
      method: "POST",
    },
  },
  "no worker in time": {
    options: { queueTimeoutMs: SHORT_MS },
    event: {
      code: "queue-timeout",
      status: 503,
      setting: "QUEUE_TIMEOUT_MS",
      workerId: null,
      attempts: 0,
    },
  },
  "a queue that is full": {
    options: { maxQueue: 0 },
    event: { code: "queue-full", status: 503, setting: "MAX_QUEUE" },
  },
};

for (
  const [what, { script, options, send, event, note }] of Object.entries(CASES)
) {
  Deno.test(`${what} is reported with its cause, and with ${event.setting ?? "no setting where there is none"}`, async () => {
    await using origin = await RecordingOrigin.start([script ?? []]);
    await using proxy = startProxy({
      origins: script === undefined ? [] : [origin.port],
      options: options ?? {},
    });
    await using client = await RawClient.connect(proxy);
    await client.send(send ?? get("/a?b"));
    const failed = await proxy.waitForEvent("exchange-failed");
    const expected = { method: "GET", target: "/a?b", ...event };
    const names = Object.keys(expected) as (keyof ExchangeFailedEvent)[];
    assert.deepEqual(
      Object.fromEntries(names.map((name) => [name, failed[name]])),
      expected,
    );
    if (note !== undefined) assert.match(failed.note ?? "", note);
  });
}

Deno.test("a worker that refuses is named with its refusal when no other is left", async () => {
  await using proxy = startProxy({
    origins: [freePort()],
    options: { queueTimeoutMs: SHORT_MS },
  });
  await using client = await RawClient.connect(proxy);
  assert.equal((await client.ask(get("/"))).status, 503);
  const { code, workerId } = await proxy.waitForEvent("exchange-failed");
  assert.deepEqual([code, workerId], ["queue-timeout", 0]);
});
