/** Interim answers and `Expect: 100-continue` (RFC 9110 §10.1.1 and §15.2). */

import assert from "node:assert/strict";
import { get, head, ok, postHead } from "../support/message_text.ts";
import { answering } from "../support/origin_script.ts";
import { startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";
import { StoppedClock } from "../support/stopped_clock.ts";

const EXPECTING = postHead("/", "Content-Length: 4", "Expect: 100-continue");
const CONTINUE = head("HTTP/1.1 100 Continue");
const HINTS = head("HTTP/1.1 103 Early Hints", "Link: </a.css>; rel=preload");

Deno.test("the worker's 100 reaches the client, whose body then reaches the worker", async () => {
  await using origin = await RecordingOrigin.start([[
    { do: "read-head" },
    { do: "send", data: CONTINUE },
    { do: "read-bytes", count: 4 },
    { do: "send", data: ok("ok") },
    ...answering(ok("next")),
  ]]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  assert.equal((await client.ask(EXPECTING)).status, 100);
  assert.equal((await client.ask("body")).text, "ok");
  assert.match(origin.connections[0]!.text, /expect: 100-continue/i);
  assert.match(origin.connections[0]!.text, /\r\n\r\nbody$/);
});

for (const status of ["417 Expectation Failed", "413 Content Too Large"]) {
  Deno.test(`a worker that answers ${status} gets no body, and its connection no further request`, async () => {
    await using origin = await RecordingOrigin.start([
      [
        { do: "read-head" },
        {
          do: "send",
          data: head(`HTTP/1.1 ${status}`, "Content-Length: 0"),
        },
      ],
      answering(ok("next")),
    ]);
    await using proxy = startProxy({ origins: [origin.port] });
    await using client = await RawClient.connect(proxy);
    const response = await client.ask(EXPECTING);
    assert.equal(response.startLine, `HTTP/1.1 ${status}`);
    assert.equal(response.headers.get("connection"), "close");
    await client.send("body");
    await origin.waitFor(({ connections }) => connections[0]?.end !== null);
    assert.match(origin.connections[0]!.text, /100-continue[^]*\r\n\r\n$/);
    await using another = await RawClient.connect(proxy);
    assert.equal((await another.ask(get("/"))).text, "next");
    assert.equal(origin.connections.length, 2);
  });
}

Deno.test("a client that tires of waiting for 100 sends its body, and it arrives", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await client.send(EXPECTING);
  await origin.waitFor(({ connections }) =>
    connections[0]?.text.endsWith("\r\n\r\n") ?? false
  );
  assert.equal((await client.ask("body")).text, "ok");
  assert.equal(origin.requests[0]?.text, "body");
  assert.equal((await client.ask(get("/next"))).text, "ok");
});

Deno.test("early hints reach the client before the answer does", async () => {
  await using origin = await RecordingOrigin.start([[
    { do: "read-request" },
    { do: "send", data: HINTS },
    { do: "gate", name: "answer" },
    { do: "send", data: HINTS + ok("ok") },
  ]]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  const hints = await client.ask(get("/"));
  assert.equal(hints.status, 103);
  assert.equal(hints.headers.get("link"), "</a.css>; rel=preload");
  origin.open("answer");
  assert.equal((await client.readResponse()).status, 103);
  assert.equal((await client.readResponse()).text, "ok");
});

Deno.test("a client of HTTP/1.0 gets no interim answers", async () => {
  await using origin = await RecordingOrigin.start([
    answering(HINTS + ok("ok")),
  ]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  const response = await client.ask(head("GET / HTTP/1.0", "Host: a"));
  assert.deepEqual([response.status, response.text], [200, "ok"]);
});

Deno.test("interim responses without end are cut off, and those that take their time are not", async () => {
  using clock = new StoppedClock();
  const more = [1, 2, 3].flatMap((n) => [
    { do: "gate", name: `${n}` } as const,
    { do: "send", data: HINTS.repeat(10) } as const,
  ]);
  await using origin = await RecordingOrigin.start([
    [
      { do: "read-request" },
      { do: "send", data: HINTS.repeat(100) },
      ...more,
      { do: "send", data: HINTS.repeat(11) },
      { do: "read-end" },
    ],
    answering(ok("next")),
  ]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await client.send(get("/"));
  for (const [gate, count] of [["1", 100], ["2", 10], ["3", 10]] as const) {
    for (let i = 0; i < count; i++) {
      assert.equal((await client.readResponse()).status, 103);
    }
    await clock.pass(1000);
    origin.open(gate);
  }
  const statuses = new Set<number>();
  for (let status = 0; status !== 502; statuses.add(status)) {
    ({ status } = await client.readResponse());
  }
  assert.deepEqual([...statuses], [103, 502]);
  assert.equal((await client.ask(get("/next"))).text, "next");
  await origin.waitFor(({ connections }) => connections[0]?.end !== null);
});
