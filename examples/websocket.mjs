// WebSockets: each stays with the worker it was opened on.
//
//   POLICY=least-connections ./tools/prefork-pool.ts -- deno run -A examples/websocket.mjs
//
// A worker that leaves is asked to end while its sockets are open, so that it
// can say goodbye: clients that are sent 1012 ("service restart") come back, to
// another worker. It has STOP_TIMEOUT_MS for that.

import { createServer } from "node:http";
import process from "node:process";
import { WebSocketServer } from "ws";

const server = createServer((_request, response) => response.end("ok\n"));
const sockets = new WebSocketServer({ server });

sockets.on("connection", (socket) => {
  socket.on("message", (data) => socket.send(`echo ${data}`));
});

server.listen(Number(process.env.PORT), process.env.HOST);

process.on("SIGTERM", () => {
  for (const socket of sockets.clients) socket.close(1012, "restarting");
  server.close(() => process.exit());
  server.closeIdleConnections();
});
