// Socket.IO over WebSockets alone. Long polling sends several requests for one
// session, which would have to find the same worker: docs/stickiness.md.
//
//   POLICY=least-connections ./tools/prefork-pool.ts -- deno run -A examples/socket_io.mjs
//
// Clients: io("http://localhost:8080", { transports: ["websocket"] }).
// A message to everybody reaches this worker's clients; for those of the other
// workers Socket.IO needs an adapter (Redis, Postgres).

import { createServer } from "node:http";
import process from "node:process";
import { Server } from "socket.io";

const server = createServer((_request, response) => response.end("ok\n"));
const io = new Server(server, { transports: ["websocket"] });

io.on("connection", (socket) => {
  socket.emit("welcome", { worker: process.env.WORKER_ID });
  socket.on("say", (text) => io.emit("said", text));
});

server.listen(Number(process.env.PORT), process.env.HOST);

// Open sockets are closed, with a word to their clients, who connect again.
process.on("SIGTERM", () => io.close(() => process.exit()));
