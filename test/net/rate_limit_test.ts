/**
 * How many requests each client may make.
 *
 * @module
 */

import assert from "node:assert/strict";
import { RateLimit } from "../../src/net/rate_limit.ts";
import { rateLimitKey } from "../../src/net/rate_limit_key.ts";
import { Random } from "../fuzz/random.ts";

Deno.test("a client may make a burst, and then as many as tokens come", () => {
  const limit = new RateLimit({ perSecond: 4, burst: 3 });
  const waits = [0, 0, 0, 0, 250, 250, 2_000, 2_000, 2_000, 2_000]
    .map((now) => limit.take("a", now));
  assert.deepEqual(waits, [0, 0, 0, 250, 0, 250, 0, 0, 0, 250]);
});

Deno.test("clients have buckets of their own", () => {
  const limit = new RateLimit({ perSecond: 1, burst: 1 });
  assert.equal(limit.take("a", 0), 0);
  assert.equal(limit.take("b", 0), 0);
  assert.equal(limit.take("a", 0), 1_000);
});

Deno.test("who is turned away loses nothing by asking", () => {
  const limit = new RateLimit({ perSecond: 1, burst: 1 });
  limit.take("a", 0);
  for (let now = 1; now < 1_000; now += 7) {
    assert.equal(limit.take("a", now), 1_000 - now);
  }
  assert.equal(limit.take("a", 1_000), 0);
});

Deno.test("whatever comes when, no more than burst and rate allow are let in, and no fewer", () => {
  for (let seed = 0; seed < 100; seed++) {
    const random = new Random(8, seed);
    const perSecond = 1 + random.below(200);
    const burst = 1 + random.below(20);
    const limit = new RateLimit({ perSecond, burst });
    const admitted: number[] = [];
    let tokens = burst;
    let now = 0;
    for (let i = 0; i < 400; i++) {
      const gap = random.below(2_000 / perSecond);
      now += gap;
      tokens = Math.min(burst, tokens + gap * perSecond / 1000);
      const wait = limit.take("a", now);
      // A bucket that is counted in tokens says the same, but for rounding.
      if (Math.abs(tokens - 1) > 1e-4) assert.equal(wait === 0, tokens > 1);
      if (wait === 0) {
        tokens -= 1;
        admitted.push(now);
      }
    }
    for (let i = burst; i < admitted.length; i++) {
      const spanMs = admitted[i]! - admitted[i - burst]!;
      assert(spanMs * perSecond / 1000 > 0.9, `${spanMs}`);
    }
  }
});

Deno.test("memory is bounded, and who was seen last is remembered longest", () => {
  const limit = new RateLimit({ perSecond: 0.001, burst: 1 }, 100);
  limit.take("often", 0);
  for (let client = 0; client < 10_000; client++) {
    assert.equal(limit.take(`client ${client}`, client), 0);
    if (client % 50 === 0) assert.notEqual(limit.take("often", client), 0);
    assert(limit.size <= 200);
  }
  assert.notEqual(limit.take("client 9999", 10_000), 0);
  // Forgotten: it has a full bucket again.
  assert.equal(limit.take("client 0", 10_000), 0);
});

Deno.test("an IPv6 client is its /64, an IPv4 client its address however it is written", () => {
  assert.equal(rateLimitKey("192.0.2.1"), "192.0.2.1");
  assert.equal(rateLimitKey("::ffff:192.0.2.1"), "192.0.2.1");
  assert.equal(
    rateLimitKey("2001:db8:1:2:3:4:5:6"),
    rateLimitKey("2001:DB8:1:2::9"),
  );
  assert.notEqual(
    rateLimitKey("2001:db8:1:2::1"),
    rateLimitKey("2001:db8:1:3::1"),
  );
  assert.equal(rateLimitKey("unknown"), "unknown");
});
