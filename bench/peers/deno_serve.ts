/**
 * `Deno.serve` with `fetch`: what this runtime's users write first.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { BALANCER_CORE, pinned } from "../support/cores.ts";
import type { Peer, PeerContext, StartedPeer } from "./peer.ts";

/** The balancer of `deno_serve_main.ts`. */
export const denoServe: Peer = {
  name: "deno-serve",
  needs: null,
  forwards: true,

  start({ processes, port, originPorts }: PeerContext): StartedPeer {
    const main = fileURLToPath(new URL("deno_serve_main.ts", import.meta.url));
    const ports = [port, ...originPorts].map(String);
    const process = processes.start(
      pinned(BALANCER_CORE, [Deno.execPath(), "run", "-A", main, ...ports]),
    );
    return {
      port,
      process,
      workers: originPorts.length,
      pids: () => [process.pid],
    };
  },
};
