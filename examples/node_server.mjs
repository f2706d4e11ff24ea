// The smallest worker on Node: any HTTP server that listens on $PORT.
//
//   ./tools/prefork-pool.ts -- node examples/node_server.mjs
//   curl localhost:8080/

import { createServer } from "node:http";
import process from "node:process";

const server = createServer((request, response) => {
  response.setHeader("content-type", "text/plain; charset=utf-8");
  const { "x-forwarded-for": from, "x-forwarded-proto": by } = request.headers;
  const who = `worker ${process.env.WORKER_ID}`;
  response.end(`${who}: ${request.url} for ${from} by ${by}\n`);
});

server.listen(Number(process.env.PORT), process.env.HOST);

// The pool takes a worker out of rotation before it sends SIGTERM, so nothing
// is in flight; close() only gives up the idle connections.
process.on("SIGTERM", () => {
  server.close();
  server.closeIdleConnections();
});
