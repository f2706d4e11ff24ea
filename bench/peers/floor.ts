/**
 * No balancer, but the least one could cost that is built as this project is:
 * its loop on epoll and the calls a balancer makes, with nothing in between.
 *
 * @module
 */

import { denoPeer } from "./deno_peer.ts";
import type { Peer } from "./peer.ts";

/** The loop of `floor_main.ts`. */
export const floor: Peer = denoPeer("floor", {
  main: new URL("floor_main.ts", import.meta.url),
  forwards: false,
});
