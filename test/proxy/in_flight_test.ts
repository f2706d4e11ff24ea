/** The requests that wait for an answer, and what becomes of them when their worker hangs. */

import assert from "node:assert/strict";
import type { Diagnosis, WorkerFindings } from "../../src/events/mod.ts";
import { get, head, ok, post } from "../support/message_text.ts";
import { answering, type OriginScript } from "../support/origin_script.ts";
import { type ProxyServer, startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";

/** Never answers, and closes when the test says so. */
const HANGS: OriginScript = [
  { do: "read-request" },
  { do: "gate", name: "end" },
  { do: "close" },
];

function findings(diagnosis: Diagnosis): WorkerFindings {
  return {
    reason: "no response within 2000 ms",
    failures: 3,
    diagnosis,
    cpuRatio: null,
    oldestRequest: null,
  };
}

/** Sends a request, and waits until the origin has it. */
async function sendTo(
  origin: RecordingOrigin,
  client: RawClient,
  request: string,
): Promise<void> {
  const before = origin.requests.length;
  await client.send(request);
  await origin.waitFor(({ requests }) => requests.length > before);
}

/** Has these take the requests to come, and no others. */
function publish(proxy: ProxyServer, ...origins: RecordingOrigin[]): void {
  const ports = origins.map(({ port }) => port);
  proxy.dispatcher.publish(
    proxy.upstreams.filter(({ port }) => ports.includes(port)),
  );
}

/** What the pool does with a worker that hangs: others take what is to come, and then what it has. */
function replace(
  proxy: ProxyServer,
  hung: RecordingOrigin,
  how: { readonly by: RecordingOrigin; readonly diagnosis: Diagnosis },
): void {
  publish(proxy, how.by);
  proxy.inFlight.recall(hung.port, findings(how.diagnosis));
}

Deno.test("the oldest request of a worker is named without its query, until it is answered", async () => {
  await using slow = await RecordingOrigin.start([
    [
      { do: "read-request" },
      { do: "gate", name: "answer" },
      { do: "send", data: ok("done") },
      { do: "read-end" },
    ],
    [{ do: "read-request" }, { do: "read-end" }],
  ]);
  await using proxy = startProxy({ origins: [slow.port] });
  assert.equal(proxy.inFlight.oldest(slow.port), null);
  await using first = await RawClient.connect(proxy);
  await using second = await RawClient.connect(proxy);
  await sendTo(slow, first, get("/report?token=secret"));
  await sendTo(slow, second, post("/later", "x"));
  const { requestId, ageMs, ...named } = proxy.inFlight.oldest(slow.port)!;
  assert.deepEqual(named, { method: "GET", path: "/report" });
  assert.ok(ageMs > 0);
  assert.equal(slow.requests[0]?.headers.get("x-request-id"), requestId);
  assert.equal(proxy.inFlight.oldest(slow.port + 1), null);
  slow.open("answer");
  await first.readResponse();
  assert.equal(proxy.inFlight.oldest(slow.port)?.path, "/later");
});

Deno.test("an answer that has begun is not waited for, however long it goes on", async () => {
  await using stream = await RecordingOrigin.start([[
    { do: "read-request" },
    { do: "send", data: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc" },
    { do: "read-end" },
  ]]);
  await using proxy = startProxy({ origins: [stream.port] });
  await using client = await RawClient.connect(proxy);
  await client.send(get("/events"));
  await client.readThrough("abc");
  assert.equal(proxy.inFlight.oldest(stream.port), null);
});

Deno.test("each slow request is told once", async () => {
  await using slow = await RecordingOrigin.start([HANGS, HANGS]);
  await using proxy = startProxy({ origins: [slow.port] });
  await using first = await RawClient.connect(proxy);
  await using second = await RawClient.connect(proxy);
  await sendTo(slow, first, get("/first"));
  const paths = (): string[] =>
    proxy.inFlight.newlySlow(slow.port, 0).map(({ path }) => path);
  assert.deepEqual(proxy.inFlight.newlySlow(slow.port, 3_600_000), []);
  assert.deepEqual(paths(), ["/first"]);
  await sendTo(slow, second, get("/second"));
  assert.deepEqual(paths(), ["/second"]);
  assert.deepEqual(paths(), []);
});

for (const diagnosis of ["stopped", "stuck", "unknown"] as const) {
  Deno.test(`what waits for a worker that is ${diagnosis} is answered by another, but for a POST`, async () => {
    await using hung = await RecordingOrigin.start([HANGS, HANGS, HANGS]);
    await using good = await RecordingOrigin.start([
      answering(ok("good")),
      answering(ok("good")),
    ]);
    await using proxy = startProxy({ origins: [hung.port, good.port] });
    publish(proxy, hung);
    await using first = await RawClient.connect(proxy);
    await using poster = await RawClient.connect(proxy);
    await using second = await RawClient.connect(proxy);
    await sendTo(hung, first, get("/first"));
    await sendTo(hung, poster, post("/order", "1 piece"));
    await sendTo(hung, second, get("/second"));
    replace(proxy, hung, { by: good, diagnosis });
    assert.equal((await first.readResponse()).text, "good");
    assert.equal((await second.readResponse()).text, "good");
    assert.equal(proxy.inFlight.oldest(hung.port)?.path, "/order");
    hung.open("end");
    assert.equal((await poster.readResponse()).status, 502);
    assert.equal(good.requests.length, 2);
  });
}

Deno.test("the oldest request of a worker that computes stays with it, and hangs no other", async () => {
  await using hung = await RecordingOrigin.start([HANGS, HANGS]);
  await using good = await RecordingOrigin.start([answering(ok("good"))]);
  await using proxy = startProxy({ origins: [hung.port, good.port] });
  publish(proxy, hung);
  await using first = await RawClient.connect(proxy);
  await using second = await RawClient.connect(proxy);
  await sendTo(hung, first, get("/report"));
  await sendTo(hung, second, get("/second"));
  replace(proxy, hung, { by: good, diagnosis: "blocked" });
  assert.equal((await second.readResponse()).text, "good");
  assert.equal(proxy.inFlight.oldest(hung.port)?.path, "/report");
  hung.open("end");
  assert.equal((await first.readResponse()).status, 502);
  assert.equal(good.requests.length, 1);
});

Deno.test("a request that has been with two workers that got stuck is not given to a third", async () => {
  await using hung = await RecordingOrigin.start([HANGS]);
  await using next = await RecordingOrigin.start([HANGS]);
  await using third = await RecordingOrigin.start([answering(ok("third"))]);
  const origins = [hung.port, next.port, third.port];
  await using proxy = startProxy({ origins });
  publish(proxy, hung);
  await using client = await RawClient.connect(proxy);
  await sendTo(hung, client, get("/"));
  replace(proxy, hung, { by: next, diagnosis: "stuck" });
  await next.waitFor(({ requests }) => requests.length === 1);
  replace(proxy, next, { by: third, diagnosis: "stuck" });
  next.open("end");
  assert.equal((await client.readResponse()).status, 502);
  assert.equal(third.requests.length, 0);
});

for (const diagnosis of ["blocked", "stopped", "stuck"] as const) {
  Deno.test(`a request takes no third worker that gets ${diagnosis}, though others were with each before it`, async () => {
    await using hung = await RecordingOrigin.start([HANGS, HANGS]);
    await using next = await RecordingOrigin.start([HANGS, HANGS, HANGS]);
    await using third = await RecordingOrigin.start([
      answering(ok("third")),
      answering(ok("third")),
    ]);
    const origins = [hung.port, next.port, third.port];
    await using proxy = startProxy({ origins });
    await using older = await RawClient.connect(proxy);
    await using other = await RawClient.connect(proxy);
    await using culprit = await RawClient.connect(proxy);
    publish(proxy, next);
    await sendTo(next, other, get("/other"));
    publish(proxy, hung);
    await sendTo(hung, older, get("/older"));
    await sendTo(hung, culprit, get("/culprit"));
    const targets = (origin: RecordingOrigin): string[] =>
      origin.requests.map(({ target }) => target);
    replace(proxy, hung, { by: next, diagnosis });
    await next.waitFor(() => targets(next).includes("/culprit"));
    replace(proxy, next, { by: third, diagnosis });
    for (const origin of [hung, next]) origin.open("end");
    assert.equal((await culprit.readResponse()).status, 502);
    assert.equal(targets(third).includes("/culprit"), false);
  });
}

Deno.test("a request like one that two workers got stuck with stays with the first, until it is answered", async () => {
  await using hung = await Promise.all(
    [1, 2, 3].map(() => RecordingOrigin.start([HANGS])),
  ).then((all) =>
    Object.assign(all, {
      async [Symbol.asyncDispose](): Promise<void> {
        for (const each of all) await each[Symbol.asyncDispose]();
      },
    })
  );
  await using good = await RecordingOrigin.start([answering(ok("good"))]);
  const origins = [...hung.map(({ port }) => port), good.port];
  await using proxy = startProxy({ origins });
  const [first, second, third] = hung;
  await using client = await RawClient.connect(proxy);
  publish(proxy, first!);
  await sendTo(first!, client, get("/lock?n=1"));
  replace(proxy, first!, { by: second!, diagnosis: "stuck" });
  await second!.waitFor(({ requests }) => requests.length === 1);
  replace(proxy, second!, { by: third!, diagnosis: "stuck" });
  second!.open("end");
  assert.equal((await client.readResponse()).status, 502);
  await sendTo(third!, client, get("/lock?n=2"));
  replace(proxy, third!, { by: good, diagnosis: "stuck" });
  third!.open("end");
  assert.equal((await client.readResponse()).status, 502);
  assert.equal(good.requests.length, 0);
});

Deno.test("a request whose answer has begun to come is left where it is", async () => {
  await using hung = await RecordingOrigin.start([[
    { do: "read-request" },
    { do: "send", data: head("HTTP/1.1 103 Early Hints") },
    { do: "gate", name: "rest" },
    { do: "send", data: ok("late") },
    { do: "read-end" },
  ]]);
  await using good = await RecordingOrigin.start([answering(ok("good"))]);
  await using proxy = startProxy({ origins: [hung.port, good.port] });
  publish(proxy, hung);
  await using client = await RawClient.connect(proxy);
  assert.equal((await client.ask(get("/"))).status, 103);
  replace(proxy, hung, { by: good, diagnosis: "stuck" });
  hung.open("rest");
  assert.equal((await client.readResponse()).text, "late");
});

for (const diagnosis of ["well", "slow-request", "failing"] as const) {
  Deno.test(`nothing is taken from a worker that answers (${diagnosis})`, async () => {
    await using busy = await RecordingOrigin.start([[
      { do: "read-request" },
      { do: "gate", name: "answer" },
      { do: "send", data: ok("late") },
      { do: "read-end" },
    ]]);
    await using good = await RecordingOrigin.start([answering(ok("good"))]);
    await using proxy = startProxy({ origins: [busy.port, good.port] });
    publish(proxy, busy);
    await using client = await RawClient.connect(proxy);
    await sendTo(busy, client, get("/"));
    replace(proxy, busy, { by: good, diagnosis });
    busy.open("answer");
    assert.equal((await client.readResponse()).text, "late");
  });
}
