/**
 * What choosing, counting and giving back a worker costs, under each policy.
 *
 * `deno bench bench/micro/claim_bench.ts`
 *
 * @module
 */

import { Dispatcher } from "../../src/upstream/dispatcher.ts";
import { hashClient } from "../../src/upstream/policy/ip_hash.ts";
import { POLICIES, policyFor } from "../../src/upstream/policy/mod.ts";
import { Upstream } from "../../src/upstream/upstream.ts";

const POOL_SIZES = [4, 64];

/** Exchanges in flight while claiming, so that counts differ. */
const IN_FLIGHT_PER_WORKER = 2;

/** A cap for each policy, and for one of them the cap that is found. */
const CASES = [
  ...Object.entries(POLICIES).map(([name, policy]) => ({
    name,
    policy,
    workerConcurrency: 0,
  })),
  {
    name: "round-robin, auto",
    policy: policyFor({ policy: "round-robin", workerConcurrency: "auto" }),
    workerConcurrency: "auto",
  },
] as const;

for (const { name, policy, workerConcurrency } of CASES) {
  for (const size of POOL_SIZES) {
    const dispatcher = new Dispatcher({
      policy,
      workerConcurrency,
      maxQueue: 1,
      queueTimeoutMs: 1,
    });
    dispatcher.publish(
      Array.from({ length: size }, (_, id) =>
        new Upstream({
          id,
          hostname: "127.0.0.1",
          port: 8081 + id,
          generation: 1,
        })),
    );
    const request = {
      clientHash: hashClient("192.0.2.1"),
      generation: null,
      avoid: null,
    };
    for (let i = 0; i < size * IN_FLIGHT_PER_WORKER; i++) {
      dispatcher.claim(request);
    }
    Deno.bench(`${name}, ${size} workers`, { group: `${size} workers` }, () => {
      const upstream = dispatcher.claim(request);
      if (upstream !== null) dispatcher.release(upstream, request);
    });
  }
}
