/**
 * Several requests on one connection, sent without waiting for the answers
 * (RFC 9112 §9.3.2).
 */

import assert from "node:assert/strict";
import {
  chunked,
  get,
  letters,
  ok,
  post,
  postHead,
} from "../support/message_text.ts";
import { answering } from "../support/origin_script.ts";
import { startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";

Deno.test("requests in one packet are answered in order, also when the first is slow", async () => {
  await using slow = await RecordingOrigin.start([[
    { do: "read-request" },
    { do: "gate", name: "slow" },
    { do: "send", data: ok("slow") },
  ]]);
  await using quick = await RecordingOrigin.start([answering(ok("quick"))]);
  await using proxy = startProxy({ origins: [slow.port, quick.port] });
  await using client = await RawClient.connect(proxy);
  await client.send(get("/1") + get("/2") + get("/3", "Connection: close"));
  await slow.waitFor(({ requests }) => requests.length === 1);
  proxy.dispatcher.publish([proxy.upstreams[1]!]);
  slow.open("slow");
  assert.equal((await client.readResponse()).text, "slow");
  assert.equal((await client.readResponse()).text, "quick");
  assert.equal((await client.readResponse()).text, "quick");
  assert.equal((await client.readUntilEnd()).peer, "closed");
});

Deno.test("fifty requests in one packet are answered in order over one connection to the worker", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  const targets = Array.from({ length: 50 }, (_, index) => `/${index}`);
  await client.send(targets.map((target) => get(target)).join(""));
  for (const _ of targets) {
    assert.equal((await client.readResponse()).text, "ok");
  }
  assert.deepEqual(origin.requests.map(({ target }) => target), targets);
  assert.equal(origin.connections.length, 1);
  assert.equal(proxy.counters.requests, 50);
});

Deno.test("a POST and the GET behind it, cut anywhere, are two requests", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({ origins: [origin.port] });
  const bodies = [
    post("/post", "0123456789"),
    postHead("/post", "Transfer-Encoding: chunked") + chunked("0123456789", 4),
  ];
  for (const body of bodies) {
    const bytes = body + get("/get");
    for (let cut = body.length - 14; cut < body.length + 6; cut++) {
      await using client = await RawClient.connect(proxy);
      await client.send(bytes.slice(0, cut));
      await client.send(bytes.slice(cut));
      assert.equal((await client.readResponse()).status, 200);
      assert.equal((await client.readResponse()).status, 200);
      const [posted, got] = origin.requests.slice(-2);
      assert.equal(posted?.text, "0123456789", `cut at ${cut}`);
      assert.equal(got?.target, "/get");
    }
  }
});

for (const when of ["with", "behind"]) {
  Deno.test(`a body sent in part ${when} the request before it, whose rest comes while its own is queued, is passed on whole`, async () => {
    await using origin = await RecordingOrigin.start([[
      { do: "read-request" },
      { do: "gate", name: "first" },
      { do: "send", data: ok("first") },
      { do: "read-request" },
      { do: "gate", name: "other" },
      { do: "send", data: ok("other") },
      ...answering(ok("posted")),
    ]]);
    await using proxy = startProxy({
      origins: [origin.port],
      options: { workerConcurrency: 1 },
    });
    const queued = (): Promise<void> =>
      proxy.waitUntil(({ dispatcher }) => dispatcher.queue.depth === 1);
    await using client = await RawClient.connect(proxy);
    await using other = await RawClient.connect(proxy);
    const part = post("/posted", "0123456789").slice(0, -5);
    await client.send(get("/first") + (when === "with" ? part : ""));
    await origin.waitFor(({ requests }) => requests.length === 1);
    await other.send(get("/other"));
    await queued();
    if (when === "behind") await client.send(part);
    origin.open("first");
    assert.equal((await client.readResponse()).text, "first");
    await queued();
    await client.send("56789");
    origin.open("other");
    assert.equal((await other.readResponse()).text, "other");
    assert.equal((await client.readResponse()).text, "posted");
    assert.equal(origin.requests[2]?.text, "0123456789");
  });
}

Deno.test("a long body behind a slow request arrives as it was sent, wherever the client's buffer ends", async () => {
  const body = letters(20_000);
  const requests = [
    post("/length", body),
    postHead("/chunked", "Transfer-Encoding: chunked") + chunked(body, 9000),
  ];
  for (const firstPart of [3800, 3900, 3950, 3980, 4100]) {
    for (const request of requests) {
      await using origin = await RecordingOrigin.start([
        [
          { do: "read-request" },
          { do: "gate", name: "slow" },
          { do: "send", data: ok("slow") },
        ],
        answering(ok("posted")),
      ]);
      await using proxy = startProxy({ origins: [origin.port] });
      await using client = await RawClient.connect(proxy);
      await client.send(get("/slow") + request.slice(0, firstPart));
      await origin.waitFor(({ requests }) => requests.length === 1);
      origin.open("slow");
      await client.send(request.slice(firstPart));
      assert.equal((await client.readResponse()).text, "slow");
      assert.equal((await client.readResponse()).text, "posted");
      assert.equal(origin.requests.at(-1)?.text, body);
    }
  }
});

Deno.test("an empty line between requests is passed over", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await client.send(post("/1", "body") + "\r\n" + get("/2"));
  assert.equal((await client.readResponse()).status, 200);
  assert.equal((await client.readResponse()).status, 200);
});

Deno.test("the answer that ends the connection can be read, whatever was sent behind its request", async () => {
  // More than the client's kernel takes before it is read.
  const last = "last".repeat(2_000_000);
  await using origin = await RecordingOrigin.start([answering(ok(last))]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  const behind = get("/behind").repeat(10_000);
  await client.send(get("/last", "Connection: close") + behind);
  assert.ok((await client.readResponse()).text === last);
  assert.equal((await client.readUntilEnd()).peer, "closed");
  assert.equal(origin.requests.length, 1);
});
