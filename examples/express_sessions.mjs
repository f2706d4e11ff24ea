// Express, with sessions that any worker can read: they are in a signed cookie,
// so that neither a reload nor the loss of a worker loses one.
//
//   SESSION_SECRET=change-me ./tools/prefork-pool.ts -- deno run -A examples/express_sessions.mjs
//   curl -c jar -b jar localhost:8080/    # and again: it counts
//
// On Node: npm install express cookie-session, and `-- node` in place of
// `-- deno run -A`. Sessions in a worker's memory (express-session without a
// store) are gone with the worker: docs/stickiness.md.

import process from "node:process";
import cookieSession from "cookie-session";
import express from "express";

const secret = process.env.SESSION_SECRET;
if (secret === undefined) throw new Error("SESSION_SECRET is not set");

const app = express();
// The pool is the one proxy in front: req.ip and req.protocol are the client's.
app.set("trust proxy", "loopback");
app.use(cookieSession({ name: "session", keys: [secret] }));

app.get("/", (request, response) => {
  request.session.views = (request.session.views ?? 0) + 1;
  const { views } = request.session;
  response.json({ views, worker: process.env.WORKER_ID, from: request.ip });
});

const server = app.listen(Number(process.env.PORT), process.env.HOST);

process.on("SIGTERM", () => {
  server.close();
  server.closeIdleConnections();
});
