/**
 * The balancers that are compared, in the order of the table.
 *
 * @module
 */

import { caddy } from "./caddy.ts";
import { denoServe } from "./deno_serve.ts";
import { direct } from "./direct.ts";
import { floor } from "./floor.ts";
import { haproxy } from "./haproxy.ts";
import { nginx } from "./nginx.ts";
import type { Peer } from "./peer.ts";
import { preforkPool, preforkPoolOnDeno } from "./prefork_pool.ts";

/** Every peer. */
export const PEERS: readonly Peer[] = [
  preforkPool,
  preforkPoolOnDeno,
  haproxy,
  nginx,
  caddy,
  denoServe,
  floor,
  direct,
];
