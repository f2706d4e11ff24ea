/**
 * No balancer: the clients talk to one worker. What the others add is the
 * difference from this.
 *
 * @module
 */

import type { Peer, PeerContext, StartedPeer } from "./peer.ts";

/** The first worker itself. */
export const direct: Peer = {
  name: "direct",
  needs: null,
  forwards: false,

  start({ originPorts }: PeerContext): StartedPeer {
    return {
      port: originPorts[0]!,
      process: null,
      workers: 1,
      pids: () => [],
    };
  },
};
