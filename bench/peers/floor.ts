/**
 * No balancer, but the least one could cost that is built as this project is:
 * its loop on epoll and the calls a balancer makes, with nothing in between.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { BALANCER_CORE, pinned } from "../support/cores.ts";
import type { Peer, PeerContext, StartedPeer } from "./peer.ts";

/** The loop of `floor_main.ts`. */
export const floor: Peer = {
  name: "floor",
  needs: null,
  forwards: false,

  start({ processes, port, originPorts }: PeerContext): StartedPeer {
    const main = fileURLToPath(new URL("floor_main.ts", import.meta.url));
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
