/**
 * nginx as the worker: a fraction of the CPU and memory of `origin_main.ts`,
 * for the scenarios in which the load must not be the limit, or in which there
 * are many workers. It answers the small request only.
 *
 * @module
 */

import { join } from "node:path";
import {
  DEFAULT_PATH,
  ECHO_PATH,
  ORIGIN_BODIES,
  ORIGIN_FIELD,
} from "./origin_bodies.ts";

/** A placeholder in the configuration of a worker that is given its port. */
const PORT = "PORT";

/** Fills in the port, which is in the environment, and becomes the worker. */
const START = `sed "s/${PORT}/$PORT/g" "$0" > "$0.$PORT" && ` +
  `exec nginx -e stderr -c "$0.$PORT"`;

/**
 * Writes a configuration into `directory`; returns the command of one worker on
 * the port in PORT, for a pool that spawns its own.
 */
export function lightOrigin(directory: string): readonly string[] {
  const template = join(directory, "origin.conf");
  Deno.writeTextFileSync(template, configuration(directory));
  return ["sh", "-c", START, template];
}

function configuration(directory: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `  ${kind}_temp_path ${directory}/${kind};`).join("\n");
  const body = ORIGIN_BODIES.get(DEFAULT_PATH)!.text.replace("\n", "\\n");
  const echo = ["For", "Proto", "Host"].map((name) =>
    `X-Forwarded-${name}: $http_x_forwarded_${name.toLowerCase()}\\n`
  ).join("");
  return `
daemon off;
master_process off;
pid ${directory}/${PORT}.pid;
error_log stderr crit;

events { worker_connections 8192; }

http {
  access_log off;
${temporary}
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  default_type text/plain;

  server {
    listen 127.0.0.1:${PORT} backlog=4096;
    add_header ${ORIGIN_FIELD} $server_port;
    location = ${ECHO_PATH} { return 200 "${echo}"; }
    location / { return 200 "${body}"; }
  }
}
`;
}
