/**
 * Upstreams without processes, and dispatchers of them.
 *
 * @module
 */

import {
  type ClaimRequest,
  Dispatcher,
  type DispatcherOptions,
} from "../../src/upstream/dispatcher.ts";
import { hashClient } from "../../src/upstream/policy/ip_hash.ts";
import { roundRobin } from "../../src/upstream/policy/round_robin.ts";
import { Upstream } from "../../src/upstream/upstream.ts";
import { Random } from "../fuzz/random.ts";

/** One of many: enough that a seed's numbers are spread evenly. */
const RESOLUTION = 2 ** 30;

/** Makes upstreams with the ids 0 to `count - 1`. */
export function upstreams(count: number): Upstream[] {
  return Array.from({ length: count }, (_, id) => upstream(id));
}

/** Makes an upstream. */
export function upstream(id: number, generation = 1): Upstream {
  const port = 8081 + id;
  return new Upstream({ id, port, hostname: "127.0.0.1", generation });
}

/** A dispatcher that has published `set`. */
export function dispatcherOf(
  set: readonly Upstream[],
  options: Partial<DispatcherOptions> = {},
): Dispatcher {
  const dispatcher = new Dispatcher({
    policy: roundRobin,
    workerConcurrency: 0,
    maxQueue: 1024,
    queueTimeoutMs: 10_000,
    ...options,
  });
  dispatcher.publish(set);
  return dispatcher;
}

/** A request of client number `client`, who may belong to a generation. */
export function requestOf(
  client = 0,
  generation: number | null = null,
): ClaimRequest {
  const clientHash = hashClient(`192.0.2.${client}`);
  return { clientHash, generation, avoid: null };
}

/** Numbers in [0, 1) that `seed` determines. */
export function uniform(seed: number): () => number {
  const random = new Random(seed, 0);
  return () => random.below(RESOLUTION) / RESOLUTION;
}
