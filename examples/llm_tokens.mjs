// Tokens as a language model sends them: server-sent events, one for each word,
// written as they come. The pool passes each on at once.
//
//   POLICY=least-connections DRAIN_TIMEOUT_MS=120000 ./tools/prefork-pool.ts -- node examples/llm_tokens.mjs
//   curl -N 'localhost:8080/v1/completions?prompt=hello'
//
// A model takes so many prompts at once, and no more: WORKER_CONCURRENCY=4, and
// the others wait in the queue, or get 503 with Retry-After beyond
// MAX_QUEUE. A client that goes away closes the request, and ends the work.

import { createServer } from "node:http";
import process from "node:process";

const WORDS = "Once upon a time there was a pool of workers .".split(" ");
const MS_PER_TOKEN = 20;

const server = createServer((request, response) => {
  if (!request.url.startsWith("/v1/completions")) return response.end("ok\n");
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
  });
  let next = 0;
  const timer = setInterval(() => {
    const text = WORDS[next++];
    if (text !== undefined) {
      return response.write(`data: ${JSON.stringify({ text })}\n\n`);
    }
    clearInterval(timer);
    response.end("data: [DONE]\n\n");
  }, MS_PER_TOKEN);
  response.on("close", () => clearInterval(timer));
});

server.listen(Number(process.env.PORT), process.env.HOST);

// Streams that are open are written to their ends.
process.on("SIGTERM", () => {
  server.close();
  server.closeIdleConnections();
});
