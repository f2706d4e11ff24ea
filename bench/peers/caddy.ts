/**
 * Caddy: one process on one core.
 *
 * @module
 */

import { join } from "node:path";
import { BALANCER_CORE, pinned } from "../support/cores.ts";
import type { Peer, PeerContext, StartedPeer } from "./peer.ts";

/** Caddy as it comes; it keeps connections and sets forwarding fields by itself. */
export const caddy: Peer = {
  name: "caddy",
  needs: { program: "caddy", debianPackage: "caddy", versionArgs: ["version"] },
  forwards: true,

  start({ processes, directory, port, originPorts }: PeerContext): StartedPeer {
    const file = join(directory, "Caddyfile");
    Deno.writeTextFileSync(file, configuration(port, originPorts));
    const process = processes.start(
      pinned(BALANCER_CORE, [
        "caddy",
        "run",
        "--config",
        file,
        "--adapter",
        "caddyfile",
      ]),
      // One core, and whatever Caddy keeps goes with the run.
      { GOMAXPROCS: "1", XDG_CONFIG_HOME: directory, XDG_DATA_HOME: directory },
    );
    return {
      port,
      process,
      workers: originPorts.length,
      pids: () => [process.pid],
    };
  },
};

function configuration(port: number, originPorts: readonly number[]): string {
  const workers = originPorts.map((origin) => `127.0.0.1:${origin}`).join(" ");
  return `
{
  admin off
  auto_https off
}

http://127.0.0.1:${port} {
  reverse_proxy ${workers} {
    lb_policy round_robin
  }
}
`;
}
