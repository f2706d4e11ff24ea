/**
 * `Deno.serve` with `fetch`: what this runtime's users write first.
 *
 * @module
 */

import { denoPeer } from "./deno_peer.ts";
import type { Peer } from "./peer.ts";

/** The balancer of `deno_serve_main.ts`. */
export const denoServe: Peer = denoPeer("deno-serve", {
  main: new URL("deno_serve_main.ts", import.meta.url),
  forwards: true,
});
