/** What becomes of requests whose worker's process ends: a request that ends workers does not take one after the other. */

import assert from "node:assert/strict";
import type { EndCause, Upstream } from "../../src/upstream/upstream.ts";
import type { LossSuspects } from "../../src/plane/contract.ts";
import { freePort } from "../support/free_port.ts";
import { get, ok, post, postHead } from "../support/message_text.ts";
import { answering, type OriginScript } from "../support/origin_script.ts";
import { type ProxyServer, startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";
import { StoppedClock } from "../support/stopped_clock.ts";

/** Takes a request, and closes when the test says so. */
const DIES: OriginScript = [
  { do: "read-request" },
  { do: "gate", name: "die" },
  { do: "close" },
];

/** Origins of which the first `dying` close when they are told to, and the others answer. */
class Origins implements AsyncDisposable {
  readonly all: RecordingOrigin[];

  private constructor(all: RecordingOrigin[]) {
    this.all = all;
  }

  static async start(count: number, dying: number = count): Promise<Origins> {
    const scripts = Array.from(
      { length: count },
      (_, index) => index < dying ? DIES : answering(ok(`origin ${index}`)),
    );
    return new Origins(
      await Promise.all(scripts.map((each) => RecordingOrigin.start([each]))),
    );
  }

  get ports(): readonly number[] {
    return this.all.map(({ port }) => port);
  }

  /** How many requests each has had. */
  get counts(): readonly number[] {
    return this.all.map(({ requests }) => requests.length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((each) => each[Symbol.asyncDispose]()));
  }
}

/** What the pool does when the process behind `upstream` is gone. */
function end(
  proxy: ProxyServer,
  upstream: Upstream,
  cause: EndCause = "self-inflicted",
): LossSuspects {
  const fate = { cause, description: "exited with code 1" };
  const suspects = proxy.inFlight.lose(upstream, fate);
  upstream.markEnded(fate);
  proxy.dispatcher.serveSuspects();
  return suspects;
}

/** Ends the worker of `origin` once it has `requests` in flight. */
async function endWith(
  proxy: ProxyServer,
  origin: RecordingOrigin,
  { requests, cause }: { requests: number; cause?: EndCause },
): Promise<LossSuspects> {
  await origin.waitFor(({ requests: { length } }) => length === requests);
  const upstream = proxy.upstreams.find(({ port }) => port === origin.port)!;
  const suspects = end(proxy, upstream, cause);
  origin.open("die");
  return suspects;
}

/** Has these take the requests to come, and no others. */
function publish(proxy: ProxyServer, ...origins: RecordingOrigin[]): void {
  const ports = origins.map(({ port }) => port);
  proxy.dispatcher.publish(
    proxy.upstreams.filter(({ port }) => ports.includes(port)),
  );
}

Deno.test("a request whose worker has ended is sent again once, and named each time", async () => {
  await using origins = await Origins.start(4);
  const [first, second] = origins.all;
  await using proxy = startProxy({ origins: origins.ports });
  await using client = await RawClient.connect(proxy);
  await client.send(get("/die?x=1"));
  const { suspects, suspectCount } = await endWith(proxy, first!, {
    requests: 1,
  });
  assert.equal(suspectCount, 1);
  const { ageMs, requestId, ...named } = suspects[0]!;
  assert.deepEqual(named, { method: "GET", target: "/die?x=1", losses: 1 });
  assert.ok(ageMs > 0);
  const again = await endWith(proxy, second!, { requests: 1 });
  assert.deepEqual([again.suspects[0]?.requestId, again.suspects[0]?.losses], [
    requestId,
    2,
  ]);
  const response = await client.readResponse();
  assert.equal(response.status, 502);
  assert.equal(response.headers.get("x-request-id"), requestId);
  assert.deepEqual(origins.counts, [1, 1, 0, 0]);
  const failed = await proxy.waitForEvent("exchange-failed");
  assert.deepEqual(
    [failed.code, failed.target, failed.attempts, failed.workerId],
    ["worker-ended", "/die?x=1", 2, 1],
  );
  assert.match(failed.note!, /exited with code 1; not sent again/);
});

Deno.test("a request that is answered by the second worker is answered", async () => {
  await using origins = await Origins.start(3, 1);
  await using proxy = startProxy({ origins: origins.ports });
  await using client = await RawClient.connect(proxy);
  await client.send(get("/"));
  await endWith(proxy, origins.all[0]!, { requests: 1 });
  assert.equal((await client.readResponse()).text, "origin 1");
  assert.equal(proxy.counters.retries, 1);
});

for (const count of [1, 2]) {
  Deno.test(`in a pool of ${count} the last worker is not given a request with which another ended`, async () => {
    await using origins = await Origins.start(count, 1);
    await using proxy = startProxy({ origins: origins.ports });
    await using client = await RawClient.connect(proxy);
    await client.send(get("/die"));
    await endWith(proxy, origins.all[0]!, { requests: 1 });
    assert.equal((await client.readResponse()).status, 502);
    assert.equal(origins.counts[1] ?? 0, 0);
    assert.equal(proxy.counters.retries, 0);
    assert.equal(proxy.dispatcher.queue.rejected, 0);
  });
}

Deno.test("a request that waits for its second worker does not get the one that is left", async () => {
  await using dying = await RecordingOrigin.start([DIES]);
  await using busy = await RecordingOrigin.start([[
    { do: "read-request" },
    { do: "gate", name: "answer" },
    { do: "send", data: ok("done") },
    { do: "read-end" },
  ]]);
  await using proxy = startProxy({
    origins: [dying.port, busy.port, busy.port],
    options: { workerConcurrency: 1 },
  });
  const clients = await Promise.all(
    [0, 1, 2].map(() => RawClient.connect(proxy)),
  );
  const [culprit, ...others] = clients;
  await culprit!.send(get("/die"));
  await dying.waitFor(({ requests }) => requests.length === 1);
  for (const other of others) await other.send(get("/slow"));
  await busy.waitFor(({ requests }) => requests.length === 2);
  await endWith(proxy, dying, { requests: 1 });
  await proxy.waitUntil(({ dispatcher }) => dispatcher.queue.depth === 1);
  proxy.dispatcher.publish(proxy.upstreams.slice(2));
  busy.open("answer");
  for (const other of others) {
    assert.equal((await other.readResponse()).text, "done");
  }
  assert.equal((await culprit!.readResponse()).status, 502);
  assert.equal(busy.requests.length, 2);
  for (const client of clients) await client[Symbol.asyncDispose]();
});

Deno.test("after two losses the same method and path is not sent again, whatever its query", async () => {
  await using origins = await Origins.start(8);
  await using proxy = startProxy({ origins: origins.ports });
  await using client = await RawClient.connect(proxy);
  const [first, second, third] = origins.all;
  await client.send(get("/die?n=1"));
  await endWith(proxy, first!, { requests: 1 });
  await endWith(proxy, second!, { requests: 1 });
  assert.equal((await client.readResponse()).status, 502);
  await client.send(get("/die?n=2"));
  await endWith(proxy, third!, { requests: 1 });
  assert.equal((await client.readResponse()).status, 502);
  assert.deepEqual(origins.counts, [1, 1, 1, 0, 0, 0, 0, 0]);
  // Another path is as before.
  await client.send(get("/other"));
  await endWith(proxy, origins.all[3]!, { requests: 1 });
  await origins.all[4]!.waitFor(({ requests }) => requests.length === 1);
});

Deno.test("all that was in flight is suspected, and tried one after the other, while others are served", async () => {
  await using origins = await Origins.start(3, 2);
  const [first, second, third] = origins.all;
  await using proxy = startProxy({ origins: origins.ports });
  publish(proxy, first!);
  const clients = await Promise.all(
    [0, 1].map(() => RawClient.connect(proxy)),
  );
  for (const [index, client] of clients.entries()) {
    await client.send(get(`/${index}`));
    await first!.waitFor(({ requests }) => requests.length === index + 1);
  }
  publish(proxy, second!, third!);
  const { suspects } = await endWith(proxy, first!, { requests: 2 });
  assert.deepEqual(suspects.map(({ target }) => target), ["/1", "/0"]);
  await proxy.waitUntil(({ dispatcher }) => dispatcher.queue.depth === 1);
  await second!.waitFor(({ requests }) => requests.length === 1);
  await using other = await RawClient.connect(proxy);
  for (let n = 0; n < 3; n++) {
    assert.equal((await other.ask(get("/"))).text, "origin 2");
  }
  // It was the one, so that nobody has to try the other one.
  await endWith(proxy, second!, { requests: 1 });
  const statuses = await Promise.all(
    clients.map(async (client) => (await client.readResponse()).status),
  );
  assert.deepEqual(statuses.toSorted(), [200, 502]);
  assert.deepEqual(origins.counts, [2, 1, 4]);
  for (const client of clients) await client[Symbol.asyncDispose]();
});

Deno.test("a request with which the last but one has ended waits for another to be started", async () => {
  await using origins = await Origins.start(3, 1);
  const [first, second, replacement] = origins.all;
  await using proxy = startProxy({ origins: origins.ports });
  await using client = await RawClient.connect(proxy);
  const [, , replacing] = proxy.upstreams;
  publish(proxy, first!, second!);
  await client.send(get("/"));
  const left = proxy.upstreams.filter(({ port }) => port === second!.port);
  proxy.dispatcher.publish([proxy.upstreams[0]!, ...left], [], 2);
  await endWith(proxy, first!, { requests: 1 });
  proxy.dispatcher.publish(left, [], 2);
  await proxy.waitUntil(({ dispatcher }) => dispatcher.queue.depth === 1);
  assert.equal(second!.requests.length, 0);
  proxy.dispatcher.publish([...left, replacing!], [], 2);
  assert.equal((await client.readResponse()).status, 200);
  assert.equal(replacement!.requests.length + second!.requests.length, 1);
});

Deno.test("who was suspected beside others is cleared by an answer", async () => {
  await using origins = await Origins.start(8, 5);
  await using proxy = startProxy({ origins: origins.ports });
  await using culprit = await RawClient.connect(proxy);
  await using bystander = await RawClient.connect(proxy);
  const answers = origins.all.at(-1)!;
  const spare = origins.all.at(-2)!;
  for (const dying of origins.all.slice(0, 2)) {
    publish(proxy, dying);
    await culprit.send(post("/die", "x"));
    await dying.waitFor(({ requests }) => requests.length === 1);
    await bystander.send(get("/page"));
    await dying.waitFor(({ requests }) => requests.length === 2);
    publish(proxy, answers, spare);
    await endWith(proxy, dying, { requests: 2 });
    assert.equal((await culprit.readResponse()).status, 502);
    assert.equal((await bystander.readResponse()).status, 200);
  }
  // As if nothing had been.
  const { suspects } = await (async (): Promise<LossSuspects> => {
    publish(proxy, origins.all[2]!);
    await bystander.send(get("/page"));
    await origins.all[2]!.waitFor(({ requests }) => requests.length === 1);
    publish(proxy, answers, spare);
    return await endWith(proxy, origins.all[2]!, { requests: 1 });
  })();
  assert.equal((await bystander.readResponse()).status, 200);
  assert.equal(suspects[0]?.losses, 1);
});

Deno.test("where one is known to end workers, the others wait for a replacement if need be", async () => {
  await using origins = await Origins.start(4, 3);
  const [first, second, third, replacement] = origins.all;
  await using proxy = startProxy({ origins: origins.ports });
  publish(proxy, first!, second!, third!);
  await using culprit = await RawClient.connect(proxy);
  await using bystander = await RawClient.connect(proxy);
  await culprit.send(get("/die"));
  await endWith(proxy, first!, { requests: 1 });
  await endWith(proxy, second!, { requests: 1 });
  assert.equal((await culprit.readResponse()).status, 502);
  // One worker is left. It has a good request and then the bad one.
  await bystander.send(get("/page"));
  await third!.waitFor(({ requests }) => requests.length === 1);
  await culprit.send(get("/die"));
  const { suspects } = await endWith(proxy, third!, { requests: 2 });
  assert.deepEqual(suspects.map(({ target }) => target), ["/die", "/page"]);
  assert.equal((await culprit.readResponse()).status, 502);
  await proxy.waitUntil(({ dispatcher }) => dispatcher.queue.depth === 1);
  publish(proxy, replacement!);
  assert.equal((await bystander.readResponse()).text, "origin 3");
});

Deno.test("what a signal from outside has ended is sent again, to the last worker too, and nobody is suspected", async () => {
  await using origins = await Origins.start(2, 1);
  const [killed] = origins.all;
  await using proxy = startProxy({ origins: origins.ports });
  publish(proxy, killed!);
  const clients = await Promise.all(
    [1, 2, 3].map(() => RawClient.connect(proxy)),
  );
  for (const client of clients) await client.send(get("/"));
  await killed!.waitFor(({ requests }) => requests.length === 3);
  publish(proxy, ...origins.all);
  const cause = "external-signal";
  assert.deepEqual(await endWith(proxy, killed!, { requests: 3, cause }), {
    suspects: [],
    suspectCount: 0,
  });
  for (const client of clients) {
    assert.equal((await client.readResponse()).text, "origin 1");
    await client[Symbol.asyncDispose]();
  }
});

Deno.test("a request that is alone with one killed worker and then another is not given a third", async () => {
  using clock = new StoppedClock();
  await using origins = await Origins.start(5, 4);
  await using proxy = startProxy({ origins: origins.ports });
  await using client = await RawClient.connect(proxy);
  const cause = "external-signal";
  const endLater = async (origin: RecordingOrigin): Promise<void> => {
    await origin.waitFor(({ requests }) => requests.length === 1);
    await clock.pass(500);
    await endWith(proxy, origin, { requests: 1, cause });
  };
  const [first, second, third] = origins.all;
  await client.send(get("/huge"));
  await endLater(first!);
  await endLater(second!);
  assert.equal((await client.readResponse()).status, 502);
  // The next one costs a single worker.
  await client.send(get("/huge"));
  await endLater(third!);
  assert.equal((await client.readResponse()).status, 502);
  assert.deepEqual(origins.counts, [1, 1, 1, 0, 0]);
});

Deno.test("a request that is alone with workers that are all killed at once waits for a replacement", async () => {
  await using origins = await Origins.start(3, 2);
  const [first, second, replacement] = origins.all;
  await using proxy = startProxy({ origins: origins.ports });
  publish(proxy, first!, second!);
  await using client = await RawClient.connect(proxy);
  const cause = "external-signal";
  await client.send(get("/"));
  await endWith(proxy, first!, { requests: 1, cause });
  const { suspects } = await endWith(proxy, second!, { requests: 1, cause });
  assert.deepEqual(suspects, []);
  await proxy.waitUntil(({ dispatcher }) => dispatcher.queue.depth === 1);
  publish(proxy, replacement!);
  assert.equal((await client.readResponse()).text, "origin 2");
});

Deno.test("requests on workers that are killed one by one do not spoil it for each other", async () => {
  await using origins = await Origins.start(6, 5);
  await using proxy = startProxy({ origins: origins.ports });
  const clients = await Promise.all(
    [0, 1, 2, 3, 4].map(() => RawClient.connect(proxy)),
  );
  for (const [index, client] of clients.entries()) {
    await client.send(get("/"));
    await origins.all[index]!.waitFor(({ requests }) => requests.length === 1);
  }
  const last = origins.all[5]!;
  publish(proxy, last);
  for (const origin of origins.all.slice(0, 5)) {
    await endWith(proxy, origin, { requests: 1, cause: "external-signal" });
  }
  for (const client of clients) {
    assert.equal((await client.readResponse()).text, "origin 5");
    await client[Symbol.asyncDispose]();
  }
});

Deno.test("a connection that was used before makes no difference", async () => {
  using _clock = new StoppedClock();
  await using bad = await RecordingOrigin.start([
    [...answering(ok("ok")).slice(0, 2), ...DIES],
  ]);
  await using last = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({ origins: [bad.port, last.port] });
  await using client = await RawClient.connect(proxy);
  await client.ask(get("/1"));
  await client.ask(get("/2"));
  await client.send(get("/die"));
  await endWith(proxy, bad, { requests: 2 });
  assert.equal((await client.readResponse()).status, 502);
  assert.deepEqual([bad.connections.length, last.requests.length], [1, 1]);
});

Deno.test("the end of a process that is noticed after that of its connection is waited for", async () => {
  await using origins = await Origins.start(2, 1);
  await using proxy = startProxy({ origins: origins.ports });
  const [upstream] = proxy.upstreams;
  const onEnd = upstream!.onEnd.bind(upstream);
  upstream!.onEnd = (callback) => {
    queueMicrotask(() => end(proxy, upstream!));
    return onEnd(callback);
  };
  await using client = await RawClient.connect(proxy);
  await client.send(get("/die"));
  await origins.all[0]!.waitFor(({ requests }) => requests.length === 1);
  origins.all[0]!.open("die");
  assert.equal((await client.readResponse()).status, 502);
  const { code } = await proxy.waitForEvent("exchange-failed");
  assert.equal(code, "worker-ended");
  assert.equal(origins.all[1]!.requests.length, 0);
});

Deno.test("a worker that ends later than that is no proof, and one that goes on is none", async () => {
  await using origins = await Origins.start(3, 2);
  const [first, second] = origins.all;
  first!.open("die");
  second!.open("die");
  await using proxy = startProxy({ origins: origins.ports });
  await using client = await RawClient.connect(proxy);
  // Both have closed the connection, and run on.
  assert.equal((await client.ask(get("/"))).text, "origin 2");
  assert.deepEqual(origins.counts, [1, 1, 1]);
  assert.deepEqual(end(proxy, proxy.upstreams[0]!), {
    suspects: [],
    suspectCount: 0,
  });
});

Deno.test("a worker that the pool has ended takes no blame from its requests", async () => {
  await using origins = await Origins.start(3, 2);
  const [first, second] = origins.all;
  await using proxy = startProxy({ origins: origins.ports });
  await using client = await RawClient.connect(proxy);
  await client.send(get("/long"));
  const cause = "requested";
  await endWith(proxy, first!, { requests: 1, cause });
  await endWith(proxy, second!, { requests: 1, cause });
  assert.equal((await client.readResponse()).text, "origin 2");
});

/** Requests that are not sent again, and where their worker ends. */
const NOT_AGAIN: Readonly<
  Record<string, { script: OriginScript; send: string; status: number }>
> = {
  "a POST": { script: DIES, send: post("/die", "x"), status: 502 },
  "a POST whose body is still to come": {
    script: [{ do: "read-head" }, { do: "gate", name: "die" }, { do: "close" }],
    send: `${postHead("/die", "Content-Length: 100")}12345`,
    status: 502,
  },
  "a GET with part of a response's head": {
    script: [
      { do: "read-request" },
      { do: "send", data: "HTTP/1.1 200 O" },
      { do: "gate", name: "die" },
      { do: "close" },
    ],
    send: get("/die"),
    status: 502,
  },
  "a GET with part of a response's body": {
    script: [
      { do: "read-request" },
      { do: "send", data: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc" },
      { do: "gate", name: "die" },
      { do: "close" },
    ],
    send: get("/die"),
    status: 0,
  },
};

for (const [what, { script, send, status }] of Object.entries(NOT_AGAIN)) {
  Deno.test(`${what} is named too when its worker ends`, async () => {
    await using bad = await RecordingOrigin.start([script]);
    await using good = await RecordingOrigin.start([answering(ok("good"))]);
    await using other = await RecordingOrigin.start([answering(ok("good"))]);
    await using proxy = startProxy({
      origins: [bad.port, good.port, other.port],
    });
    await using client = await RawClient.connect(proxy);
    await client.send(send);
    await bad.waitFor(({ connections }) =>
      connections[0]?.text.includes("/die") === true
    );
    if (status === 0) await client.readThrough("abc");
    await proxy.waitUntil(() => proxy.upstreams[0]!.inFlight === 1);
    const { suspects } = end(proxy, proxy.upstreams[0]!);
    bad.open("die");
    assert.deepEqual(suspects.map(({ target }) => target), ["/die"]);
    const failed = await proxy.waitForEvent("exchange-failed");
    assert.deepEqual([failed.status, failed.code], [status, "worker-ended"]);
    assert.equal(good.requests.length + other.requests.length, 0);
  });
}

for (const [maxRetries, sent] of [[0, 1], [1, 2], [4, 5]] as const) {
  Deno.test(`with MAX_RETRIES=${maxRetries} a request is sent ${sent} times at most`, async () => {
    await using origin = await RecordingOrigin.start([
      [{ do: "read-request" }, { do: "close" }],
    ]);
    await using proxy = startProxy({
      origins: [origin.port, origin.port],
      options: { maxRetries },
    });
    await using client = await RawClient.connect(proxy);
    assert.equal((await client.ask(get("/"))).status, 502);
    assert.equal(origin.requests.length, sent);
    assert.equal(proxy.counters.retries, maxRetries);
    const { setting, attempts } = await proxy.waitForEvent("exchange-failed");
    assert.deepEqual([setting, attempts], ["MAX_RETRIES", sent]);
  });
}

Deno.test("with MAX_RETRIES=0 a worker that refuses costs nobody a request: nothing was sent", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("good"))]);
  await using proxy = startProxy({
    origins: [freePort(), origin.port],
    options: { maxRetries: 0 },
  });
  await using client = await RawClient.connect(proxy);
  assert.equal((await client.ask(get("/"))).text, "good");
});
