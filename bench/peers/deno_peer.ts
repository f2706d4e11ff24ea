/**
 * Peers that are programs of this directory, run by Deno with the port to
 * listen on and those of the workers.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { BALANCER_CORE, pinned } from "../support/cores.ts";
import type { Peer, PeerContext, StartedPeer } from "./peer.ts";

/** One whose program is `main`. */
export function denoPeer(
  name: string,
  { main, forwards }: { readonly main: URL } & Pick<Peer, "forwards">,
): Peer {
  const command = [Deno.execPath(), "run", "-A", fileURLToPath(main)];
  return {
    name,
    needs: null,
    forwards,

    start({ processes, port, originPorts }: PeerContext): StartedPeer {
      const ports = [port, ...originPorts].map(String);
      const process = processes.start(
        pinned(BALANCER_CORE, [...command, ...ports]),
      );
      return {
        port,
        process,
        workers: originPorts.length,
        pids: () => [process.pid],
      };
    },
  };
}
