/**
 * RATE_LIMIT: how many requests each client may make, whoever passes them on.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ipHash } from "../../src/upstream/policy/ip_hash.ts";
import type { RawResponse } from "../support/http_message.ts";
import { get, ok, post } from "../support/message_text.ts";
import { answering } from "../support/origin_script.ts";
import { startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";

/** So rare that no token comes while a test runs. */
const TWO_AN_HOUR = { perSecond: 1 / 1800, burst: 2 };

const TRUSTED = ["127.0.0.1/32", "10.0.0.0/8"];

/** Sends a request over a connection of its own. */
async function ask(port: number, ...fields: string[]): Promise<RawResponse> {
  await using client = await RawClient.connect({ port });
  return await client.ask(get("/", ...fields));
}

Deno.test("who has had its share is told 429 and when to come back, and no worker hears of it", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("hello"))]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: { rateLimit: TWO_AN_HOUR },
  });
  assert.equal((await ask(proxy.port)).status, 200);
  assert.equal((await ask(proxy.port)).status, 200);
  const refused = await ask(proxy.port);
  assert.equal(refused.status, 429);
  const seconds = Number(refused.headers.get("retry-after"));
  assert(seconds > 1700 && seconds <= 1800, `${seconds}`);
  assert.equal(proxy.counters.errorsByStatus().get(429), 1);
  assert.equal(proxy.upstreams[0]!.requests, 2);
});

Deno.test("behind a trusted proxy each client has a share of its own", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("hello"))]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: { rateLimit: TWO_AN_HOUR, trustedProxies: TRUSTED },
  });
  const status = async (...addresses: string[]): Promise<number> => {
    const fields = addresses.map((list) => `X-Forwarded-For: ${list}`);
    return (await ask(proxy.port, ...fields)).status;
  };
  assert.equal(await status("192.0.2.1"), 200);
  // What stands before the last untrusted address is hearsay.
  assert.equal(await status("203.0.113.9, 192.0.2.1, 10.1.2.3"), 200);
  assert.equal(await status("203.0.113.8", "192.0.2.1:4711"), 429);
  assert.equal(await status("203.0.113.8"), 200);
  // An IPv6 client is its /64.
  assert.equal(await status("2001:db8::1"), 200);
  assert.equal(await status("[2001:db8::2]:443"), 200);
  assert.equal(await status("2001:db8::3"), 429);
  assert.equal(await status("2001:db8:0:1::3"), 200);
  // The proxies' own requests are not limited.
  for (let i = 0; i < 3; i++) {
    assert.equal(await status("10.0.0.1"), 200);
    assert.equal(await status(), 200);
  }
});

Deno.test("a client that is not trusted has no say in who it is", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("hello"))]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: { rateLimit: TWO_AN_HOUR },
  });
  const statuses = [];
  for (let i = 0; i < 3; i++) {
    const { status } = await ask(proxy.port, `X-Forwarded-For: 192.0.2.${i}`);
    statuses.push(status);
  }
  assert.deepEqual(statuses, [200, 200, 429]);
});

Deno.test("a request with a body is turned away without the body being passed on", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("hello"))]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: { rateLimit: { perSecond: 1 / 3600, burst: 1 } },
  });
  await using client = await RawClient.connect({ port: proxy.port });
  const request = post("/", "body");
  assert.equal((await client.ask(request)).status, 200);
  const refused = await client.ask(request);
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get("connection"), "close");
  assert.equal(proxy.upstreams[0]!.requests, 1);
});

Deno.test("the clients of a trusted proxy are told apart by Forwarded where it sends nothing else", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({
    origins: [origin.port],
    options: {
      rateLimit: { ...TWO_AN_HOUR, burst: 1 },
      trustedProxies: TRUSTED,
    },
  });
  const statuses: number[] = [];
  for (
    const value of [
      "for=192.0.2.1",
      "for=9.9.9.9, for=192.0.2.1;proto=https, for=127.0.0.1",
      'for="[2001:db8::1]:80"',
      "for=192.0.2.2",
    ]
  ) statuses.push((await ask(proxy.port, `Forwarded: ${value}`)).status);
  assert.deepEqual(statuses, [200, 429, 200, 200]);
});

Deno.test("ip-hash tells the clients of a trusted proxy apart", async () => {
  await using a = await RecordingOrigin.start([answering(ok("a"))]);
  await using b = await RecordingOrigin.start([answering(ok("b"))]);
  await using proxy = startProxy({
    origins: [a.port, b.port],
    options: { policy: ipHash, trustedProxies: TRUSTED },
  });
  const answerOf = async (client: number): Promise<string> => {
    const field = `X-Forwarded-For: 192.0.2.${client}`;
    return (await ask(proxy.port, field)).text;
  };
  const first: string[] = [];
  for (let client = 0; client < 12; client++) {
    first.push(await answerOf(client));
  }
  assert.deepEqual(new Set(first), new Set(["a", "b"]));
  for (let client = 0; client < 12; client++) {
    assert.equal(await answerOf(client), first[client]);
  }
});
