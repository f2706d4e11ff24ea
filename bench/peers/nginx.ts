/**
 * nginx: one worker process.
 *
 * @module
 */

import { join } from "node:path";
import { BALANCER_CORE, pinned } from "../support/cores.ts";
import { childrenOf } from "../support/proc_stat.ts";
import {
  MAX_CLIENTS,
  type Peer,
  type PeerContext,
  type StartedPeer,
} from "./peer.ts";

/** nginx with connections to the workers kept, and bodies never written to disk. */
export const nginx: Peer = {
  name: "nginx",
  needs: { program: "nginx", debianPackage: "nginx", versionArgs: ["-v"] },
  forwards: true,

  start({ processes, directory, port, originPorts }: PeerContext): StartedPeer {
    const file = join(directory, "nginx.conf");
    Deno.writeTextFileSync(
      file,
      nginxConfiguration({ directory, port, originPorts }),
    );
    const process = processes.start(
      pinned(BALANCER_CORE, [
        "nginx",
        "-e",
        "stderr",
        "-p",
        directory,
        "-c",
        file,
      ]),
    );
    return {
      port,
      process,
      workers: originPorts.length,
      // The process that was started only watches over the one that serves.
      pids: () => [process.pid, ...childrenOf(process.pid)],
    };
  },
};

/** What a configuration is made of. */
export interface NginxSettings
  extends Pick<PeerContext, "directory" | "port" | "originPorts"> {
  /** Directive that says how a worker is chosen. @default {""} round robin */
  readonly method?: string;
}

/** The whole configuration. */
export function nginxConfiguration(
  { directory, port, originPorts, method = "" }: NginxSettings,
): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `  ${kind}_temp_path ${directory}/${kind};`).join("\n");
  return `
daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log stderr crit;

events { worker_connections ${MAX_CLIENTS}; }

http {
  access_log off;
${temporary}
  keepalive_requests 1000000000;
  client_max_body_size 0;

  upstream workers {
    ${method === "" ? "" : `${method};`}
${originPorts.map((origin) => `    server 127.0.0.1:${origin};`).join("\n")}
    keepalive 1024;
    keepalive_requests 1000000000;
  }

  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://workers;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
    }
  }
}
`;
}
