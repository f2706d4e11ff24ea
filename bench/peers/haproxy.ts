/**
 * HAProxy: one process, one thread.
 *
 * @module
 */

import { join } from "node:path";
import { BALANCER_CORE, pinned } from "../support/cores.ts";
import {
  MAX_CLIENTS,
  type Peer,
  type PeerContext,
  type StartedPeer,
} from "./peer.ts";

/** HAProxy with connections to the workers kept and shared by all clients. */
export const haproxy: Peer = {
  name: "haproxy",
  needs: {
    program: "haproxy",
    debianPackage: "haproxy",
    versionArgs: ["-v"],
  },
  forwards: true,

  start({ processes, directory, port, originPorts }: PeerContext): StartedPeer {
    const file = join(directory, "haproxy.cfg");
    Deno.writeTextFileSync(file, haproxyConfiguration(port, originPorts));
    // -db: stays in the foreground, so that its pid is the one we started.
    const process = processes.start(
      pinned(BALANCER_CORE, ["haproxy", "-db", "-f", file]),
    );
    return {
      port,
      process,
      workers: originPorts.length,
      pids: () => [process.pid],
    };
  },
};

/** The whole configuration. */
export function haproxyConfiguration(
  port: number,
  originPorts: readonly number[],
  { balance = "roundrobin", server = "", queueTimeout = "5s" } = {},
): string {
  return `
global
  nbthread 1
  maxconn ${MAX_CLIENTS}
  # Not every client needs a second descriptor at the same time.
  no strict-limits

defaults
  mode http
  timeout connect 5s
  timeout queue ${queueTimeout}
  timeout client 75s
  timeout server 60s
  option forwardfor
  http-reuse always

frontend clients
  bind 127.0.0.1:${port} backlog 4096
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  default_backend workers

backend workers
  balance ${balance}
${
    originPorts.map((origin) =>
      `  server w${origin} 127.0.0.1:${origin} ${server}`
    ).join(
      "\n",
    )
  }
`;
}
